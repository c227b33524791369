package import SequencerABI

/// Events and losses over time, by family, in at most ``bucketLimit`` equal stretches.
///
/// It is made for streams of unknown length: where an event lies past the last stretch, pairs of
/// stretches become one. So it takes a fixed room, and an event costs a shift and an addition. Not for
/// concurrent use.
package struct RateHistogram {
  /// Stretches kept at most.
  package static var bucketLimit: Int { 1024 }
  private static var columns: Int { EventFamily.count + 1 }

  /// The moment the first stretch begins, ns of `CLOCK_MONOTONIC`; nil before the first event.
  package private(set) var begin: UInt64?
  /// log2 of a stretch's length in nanoseconds: a µs at first.
  private var shift: UInt64 = 10
  /// A row a stretch: a count a family, and what was lost.
  private var counts: [UInt64]
  private var used = 0

  /// Makes an empty histogram.
  package init() {
    counts = [UInt64](repeating: 0, count: RateHistogram.bucketLimit * RateHistogram.columns)
  }

  /// The length of a stretch, ns.
  package var width: UInt64 { 1 &<< shift }
  /// Stretches there are; the last one holds the latest moment seen.
  package var count: Int { used }

  /// Events of `family` in a stretch.
  package func events(_ family: EventFamily, in bucket: Int) -> UInt64 {
    counts[bucket * RateHistogram.columns + Int(family.rawValue)]
  }

  /// Events lost in a stretch, or since the stretch before it.
  package func lost(in bucket: Int) -> UInt64 {
    counts[bucket * RateHistogram.columns + EventFamily.count]
  }

  /// Counts an event.
  package mutating func add(_ family: EventFamily, at moment: UInt64) {
    let row = bucket(of: moment) * RateHistogram.columns
    counts[row + Int(family.rawValue)] &+= 1
  }

  /// Counts a loss that was told of at `moment`.
  package mutating func add(lost: UInt64, at moment: UInt64) {
    let row = bucket(of: moment) * RateHistogram.columns
    counts[row + EventFamily.count] &+= lost
  }

  /// A moment before the first one counts for it: CPUs may disagree by a little.
  private mutating func bucket(of moment: UInt64) -> Int {
    guard let begin else {
      begin = moment
      used = 1
      return 0
    }
    let distance = moment > begin ? moment &- begin : 0
    while distance &>> shift >= UInt64(RateHistogram.bucketLimit) { halve() }
    let bucket = Int(distance &>> shift)
    used = max(used, bucket + 1)
    return bucket
  }

  private mutating func halve() {
    let columns = RateHistogram.columns
    for bucket in 0..<RateHistogram.bucketLimit {
      for column in 0..<columns {
        let from = bucket * columns + column
        let to = bucket / 2 * columns + column
        let value = counts[from]
        counts[from] = 0
        counts[to] &+= value
      }
    }
    shift += 1
    used = (used + 1) / 2
  }
}
