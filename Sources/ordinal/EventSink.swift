import Causality
import EventFormats
import Glibc
import KernelEvents
import Sequencer
import SequencerABI

/// What becomes of each record: judged, filtered, written, counted.
struct EventSink: ~Copyable {
  /// Standard output.
  var output = EventOutput()
  /// The oracle of the run.
  var verifier: CausalityVerifier
  private var writer: EventWriter
  private var context = FormattingContext.live()
  private let globs: [CommGlob]
  private var redaction: ArgumentRedaction
  /// Events taken so far that were meant for the output.
  private(set) var accepted: UInt64 = 0
  /// Events that a glob turned away, or that came after the last one wanted.
  private(set) var filtered: UInt64 = 0
  private(set) var gaps: UInt64 = 0
  private(set) var forks: UInt64 = 0
  private(set) var execs: UInt64 = 0
  private(set) var exits: UInt64 = 0
  /// Records that this program could not read: it says so, and they count as lost.
  private(set) var unreadable: UInt64 = 0
  private(set) var firstUnreadable: DecodingError?
  private var limit: UInt64
  private var isDiscarding = false

  init(_ request: TraceRequest, verifier: CausalityVerifier) {
    self.verifier = verifier
    globs = request.globs
    redaction = ArgumentRedaction(request.redactions)
    limit = request.count ?? .max
    let isPlain = unsafe isatty(STDOUT_FILENO) != 1 || getenv("NO_COLOR") != nil
    writer = EventWriter(
      request.output, colour: !isPlain, families: request.capture.families ?? [.process])
  }

  /// Whether the number of events asked for is reached.
  var isComplete: Bool { accepted >= limit }

  /// No more events are wanted: what still comes is counted as filtered.
  mutating func close() { limit = accepted }

  /// Events can't be written any more: what still comes is counted, and lost.
  mutating func discard() { isDiscarding = true }

  /// Takes a record; what must be hidden is taken out of it before anything looks at it.
  mutating func take(_ record: RecordView) {
    if redaction.isEmpty { return takeShown(record) }
    guard let event = try? DecodedEvent(decoding: record), event.kind == .exec else {
      return takeShown(record)
    }
    // Out of the way while the rest of the sink takes what it lends, and back with its buffers.
    var hiding = ArgumentRedaction([])
    swap(&hiding, &redaction)
    hiding.apply(to: event, record) { takeShown($0) }
    swap(&hiding, &redaction)
  }

  private mutating func takeShown(_ record: RecordView) {
    let event: DecodedEvent
    do { event = try DecodedEvent(decoding: record) } catch {
      unreadable += 1
      if firstUnreadable == nil { firstUnreadable = error }
      return
    }
    // Before any filter: a gap is told whatever becomes of the event that carries it.
    if let gap = event.gap { take(gap) }
    verifier.observe(event)
    if isComplete || !passes(event) {
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
    if isDiscarding { return }
    writer.write(event, context: &context, into: &output.buffer)
    if writer.format.writesAtEnd { output.holdEvent() } else { output.endEvent() }
  }

  /// Takes a place where events were lost.
  mutating func take(_ gap: Gap) {
    gaps += 1
    verifier.observe(gap)
    writer.write(gap: gap, into: &output.buffer)
  }

  /// Writes what a format keeps to the end.
  mutating func finish() {
    writer.finish(into: &output.buffer)
    output.endHeldEvents()
  }

  private func passes(_ event: DecodedEvent) -> Bool {
    if globs.isEmpty { return true }
    for glob in globs {
      if glob.matches(event.comm) { return true }
      if let other = event.otherComm, glob.matches(other) { return true }
    }
    return false
  }
}

extension Gap {
  /// A loss that the consumer collected because no later record of its CPU told of it.
  init(residual block: GapBlock, cpu: Int) {
    self.init(
      cpu: UInt32(cpu), lost: FamilyCounts(block.lost),
      afterSequence: block.afterSequence == 0 ? nil : block.afterSequence - 1, beforeSequence: nil)
  }
}

extension FamilyCounts {
  /// The counters of a gap block.
  init(_ lost: LossByFamily) {
    self.init()
    var lost = lost
    // Sixteen 32-bit counters without padding: the ABI's layout test pins it.
    unsafe withUnsafeBytes(of: &lost) { bytes in
      for index in 0..<EventFamily.count {
        self[index: index] = UInt64(unsafe bytes.load(fromByteOffset: index * 4, as: UInt32.self))
      }
    }
  }
}
