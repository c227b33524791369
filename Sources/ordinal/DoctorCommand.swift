import ArgumentParser
import Capture
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

      With --programs every family's programs are loaded and attached as well, each family by itself \
      and all together with filters, and what they cost the kernel's verifier is told: instructions \
      of the program, instructions processed, states kept in all and at one time. No event is told \
      meanwhile. The exit status is 1 as well if a family is refused that the lines above are for.
      """)

  @Option(name: .shortAndLong, help: "text or json.")
  var output: Format = .text

  @Flag(help: "Load and attach every family's programs, and tell what the verifier says of each.")
  var programs = false

  func run() throws {
    let requirements = Requirements.process
    let diagnosis = Diagnosis(of: .observe(for: requirements), against: requirements)
    let report = programs && diagnosis.usable ? ProgramReport(ProgramSurvey.all()) : nil
    do {
      try writeOut(
        output == .json
          ? diagnosis.json(with: report) : diagnosis.text + (report?.text ?? ""))
    } catch {
      complain(error.message)
      throw ExitCode(error.status)
    }
    if !diagnosis.usable || report?.contradicts(diagnosis) == true { throw ExitCode(1) }
  }
}
