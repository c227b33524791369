import EvaluationTransports

/// The highest paced rate that arrives without loss, end to end, with equal bytes.
///
/// Metrics: `zero_loss_spin` and `zero_loss_park`, events a second; `…_all` where all CPUs produce and the
/// consumer shares one with a producer; `limited_by_producer`: 1 where the producers could not go faster.
package enum ZeroLossPart: EvaluationPart {
  package static let name = "zero-loss"
  package static let abstract = "The highest rate that arrives without loss, end to end."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    let options = settings.options()
    var opened = try settings.transports.map { transport in
      try EndToEnd.Waiting.allCases.map { ($0, try transport.open($0.adapt(options))) }
    }
    for (_, transport) in opened.joined() { transport.begin() }
    var generator = SeededGenerator(seed: 2)
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 5
    let nanoseconds: UInt64 = settings.isQuick ? 60_000_000 : 120_000_000
    let counts = settings.cpus.count > 1 ? [1, settings.cpus.count] : [1]
    for round in 0..<rounds {
      opened.shuffle(using: &generator)
      for variants in opened {
        let name = variants[0].1.transport.rawValue
        progress.say("round \(round + 1) of \(rounds): \(name)")
        for count in counts {
          for (waiting, transport) in variants {
            // With no CPU to itself a spinning consumer only keeps the producers from theirs.
            if count == settings.cpus.count && count > 1 && waiting == .spin { continue }
            let run = EndToEnd(
              transport: transport, waiting: waiting, producers: settings.producerCPUs(count),
              consumer: settings.consumerCPU)
            let found = try run.highestRate(from: 1_000_000, nanoseconds: nanoseconds)
            let suffix = waiting.rawValue + (count > 1 ? "_all" : "")
            func add(_ metric: String, _ value: Double, _ unit: String) {
              samples.add(
                metric, value, unit: unit, transport: name, cpus: count,
                payload: options.payload, round: round)
            }
            add("zero_loss_\(suffix)", found.rate, "events/s")
            add("limited_by_producer_\(suffix)", found.isLimited ? 1 : 0, "1")
          }
        }
      }
    }
    return samples
  }

  package static func references(metric: String, transport: String) -> [String] {
    if metric.hasPrefix("limited") { return [] }
    let rivals = Transport.ordered.map(\.rawValue).filter { $0 != "sequencer" }
    if transport == Transport.sequencer.rawValue { return rivals }
    return transport == "ringbuf" ? [] : ["ringbuf"]
  }
}
