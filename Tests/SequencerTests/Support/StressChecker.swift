import SequencerABI

/// Checks a stream of several threads, each with a CPU of its own, as it is read.
///
/// Every producer numbers its events, lost ones included. So the numbers of two records of a CPU say
/// how many were lost between them, and the gaps must say the same.
struct StressChecker {
  /// What is known of a CPU's stream.
  private struct Stream {
    /// The number the next record would have if nothing more was lost.
    var next: UInt64 = 0
    var delivered: UInt64 = 0
    var told: UInt64 = 0
    /// Sequences of past records (ticket + 1), and the losses before each; the latest few.
    var recent: [(sequence: UInt64, lostBefore: UInt64)] = []
  }

  private var streams: [Stream]
  private var expectedTicket: UInt64 = 0
  /// The first thing found wrong.
  private(set) var complaint: String?

  init(cpuCount: Int) { streams = Array(repeating: Stream(), count: cpuCount) }

  var delivered: UInt64 { streams.reduce(0) { $0 + $1.delivered } }
  var told: UInt64 { streams.reduce(0) { $0 + $1.told } }

  private mutating func complain(_ text: String) { if complaint == nil { complaint = text } }

  /// Checks the next record of the stream.
  mutating func check(_ record: Delivered, isExact: Bool) {
    let cpu = record.cpu
    guard cpu < streams.count, record.isWhole, record.record.producer == UInt64(cpu) else {
      return complain("torn: \(record)")
    }
    if record.ticket != expectedTicket { complain("\(record.ticket) after \(expectedTicket)") }
    expectedTicket = record.ticket + record.span
    if record.record.number < streams[cpu].next { complain("cpu \(cpu) went back: \(record)") }
    let lostBefore = record.record.number - streams[cpu].delivered
    if let gap = record.gap {
      if gap.total != record.lostBefore || gap.total != gap.byFamily.reduce(0, +) {
        complain("a gap's figures differ: \(record)")
      }
      // Every loss not told before this gap must lie behind its bound.
      let bound = streams[cpu].recent.last { $0.sequence == gap.after }
      if let bound, bound.lostBefore > streams[cpu].told, gap.total > 0 {
        complain("the bound is too tight: \(record)")
      }
      if gap.after > record.ticket { complain("the bound lies behind: \(record)") }
      if bound == nil, gap.after != 0, streams[cpu].recent.count < 64, gap.total > 0 {
        complain("the bound is no record of this cpu: \(record)")
      }
      streams[cpu].told += gap.total
    }
    // A gap tells of all that was lost before it, unless someone else collects as well.
    if isExact, streams[cpu].told != lostBefore {
      complain("\(lostBefore) lost, \(streams[cpu].told) told: \(record)")
    }
    streams[cpu].next = record.record.number + 1
    streams[cpu].delivered += 1
    streams[cpu].recent.append((record.ticket + 1, lostBefore))
    if streams[cpu].recent.count > 128 { streams[cpu].recent.removeFirst(64) }
  }

  /// Takes note of a loss that the consumer collected.
  mutating func addResidual(_ total: UInt64, cpu: Int) { streams[cpu].told += total }
}
