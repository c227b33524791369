import Sequencer
import SequencerABI

/// What one ring size showed: ns a record in each round, for a producer, the consumer and a bare loop.
struct DrainResult {
  let ringBytes: Int
  var recordsPerRound = 0
  var publish: [Double] = []
  var drain: [Double] = []
  var touch: [Double] = []

  /// Fills and drains a ring `rounds` times, each followed by a round of the bare loop.
  static func measured(ringBytes: Int, rounds: Int) throws -> DrainResult {
    var result = DrainResult(ringBytes: ringBytes)
    var ring = try BenchmarkRing(byteCount: ringBytes)
    // The first rounds bring every page in and are not counted.
    for round in -2..<rounds {
      let publishBegan = monotonicNow()
      let count = ring.fill()
      let publishTime = monotonicNow() - publishBegan
      let began = monotonicNow()
      let drained = try ring.drain()
      let drainTime = monotonicNow() - began
      let again = ring.fill()
      let first = ring.consumer.position
      let touchBegan = monotonicNow()
      let touched = ring.touch(again, from: first)
      let touchTime = monotonicNow() - touchBegan
      let rest = try ring.drain()
      guard drained.records == count, rest.records == again, touched == rest.sum else {
        throw SequencerError("the ring gave back \(drained.records) of \(count) records")
      }
      guard round >= 0 else { continue }
      result.recordsPerRound = count
      result.publish.append(Double(publishTime) / Double(count))
      result.drain.append(Double(drainTime) / Double(count))
      result.touch.append(Double(touchTime) / Double(again))
    }
    return result
  }

  /// Nanoseconds a record, the middle of the rounds.
  var medianTime: Double { median(drain) }
  /// Nanoseconds to claim, fill and publish a record, alone on the ring, the middle of the rounds.
  var medianPublishTime: Double { median(publish) }
  /// The middle of the rounds' paired ratios: the producer's time to the bare loop's.
  var medianPublishRatio: Double { median(zip(publish, touch).map { $0 / $1 }) }
  /// Nanoseconds a record of the bare loop, the middle of the rounds.
  var medianTouchTime: Double { median(touch) }
  /// The middle of the rounds' paired ratios: the consumer's time to the bare loop's.
  var medianRatio: Double { median(zip(drain, touch).map { $0 / $1 }) }
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return .nan }
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}
