public import EventFormats
public import KernelEvents
import SequencerABI

/// The lives of processes in a stream: a tree of them, what stands out, and events and losses over time.
///
/// Memory is bounded: by the tree's limit, by fixed tables for the rest. Call ``finish()`` after the
/// last event. Not for concurrent use.
public struct ProcessLives: EventVisitor {
  /// Processes, at most as many as were asked for.
  public private(set) var tree: ProcessTree
  /// Events seen, by family.
  package private(set) var events = FamilyCounts()
  /// Events lost, by family.
  package private(set) var lost = FamilyCounts()
  /// Places where events were lost.
  package private(set) var gaps: UInt64 = 0
  /// The first timestamp; nil where there was none.
  package private(set) var firstMoment: UInt64?
  /// The latest timestamp; nil where there was none.
  package private(set) var lastMoment: UInt64?
  /// The first event after the first loss, and the first one after the last loss.
  package private(set) var lossMoments: (first: UInt64, last: UInt64)?
  /// Events and losses over time; empty where timestamps are off.
  package private(set) var rates = RateHistogram()
  /// What stands out among all processes, also those that had to go; complete once finished.
  package private(set) var rankings = LifeRankings()
  private var untoldLoss: UInt64 = 0
  private var isFinished = false

  /// Makes an empty one.
  ///
  /// - Parameter limit: processes kept at most. One takes some 300 bytes and its arguments, of which
  ///   ``KernelEvents/ProcessTree/commandLineLimit`` bytes are kept.
  public init(limit: Int) { tree = ProcessTree(limit: limit, keepsDeparted: true) }

  /// Processes that were seen, those that had to go included.
  public var seen: UInt64 { UInt64(tree.count) + tree.evicted }

  public mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(Never) {
    add(event)
  }

  public mutating func visit(_ gap: Gap) throws(Never) {
    gaps += 1
    lost.add(gap.lost)
    untoldLoss &+= gap.total
    tree.add(gap)
  }

  /// Takes in the next event.
  public mutating func add(_ event: DecodedEvent) {
    let family = event.family
    events[family] &+= 1
    if let moment = event.timestamp {
      if firstMoment == nil { firstMoment = moment }
      lastMoment = max(lastMoment ?? moment, moment)
      rates.add(family, at: moment)
      if untoldLoss > 0 { tellLoss(at: moment) }
    }
    guard family == .process || family == .credentials else { return }
    tree.add(event)
    for process in tree.takeDeparted() { rankings.add(process) }
  }

  /// Brings ``rankings`` and the losses up to the end of the stream; a second call changes nothing.
  public mutating func finish() {
    if isFinished { return }
    isFinished = true
    if untoldLoss > 0, let lastMoment { tellLoss(at: lastMoment) }
    for process in tree.processes { rankings.add(process) }
  }

  private mutating func tellLoss(at moment: UInt64) {
    rates.add(lost: untoldLoss, at: moment)
    untoldLoss = 0
    lossMoments = (lossMoments?.first ?? moment, moment)
  }
}
