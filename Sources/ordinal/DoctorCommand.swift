import ArgumentParser
import Doctor

/// `ordinal doctor`: what this machine offers for tracing, and what to do about the rest.
struct DoctorCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tell what this machine lacks for tracing, and what to do about it.",
    discussion: """
      A line each: ok, missing (tracing does not run), warning (it runs with a limit) or unknown \
      (can't be seen from here), then what was seen and what to do. Works without privilege, and \
      sees less then. The exit status is 1 if a trace would not run.
      """)

  @Option(name: .shortAndLong, help: "text or json.")
  var output: Format = .text

  func run() throws {
    let requirements = Requirements.process
    let diagnosis = Diagnosis(of: .observe(for: requirements), against: requirements)
    do { try writeOut(output == .json ? diagnosis.json : diagnosis.text) } catch {
      complain(error.message)
      throw ExitCode(error.status)
    }
    if !diagnosis.usable { throw ExitCode(1) }
  }
}
