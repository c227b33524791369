import ArgumentParser
import Evaluation
import EvaluationReport

/// `ordinal bench`: measures the ring and its rivals.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure this ring and other transports, side by side, on this machine.",
    discussion: """
      Each part measures every transport in turn, round by round, with the same events and the same \
      consumer's work; figures are medians, and ratios are taken within a round. Needs root. On a \
      machine that does something else at the same time only the ratios mean anything.
      """,
    subcommands: [
      BenchAllCommand.self, BenchPartCommand<ProducerPart>.self,
      BenchPartCommand<ConsumerPart>.self, BenchPartCommand<ZeroLossPart>.self,
      BenchPartCommand<LatencyPart>.self, BenchPartCommand<IdlePart>.self,
      BenchPartCommand<OverheadPart>.self, BenchPartCommand<DesignPart>.self,
      BenchPartCommand<CapturePart>.self,
      BenchPartCommand<OrderPart>.self,
      BenchPartCommand<FaultsPart>.self,
      BenchPartCommand<FamiliesPart>.self,
      BenchPartCommand<RecordingPart>.self,
      BenchReportCommand.self,
    ])
}

/// `ordinal bench all`.
struct BenchAllCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all", abstract: "Measure everything: less than 20 minutes on two CPUs.")

  @OptionGroup var options: BenchOptions

  func run() throws { try BenchRun(options).run(BenchRun.parts, name: "all") }
}

/// `ordinal bench PART`.
struct BenchPartCommand<Part: EvaluationPart>: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(commandName: Part.name, abstract: Part.abstract)
  }

  @OptionGroup var options: BenchOptions

  func run() throws { try BenchRun(options).run([Part.self], name: Part.name) }
}
