import ArgumentParser
import Capture
import Glibc

/// `ordinal trace`: the options, and what they mean together.
struct TraceCommand: ParsableCommand {
  enum Output: String, ExpressibleByArgument, CaseIterable { case pretty, json, compact, tree }
  enum Wait: String, ExpressibleByArgument, CaseIterable { case park, yield, spin }
  enum Timestamps: String, ExpressibleByArgument, CaseIterable { case precise, coarse, none }
  enum Until: String, ExpressibleByArgument, CaseIterable { case tree, command }

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

  @Option(
    help: ArgumentHelp(
      "Event families, comma-separated (default process); `ordinal events` tells them.",
      valueName: "families"))
  var events: String?

  @Option(
    help: ArgumentHelp(
      "The system calls that the family syscall tells, by name, comma-separated (default all).",
      valueName: "names"))
  var syscall: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process and its threads; may be repeated.", valueName: "PID"))
  var pid: [Int32] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this process and its descendants; may be repeated.", valueName: "PID"))
  var tree: [Int32] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Only this user, by name or number; may be repeated.", valueName: "user"))
  var uid: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only tasks whose name matches (*, ?, [a-z]); may be repeated.", valueName: "glob"))
  var comm: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only tasks in this cgroup v2 directory or below; may be repeated.", valueName: "path"))
  var cgroup: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Hide arguments of programs that match (*, ?, [a-z]), e.g. '--password*'; may be repeated.",
      valueName: "glob"))
  var redact: [String] = []

  // A value may begin with a dash: "-1" is told as a bad value, not as a missing one.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End after this many seconds, e.g. 1.5.", valueName: "seconds"))
  var duration: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("End after this many events.", valueName: "N"))
  var count: UInt64?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Size of the ring, a power of two (default 16MiB).", valueName: "size"))
  var ringSize: String?

  @Option(help: "How to wait for events: park, yield or spin.")
  var wait: Wait = .park

  @Option(
    help: "Clock of the timestamps: precise (default), coarse (steps of a tick, cheaper) or none.")
  var timestamps: Timestamps?

  @Option(
    help: ArgumentHelp(
      "Write the run's account as one JSON object there; - for stderr.", valueName: "path"))
  var summary: String?

  @Option(help: "With a command, end with its whole tree, or with the command itself.")
  var until: Until = .tree

  @Option(
    help: ArgumentHelp(
      "Keep ring and programs in bpffs under this name while no tracer runs; go on with them if they exist.",
      valueName: "name"))
  var pin: String?

  @Flag(help: "With --pin: leave ring and programs behind for a successor when this run ends.")
  var leavePinned = false

  @Flag(help: "Trace this program's own events as well.")
  var includeSelf = false

  @Flag(name: .shortAndLong, help: "Say nothing on stderr but errors.")
  var quiet = false

  @Argument(parsing: .postTerminator, help: "A command to run and trace, with its arguments.")
  var command: [String] = []

  func run() throws {
    do {
      let request = try TraceRequest(self, words: processArguments())
      let status = try traceRun(request)
      throw ExitCode(status)
    } catch let failure as Failure {
      complain(failure.message)
      throw ExitCode(failure.status)
    } catch let error as CaptureError {
      complain(error.description)
      if let details = error.details { explain(details) }
      throw ExitCode(2)
    }
  }

  /// The verifier's last words; the whole log is rarely wanted on a terminal.
  private func explain(_ log: String) {
    let lines = log.split(separator: "\n").suffix(12)
    complain("the verifier's last lines:")
    for line in lines { complain("  \(line)") }
  }
}
