import ArgumentParser

/// The command; each subcommand lives in a file of its own.
@main struct Ordinal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ordinal",
    abstract: "Causally ordered, loss-accounted kernel event capture.",
    version: "0.1.0-dev",
    subcommands: [DoctorCommand.self])
}
