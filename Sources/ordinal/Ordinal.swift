import ArgumentParser
import Glibc

/// The command; each subcommand lives in a file of its own.
@main struct Ordinal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ordinal",
    abstract: "Causally ordered, loss-accounted kernel event capture.",
    discussion: """
      Every fork, exec and exit of the machine or of one command's process tree, from all CPUs, in \
      the exact order in which they happened. What is lost is counted and shown where it was lost.
      """,
    version: "0.1.0",
    subcommands: [TraceCommand.self, DoctorCommand.self])
}

/// Says one line on stderr, for people.
func complain(_ message: String) {
  let line = "ordinal: \(message)\n"
  _ = unsafe write(STDERR_FILENO, line, line.utf8.count)
}

/// An end that the user must hear of: one line, and the exit status it leads to.
struct Failure: Error {
  let message: String
  let status: Int32

  /// Bad input or a machine that can't trace: exit status 2.
  init(_ message: String, status: Int32 = 2) {
    self.message = message
    self.status = status
  }
}
