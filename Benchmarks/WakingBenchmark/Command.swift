import ArgumentParser
import BenchmarkSupport
import CWakingWorkload
import Capture
import Foundation
import Sequencer

/// Measures what each way of waiting costs: the latency of an event, the consumer's CPU time, and
/// the traced program's own time.
@main struct Command: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "waking-benchmark",
      abstract: "Measure latency, CPU time and the traced program's cost of each way of waiting.",
      discussion: """
        Needs root. Rounds are interleaved: each runs every way of waiting once. Figures mean \
        something in a release build on a quiet machine; ratios within one run mean most.
        """)
  }

  @Option(name: .long, help: "Rounds.")
  var rounds = 10

  @Option(name: .long, help: "Milliseconds a round takes for each way of waiting and rate.")
  var milliseconds = 1000

  @Option(name: .long, parsing: .upToNextOption, help: "Events a second.")
  var rates = [0, 100, 10_000, 1_000_000]

  @Option(name: .long, help: "Loops of the traced program in a round: forks.")
  var forks = 2000

  @Option(name: .long, help: "Loops of the traced program in a round: round trips.")
  var roundTrips = 20_000

  @Option(name: .long, help: "The nap of the adaptive way, microseconds, in place of the default.")
  var nap: Int?

  @Flag(name: .long, help: "Print one JSON object.")
  var json = false

  @Option(name: .long, help: "The commit measured, for the result.")
  var commit = "unknown"

  mutating func validate() throws {
    guard rounds > 0, milliseconds > 0, forks > 0, roundTrips > 0, rates.allSatisfy({ $0 >= 0 })
    else { throw ValidationError("rounds, times and rates are above 0") }
  }

  mutating func run() throws {
    do {
      var report = Report(
        commit: commit, rounds: rounds, milliseconds: milliseconds,
        nap: nap.map { $0 * 1000 } ?? Waiter.Pace().nap)
      // First, while the process is small: its children's forks copy its page tables.
      try measureCost(&report)
      try measureLatency(&report)
      print(try json ? report.json() : report.text)
    } catch {
      FileHandle.standardError.write(Data("waking-benchmark: \(error)\n".utf8))
      throw ExitCode(2)
    }
  }

  /// The last CPU for who produces, the first for who consumes: the figures are of waking, not of
  /// what else the scheduler had in mind.
  private var producerCPU: Int32 { Int32(Machine.cpus - 1) }

  private func measureLatency(_ report: inout Report) throws {
    guard waking_bind(0) == 0 else {
      throw Problem("can't run on CPU 0: run on a machine that has it")
    }
    var ring = try ProgramRing.open(
      WakingBenchmark.pulse.bytes(), name: "pulse", programs: ["pulse"])
    report.latencies = rates.flatMap { rate in Mode.allCases.map { Latency(mode: $0, rate: rate) } }
    for _ in 0..<rounds {
      for index in report.latencies.indices.shuffled() {
        try report.latencies[index].measure(
          &ring, milliseconds: milliseconds, nap: nap.map { $0 * 1000 }, producerCPU: producerCPU)
      }
    }
  }

  private func measureCost(_ report: inout Report) throws {
    for work in Cost.Work.allCases {
      var untraced = Cost(work: work, mode: nil)
      var costs = Mode.allCases.map { Cost(work: work, mode: $0) }
      for _ in 0..<rounds {
        let amount = work == .fork ? forks : roundTrips
        try untraced.measure(amount: amount, base: nil, nap: nil, cpu: producerCPU)
        for index in costs.indices.shuffled() {
          try costs[index].measure(
            amount: amount, base: untraced.times.last, nap: nap.map { $0 * 1000 },
            cpu: producerCPU)
        }
      }
      report.costs += [untraced] + costs
    }
  }
}
