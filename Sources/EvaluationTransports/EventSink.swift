package import EvaluationCKit
import Glibc
import Sequencer

/// What every consumer does with every event, whatever it came by.
///
/// Single-threaded; a value a consumer.
package struct EventSink {
  /// What is done besides counting.
  package enum Work: Sendable {
    /// The payload's first word is read and added up.
    case count
    /// And of one event in sixteen the age is noted: reading the clock costs more than an event.
    case age
    /// And the event is kept, for an oracle.
    case keep
    /// And, of a payload of this many bytes, it is seen whether it is whole; then it is kept.
    case keepWhole(payload: Int)
  }
  /// What is done.
  package let work: Work
  /// Events taken.
  package private(set) var count: UInt64 = 0
  /// Sum of their numbers: proof that they were read.
  package private(set) var sum: UInt64 = 0
  /// Ages of the sampled events.
  package var ages = AgeHistogram()
  /// Events kept, in the order of their delivery.
  package private(set) var kept: [eval_event] = []
  /// Events of which not every word is of the same event: read while they were written, or overwritten.
  package private(set) var torn: UInt64 = 0
  /// A line is written for each event to this descriptor, as the paper's perf program did; -1: none.
  package var printer: Int32 = -1
  private let isPlain: Bool

  /// A sink for `work`, with room for `capacity` kept events ahead, so that none waits for memory.
  package init(_ work: Work, capacity: Int = 0) {
    self.work = work
    isPlain = if case .count = work { true } else { false }
    kept.reserveCapacity(capacity)
  }

  /// Takes one event: `bytes` is the payload, of at least eight bytes, not necessarily aligned.
  @inline(__always)
  mutating func take(_ bytes: UnsafeRawPointer) {
    count &+= 1
    sum &+= unsafe bytes.loadUnaligned(as: UInt64.self)
    if !isPlain || printer >= 0 { unsafe takeMore(bytes) }
  }

  @inline(never)
  private mutating func takeMore(_ bytes: UnsafeRawPointer) {
    switch work {
    case .count: break
    case .age:
      if count & 15 == 0 {
        let stamp = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        ages.add(monotonicNow() &- stamp)
      }
    case .keep: unsafe kept.append(bytes.loadUnaligned(as: eval_event.self))
    case .keepWhole(let payload):
      let event = unsafe bytes.loadUnaligned(as: eval_event.self)
      // Behind its seven words every word is its number (eval_fill(), BPF/Evaluation/CKit).
      for offset in stride(from: MemoryLayout<eval_event>.size, to: payload, by: 8) {
        if unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != event.number {
          torn &+= 1
          break
        }
      }
      kept.append(event)
    }
    if printer >= 0 {
      let number = unsafe bytes.loadUnaligned(as: UInt64.self)
      var line = Array("event \(number)\n".utf8)
      _ = unsafe line.withUnsafeMutableBytes { unsafe write(printer, $0.baseAddress, $0.count) }
    }
  }
}

/// How old events were when they were taken: counts by powers of two, each in 32 steps.
package struct AgeHistogram: Sendable {
  private var counts = [UInt64](repeating: 0, count: 64 * 32)
  /// Ages added.
  package private(set) var count: UInt64 = 0
  /// The largest, ns.
  package private(set) var largest: UInt64 = 0

  /// No ages.
  package init() {}

  /// Adds an age, ns. One from before its event (clocks of two CPUs) counts as 0.
  package mutating func add(_ age: UInt64) {
    let age = age > UInt64.max / 2 ? 0 : age
    count &+= 1
    largest = max(largest, age)
    counts[AgeHistogram.index(age)] &+= 1
  }

  /// Adds all ages of another one.
  package mutating func add(_ other: AgeHistogram) {
    for index in counts.indices { counts[index] &+= other.counts[index] }
    count &+= other.count
    largest = max(largest, other.largest)
  }

  /// The age below which `part` of them lie, ns, to 3 %; nil where there are too few to tell.
  package func quantile(_ part: Double) -> Double? {
    guard Double(count) * (1 - part) >= 2 else { return nil }
    var rest = UInt64(Double(count) * part)
    for index in counts.indices {
      if counts[index] > rest { return AgeHistogram.middle(index) }
      rest &-= counts[index]
    }
    return Double(largest)
  }

  static func index(_ age: UInt64) -> Int {
    if age < 32 { return Int(age) }
    let power = 63 - age.leadingZeroBitCount
    return (power - 4) * 32 + Int((age >> UInt64(power - 5)) & 31)
  }

  static func middle(_ index: Int) -> Double {
    if index < 32 { return Double(index) }
    let power = index / 32 + 4
    let step = Double(UInt64(1) << UInt64(power - 5))
    return Double(UInt64(1) << UInt64(power)) + (Double(index % 32) + 0.5) * step
  }
}
