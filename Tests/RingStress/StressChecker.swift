import SequencerABI

/// Checks a stream of several threads, each with a CPU of its own, as it is read.
///
/// Every producer (a thread, or one of its nested contexts) numbers its events, lost ones included. So
/// the numbers of two records say how many were lost between them, and the gaps must say the same.
struct StressChecker {
  /// What is known of a CPU's stream.
  private struct Stream {
    var delivered: UInt64 = 0
    var told: UInt64 = 0
    /// Taken by the consumer, to be told further on.
    var held: UInt64 = 0
    /// Sequences of past records (ticket + 1), and the losses before each; the latest few.
    var recent: [(sequence: UInt64, lostBefore: UInt64)] = []
  }
  /// What is known of a producer's records.
  private struct Order {
    /// The number the next record would have if nothing more was lost.
    var next: UInt64 = 0
    var delivered: UInt64 = 0
  }

  private let levels: Int
  private let isExact: Bool
  private var streams: [Stream]
  private var orders: [Order]
  private var expectedTicket: UInt64 = 0
  private(set) var delivered: UInt64 = 0
  /// The first thing found wrong.
  private(set) var complaint: String?

  /// A checker of `cpuCount` threads with `levels` contexts each.
  ///
  /// - Parameters:
  ///   - cpuCount: threads.
  ///   - levels: contexts that nest on each; where there are several, the losses before a record of
  ///     one are not known from its number.
  ///   - isExact: whether a gap must tell of all that was lost before it: nobody else takes losses.
  init(cpuCount: Int, levels: Int, isExact: Bool) {
    self.levels = levels
    self.isExact = isExact && levels == 1
    streams = Array(repeating: Stream(), count: cpuCount)
    orders = Array(repeating: Order(), count: cpuCount * levels)
  }

  func delivered(producer: Int) -> UInt64 { orders[producer].delivered }
  func told(cpu: Int) -> UInt64 { streams[cpu].told }

  /// Keeps the first complaint.
  mutating func complain(_ text: String) { if complaint == nil { complaint = text } }

  /// Checks the next record of the stream.
  mutating func check(_ record: Delivered) {
    let cpu = record.cpu
    let producer = Int(clamping: record.record.producer)
    guard record.isWhole, cpu < streams.count, producer / levels == cpu else {
      return complain("torn: \(record)")
    }
    if record.ticket != expectedTicket { complain("\(record.ticket) after \(expectedTicket)") }
    expectedTicket = record.ticket + record.span
    let number = record.record.number
    if number < orders[producer].next { complain("producer \(producer) went back: \(record)") }
    orders[producer].next = number + 1
    orders[producer].delivered += 1
    delivered += 1
    let lostBefore = levels == 1 ? number - streams[cpu].delivered : 0
    if let gap = record.gap {
      check(gap, of: record)
      streams[cpu].told += gap.total
    }
    // A gap tells of all that was lost before it, unless someone else collects as well.
    if isExact, streams[cpu].told != lostBefore {
      complain("\(lostBefore) lost, \(streams[cpu].told) told: \(record)")
    }
    streams[cpu].delivered += 1
    streams[cpu].recent.append((record.ticket + 1, lostBefore))
    if streams[cpu].recent.count > 128 { streams[cpu].recent.removeFirst(64) }
  }

  private mutating func check(_ gap: DeliveredGap, of record: Delivered) {
    if gap.total != record.lostBefore || gap.total != gap.byFamily.reduce(0, +) {
      complain("a gap's figures differ: \(record)")
    }
    if gap.after > record.ticket { complain("the bound lies behind: \(record)") }
    let stream = streams[record.cpu]
    let bound = stream.recent.last { $0.sequence == gap.after }
    // Every loss that nobody had taken before this gap must lie behind its bound.
    if let bound, levels == 1, bound.lostBefore > stream.told + stream.held, gap.total > 0 {
      complain("the bound is too tight: \(record)")
    }
    if bound == nil, gap.after != 0, stream.recent.count < 64, gap.total > 0 {
      complain("the bound is no record of this cpu: \(record)")
    }
  }

  /// Takes note of a loss that the consumer collected.
  mutating func addResidual(_ total: UInt64, cpu: Int) { streams[cpu].told += total }

  /// Takes note of the losses that the consumer has taken and will tell further on.
  mutating func setHeld(_ total: UInt64, cpu: Int) { streams[cpu].held = total }
}
