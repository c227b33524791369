import ArgumentParser
import Glibc

/// The command; each subcommand lives in a file of its own.
@main struct Ordinal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ordinal",
    abstract: "Causally ordered, loss-accounted kernel event capture.",
    discussion: """
      Processes, signals, system calls, the scheduler and more, of the machine or of one command's \
      process tree, from all CPUs, in the exact order in which they happened. What is lost is counted and shown where it was lost.
      """,
    version: "0.1.0",
    subcommands: [
      TraceCommand.self, RecordCommand.self, ReplayCommand.self, VerifyCommand.self,
      ExportCommand.self, TreeCommand.self, ReportCommand.self, StatsCommand.self,
      DetachCommand.self, EventsCommand.self, DoctorCommand.self, BenchCommand.self,
    ])

  static func main() {
    StandardDescriptors.fill()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // A command's own status may be any number, 64 as well.
      if !(error is ExitCode), exitCode(for: error) == .success {
        tellHelp(fullMessage(for: error))
      }
      if error is ExitCode || exitCode(for: error) != .validationFailure { exit(withError: error) }
      complain(usageProblem(message(for: error), words: Array(CommandLine.arguments.dropFirst())))
      Glibc.exit(statusOfUsage(message(for: error)))
    }
  }

  /// Writes a help text or the version, and ends.
  private static func tellHelp(_ text: String) -> Never {
    do { try writeOut(text + "\n") } catch {
      complain(error.message)
      Glibc.exit(error.status)
    }
    Glibc.exit(0)
  }

  /// The parser's message as one line with what to do next.
  static func usageProblem(_ message: String, words: [String]) -> String {
    let name = subcommandNames.first { words.first == $0 }.map { " \($0)" } ?? ""
    var line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    if line.hasSuffix(".") { line.removeLast() }
    // ArgumentParser writes sentences; ours begin as the rest of a line.
    line = line.prefix(1).lowercased() + line.dropFirst()
    line += line.hasSuffix("?") ? " See" : "; see"
    line += " 'ordinal\(name) --help'"
    let isStray = message.contains("nexpected argument") || message.hasPrefix("Unknown option")
    if isStray && [" trace", " record"].contains(name) && !words.contains("--") {
      line += " (a command to trace goes behind '--')"
    }
    return line
  }

  private static let subcommandNames = [
    "trace", "record", "replay", "verify", "export", "tree", "report", "stats", "detach", "events",
    "doctor", "bench",
  ]

  /// 2 for a value that can't be used, as for those that are found bad later; else 64.
  ///
  /// The parser tells the two apart by its words only; CommandTests pin them.
  private static func statusOfUsage(_ message: String) -> Int32 {
    message.hasPrefix("The value '") ? 2 : ExitCode.validationFailure.rawValue
  }
}
