import Causality
import EventFormats
import KernelEvents
import Sequencer
import SequencerABI

/// What becomes of each record before anything is made of it: arguments are hidden, it is decoded and
/// judged, filters turn it away or it is shown to a visitor, and counted.
///
/// Running captures and recordings go through here alike. One value a stream, used by one thread.
struct EventIntake<Visitor: EventVisitor & ~Copyable>: ~Copyable {
  /// What is shown the events.
  var visitor: Visitor
  /// The oracle of the stream.
  var verifier: CausalityVerifier
  private var filter: EventFilter
  private let isFiltering: Bool
  private var redaction: ArgumentRedaction
  private var limit: UInt64
  /// Events taken so far that were meant for the visitor.
  private(set) var accepted: UInt64 = 0
  /// Events that a filter turned away, or that came after the last one wanted.
  private(set) var filtered: UInt64 = 0
  private(set) var gaps: UInt64 = 0
  /// What the gaps tell of, by family.
  private(set) var lost = FamilyCounts()
  private(set) var forks: UInt64 = 0
  private(set) var execs: UInt64 = 0
  private(set) var exits: UInt64 = 0
  /// Records that this program could not read: it says so, and they count as lost.
  private(set) var unreadable: UInt64 = 0
  private(set) var firstUnreadable: DecodingError?

  /// An intake for `visitor`.
  ///
  /// - Parameters:
  ///   - visitor: what is shown the events.
  ///   - verifier: judges the stream as a whole, before any filter.
  ///   - filter: what is shown; nil: everything.
  ///   - redactions: arguments that match are hidden from everything.
  ///   - limit: events shown at most; nil: all.
  init(
    _ visitor: consuming Visitor, verifier: CausalityVerifier, filter: EventFilter?,
    redactions: [CommGlob], limit: UInt64?
  ) {
    self.visitor = visitor
    self.verifier = verifier
    self.filter = filter ?? EventFilter()
    isFiltering = filter != nil
    redaction = ArgumentRedaction(redactions)
    self.limit = limit ?? .max
  }

  /// Whether the number of events asked for is reached.
  var isComplete: Bool { accepted >= limit }

  /// No more events are wanted: what still comes is counted as filtered.
  mutating func close() { limit = accepted }

  /// Takes a record; what must be hidden is taken out of it before anything looks at it.
  mutating func take(
    _ record: RecordView, context: inout FormattingContext
  ) throws(Visitor.Failure) {
    if redaction.isEmpty { return try takeShown(record, &context) }
    guard let event = try? DecodedEvent(decoding: record), event.kind == .exec else {
      return try takeShown(record, &context)
    }
    // Out of the way while the rest of the intake takes what it lends, and back with its buffers.
    var hiding = ArgumentRedaction([])
    swap(&hiding, &redaction)
    defer { swap(&hiding, &redaction) }
    try hiding.apply(to: event, record) { shown throws(Visitor.Failure) in
      try takeShown(shown, &context)
    }
  }

  private mutating func takeShown(
    _ record: RecordView, _ context: inout FormattingContext
  ) throws(Visitor.Failure) {
    let event: DecodedEvent
    do { event = try DecodedEvent(decoding: record) } catch {
      unreadable += 1
      if firstUnreadable == nil { firstUnreadable = error }
      return
    }
    // Before any filter: a gap is told whatever becomes of the event that carries it.
    if let gap = event.gap { try take(gap) }
    verifier.observe(event)
    if isComplete || isFiltering && !passes(event, &context) {
      filtered += 1
      return
    }
    accepted += 1
    switch event.kind {
    case .fork: forks += 1
    case .exec: execs += 1
    case .exit: exits += 1
    default: break
    }
    try visitor.visit(event, context: &context)
  }

  /// Takes a place where events were lost.
  mutating func take(_ gap: Gap) throws(Visitor.Failure) {
    gaps += 1
    lost.add(gap.lost)
    verifier.observe(gap)
    try visitor.visit(gap)
  }

  private mutating func passes(_ event: DecodedEvent, _ context: inout FormattingContext) -> Bool {
    let path = filter.needsCgroups ? context.cgroups?.path(of: event.header.cgroup) : nil
    return filter.passes(event) { path }
  }
}
