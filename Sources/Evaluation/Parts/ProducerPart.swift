import CEvaluation
import EvaluationTransports

/// What an event costs its producer, by transport, CPUs and payload.
///
/// Metrics: `rate`, events a second of all CPUs together; `cost`, ns an event and CPU; `net_cost`, without
/// what the loop itself costs (the control `null` of the same round); `net_rate`, its inverse for one CPU's
/// share. With `_stamped` behind it: each event carries `bpf_ktime_get_ns()`.
package enum ProducerPart: EvaluationPart {
  package static let name = "producer"
  package static let abstract =
    "What sending an event costs, in a loop inside the kernel, on one CPU to all."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    // The drains between batches belong on the consumer's CPU: whose cache a slot was in last matters to
    // whoever writes to it next.
    try settings.pinConsumer()
    let variants: [(payload: Int, isStamped: Bool)] =
      settings.payloads.map { ($0, false) } + (settings.payloads.contains(56) ? [(56, true)] : [])
    for variant in variants {
      var options = settings.options(payload: variant.payload)
      options.isStamped = variant.isStamped
      var contestants = try Control.allCases.map { try Contestant($0, options) }
      // A merge needs 56 bytes for what it goes by.
      for transport in settings.transports where variant.payload >= 56 || !transport.isMerged {
        contestants.append(try Contestant(transport, settings, options))
      }
      try measure(contestants, variant.payload, variant.isStamped, settings, progress, &samples)
    }
    return samples
  }

  private static func measure(
    _ contestants: [Contestant], _ payload: Int, _ isStamped: Bool,
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let suffix = isStamped ? "_stamped" : ""
    var order = contestants
    var generator = SeededGenerator(seed: UInt64(payload))
    var round = 0
    var discarded = 0
    while round < settings.rounds {
      progress.say(
        "payload \(payload)\(isStamped ? " with time" : ""), round \(round + 1) of \(settings.rounds)"
      )
      var rates: [Int: [String: Double]] = [:]
      for cpus in settings.cpuCounts {
        order.shuffle(using: &generator)
        for contestant in order {
          let cost = try contestant.cost(on: settings.producerCPUs(cpus))
          rates[cpus, default: [:]][contestant.name] = Double(cpus) / cost * 1e9
        }
      }
      if !scales(rates) && discarded < settings.rounds {
        discarded += 1
        continue
      }
      for (cpus, figures) in rates {
        let loop = Double(cpus) / (figures[Control.null.rawValue] ?? .infinity) * 1e9
        for (name, rate) in figures {
          func add(_ metric: String, _ value: Double, _ unit: String) {
            samples.add(
              metric + suffix, value, unit: unit, transport: name, cpus: cpus, payload: payload,
              round: round)
          }
          let cost = Double(cpus) / rate * 1e9
          add("rate", rate, "events/s")
          add("cost", cost, "ns")
          // Below the resolution of the difference nothing can be said.
          if name != Control.null.rawValue, cost > loop {
            add("net_cost", cost - loop, "ns")
            add("net_rate", 1e9 / (cost - loop), "events/s")
          }
        }
      }
      round += 1
    }
    samples.add(
      "discarded_rounds\(suffix)", Double(discarded), unit: "rounds",
      transport: Control.privateCounter.rawValue, payload: payload, round: 0)
    if discarded >= settings.rounds {
      samples.note(
        "payload \(payload): a private counter did not scale in \(discarded) rounds; what is left may "
          + "be no better: other work took the CPUs")
    }
  }

  /// Whether each CPU gave the private counter what one alone gave it: else others had the CPUs.
  static func scales(_ rates: [Int: [String: Double]]) -> Bool {
    let name = Control.privateCounter.rawValue
    guard let alone = rates[1]?[name] else { return true }
    return rates.allSatisfy { cpus, figures in
      (figures[name] ?? 0) >= 0.9 * Double(cpus) * alone
    }
  }

  package static func references(metric: String, transport: String) -> [String] {
    if metric.hasPrefix("discarded") { return [] }
    switch transport {
    case Transport.sequencer.rawValue:
      return ["ringbuf", "perf", "perf-every", "bare", "fetch-add"]
    case Transport.ringbuf.rawValue: return ["bare"]
    default: return ["ringbuf"]
    }
  }
}
