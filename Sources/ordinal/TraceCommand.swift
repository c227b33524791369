import ArgumentParser
import Capture
import EventFormats
import Glibc

/// `ordinal trace`: the options, and what they mean together.
struct TraceCommand: ParsableCommand {
  enum Output: String, ExpressibleByArgument, CaseIterable { case pretty, json, compact, tree }

  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Print what the kernel does as it happens, in causal order.",
    usage: """
      ordinal trace [filters] [-o FORMAT] [--duration S] [--count N]
      ordinal trace [options] -- COMMAND [ARGUMENT …]
      """,
    discussion: """
      With a command, traces its whole process tree and exits with the command's status; without, \
      the whole machine until Ctrl-C. Events go to standard output, all else to standard error.

      The run ends with its account: offered = delivered + lost + missed, always. Events are lost \
      only while the ring is full; a gap line stands where they would have been.

      --events chooses what is told; `ordinal events` lists the families and their fields. All \
      families share one order. What is not chosen costs nothing: its programs are not loaded.

      Filters of different kinds must all hold; of several of one kind, one. --pid and --tree count \
      as one kind. An event of two tasks (a signal, a wakeup) passes if one of them does. Filtered events are counted as filtered, never as lost.

      --redact hides an argument that matches: what stands behind its '=', or the next argument if it \
      begins with '-' and has none, else all of it.

      Exit status: the command's (126 or 127 if it can't be run, 128 + n if signal n ended it); \
      without a command 0, 1 if output could not be written, 2 for bad input or a machine that \
      can't trace (see ordinal doctor), 64 for a wrong usage.
      """)

  @Option(
    name: .shortAndLong,
    help: "pretty (default on a terminal), json (default in a pipe), compact or tree.")
  var output: Output?

  @OptionGroup var filters: FilterArguments
  @OptionGroup var running: RunArguments
  @OptionGroup var traced: CommandArguments

  func run() throws {
    try runTellingFailures {
      let words = processArguments()
      if unsafe StandardDescriptors.isOutputClosed {
        throw Failure(
          "standard output is closed; send the events to a file or a pipe, or >/dev/null")
      }
      let output =
        self.output.flatMap { OutputFormat(rawValue: $0.rawValue) }
        ?? (isatty(STDOUT_FILENO) == 1 ? .pretty : .json)
      let request = try RunRequest(
        filters, running, command: traced.command, words: words, drawsTree: output == .tree)
      return try captureRun(request) { session, start in
        session.consumer.releasesWhileDraining = request.capture.pinName == nil
        return LineSink(request, output, verifier: start.verifier)
      }
    }
  }
}
