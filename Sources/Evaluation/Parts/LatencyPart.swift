import EvaluationTransports

/// How old an event is when its consumer has it.
///
/// Metrics: `p50`, `p99`, `p99.9` and `max`, ns, then `_spin` or `_park`, then the rate: `_1k`, a thousand
/// events a second, or `_10`, `_50`, `_90`, percent of the ringbuf's highest rate without loss, which is
/// found first and is the same for all. `lost` tells where a transport could not keep that rate.
/// `sequencer-bell` is the sequencer whose parked consumer never naps: each event rings; `sequencer-nap-1ms`
/// naps for that long in a stream, where the one that users have goes by the stream's rate.
package enum LatencyPart: EvaluationPart {
  package static let name = "latency"
  package static let abstract = "How old an event is when its consumer has it, spinning and parked."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    var options = settings.options()
    options.isStamped = true
    var opened: [Opened] = []
    for waiting in EndToEnd.Waiting.allCases {
      for transport in settings.transports {
        opened.append(
          Opened(
            name: transport.rawValue, waiting: waiting,
            transport: try transport.open(waiting.adapt(options))))
      }
    }
    if settings.transports.contains(.sequencer) {
      for (name, nap) in [("sequencer-bell", 0), ("sequencer-nap-1ms", 1_000_000)] {
        options.nap = nap
        opened.append(
          Opened(
            name: name, waiting: .park, transport: try Transport.sequencer.open(options)))
      }
    }
    for entry in opened { entry.transport.begin() }
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 7
    let nanoseconds: UInt64 = settings.isQuick ? 80_000_000 : 200_000_000
    guard let ringbuf = opened.first(where: { $0.name == Transport.ringbuf.rawValue }) else {
      throw EvaluationError(
        "latency is measured at rates of the ringbuf; leave it among --transports")
    }
    progress.say("the ringbuf's highest rate without loss")
    let producers = settings.producerCPUs(1)
    let highest = try EndToEnd(
      transport: ringbuf.transport, waiting: .spin, producers: producers,
      consumer: settings.consumerCPU
    ).highestRate(from: 1_000_000, nanoseconds: nanoseconds).rate
    samples.note("rates are parts of \(Int(highest)) events a second, the ringbuf's without loss")
    let rates = [
      ("1k", 1000.0), ("10", highest * 0.1), ("50", highest * 0.5), ("90", highest * 0.9),
    ]
    var generator = SeededGenerator(seed: 3)
    for round in 0..<rounds {
      opened.shuffle(using: &generator)
      for entry in opened {
        progress.say("round \(round + 1) of \(rounds): \(entry.name)")
        for (label, rate) in rates {
          let outcome = try EndToEnd(
            transport: entry.transport, waiting: entry.waiting, producers: producers,
            consumer: settings.consumerCPU
          ).run(rate: rate, nanoseconds: nanoseconds, work: .age)
          func add(_ metric: String, _ value: Double?, _ unit: String) {
            guard let value else { return }
            samples.add(
              "\(metric)_\(entry.waiting.rawValue)_\(label)", value, unit: unit,
              transport: entry.name,
              cpus: 1, payload: options.payload, round: round)
          }
          let ages = outcome.sink.ages
          add("p50", ages.quantile(0.5), "ns")
          add("p99", ages.quantile(0.99), "ns")
          add("p99.9", ages.quantile(0.999), "ns")
          add("max", Double(ages.largest), "ns")
          add("consumer_cpu", outcome.consumerShare, "1")
          add("lost", Double(outcome.sent - outcome.delivered), "events")
        }
      }
    }
    return samples
  }

  private struct Opened {
    let name: String
    let waiting: EndToEnd.Waiting
    let transport: any EventTransport
  }

  package static func references(metric: String, transport: String) -> [String] {
    metric.hasPrefix("lost") || transport == "ringbuf" ? [] : ["ringbuf"]
  }
}
