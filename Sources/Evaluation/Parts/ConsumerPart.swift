import CEvaluation
import EvaluationTransports
import Sequencer

/// What a consumer can take: buffers are filled from inside the kernel, then drained on one CPU.
///
/// Metrics: `drain_rate`, events a second of one CPU, and `drain_cost`, ns an event; the buffers were
/// filled on the consumer's own CPU. With `_remote` behind it: on another one, so that every line is
/// fetched from there, as in life. With `_short`: not the buffers' whole, but 512 events at a time.
package enum ConsumerPart: EvaluationPart {
  package static let name = "consumer"
  package static let abstract = "What a consumer costs: events that one CPU can drain."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    for payload in settings.payloads {
      let options = settings.options(payload: payload)
      var contestants: [Contestant] = []
      for transport in settings.transports where payload >= 56 || !transport.isMerged {
        contestants.append(try Contestant(transport, settings, options, longest: 25_000))
      }
      var generator = SeededGenerator(seed: UInt64(payload))
      for round in 0..<settings.rounds {
        progress.say("payload \(payload), round \(round + 1) of \(settings.rounds)")
        contestants.shuffle(using: &generator)
        for contestant in contestants {
          for isRemote in [false, true] where !isRemote || settings.cpus.count > 1 {
            for isShort in [false, true] where !isShort || contestant.batch >= short {
              let cost = try drainCost(
                contestant, isRemote: isRemote, count: isShort ? short : nil, settings)
              let suffix = (isRemote ? "_remote" : "") + (isShort ? "_short" : "")
              samples.add(
                "drain_rate" + suffix, 1e9 / cost, unit: "events/s", transport: contestant.name,
                cpus: 1, payload: payload, round: round)
              samples.add(
                "drain_cost" + suffix, cost, unit: "ns", transport: contestant.name, cpus: 1,
                payload: payload, round: round)
            }
          }
        }
      }
    }
    return samples
  }

  /// Events of a short filling: what a consumer that keeps up finds, and what the nearest caches hold.
  private static let short = 512

  /// ns an event, the median of a few fillings.
  private static func drainCost(
    _ contestant: Contestant, isRemote: Bool, count: Int?, _ settings: EvaluationSettings
  ) throws -> Double {
    let home = settings.consumerCPU
    let producer = isRemote ? settings.cpus.last ?? home : home
    var costs: [Double] = []
    for _ in 0..<(settings.isQuick ? 3 : 7) {
      try contestant.fill(on: producer, count: count)
      costs.append(try contestant.timedDrain(on: home, count: count))
    }
    costs.sort()
    return costs[costs.count / 2]
  }
}
