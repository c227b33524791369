import Capture
import EventFormats
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore

/// A capture's records in a recording: from the ring into the file, as they lie there.
///
/// Slots go back to the producers when the file has them, so that a recorder that dies loses nothing.
struct RecordingSink: ~Copyable, RunSink {
  private var writer: RecordingWriter
  private let limit: UInt64
  private let isPinned: Bool
  /// Hides arguments; then records are copied, and only then.
  private var redaction: ArgumentRedaction
  private var copy: [UInt8] = []
  private let pauseLength: Int
  private let fullBlock: UInt64
  private var gatheringSince: UInt64?
  private var problem: RecordingError?
  private var hasToldProblem = false
  private var isDiscarding = false
  private var isClosed = false
  /// Records that could not be written.
  private var unwritten: UInt64 = 0
  /// Records that came after the last one wanted.
  private var unwanted: UInt64 = 0

  /// Slots of a block, at most about.
  private static let blockSlots = 4096
  /// How long records may wait for others, ns.
  private static let patience: UInt64 = 100_000_000

  /// A sink over a writer.
  ///
  /// - Parameters:
  ///   - writer: the recording, begun.
  ///   - request: the run.
  ///   - capacity: slots of the ring.
  init(_ writer: consuming RecordingWriter, _ request: RunRequest, capacity: UInt64) {
    self.writer = writer
    limit = request.count ?? .max
    isPinned = request.capture.pinName != nil
    redaction = ArgumentRedaction(request.redactions)
    // In the longest pause no burst fills a quarter of the ring: a slot takes a producer 100 ns.
    pauseLength = request.wait == .park ? Int(min(4_000_000, capacity * 25)) : 0
    fullBlock = min(UInt64(RecordingSink.blockSlots) / 2, capacity / 8)
  }

  mutating func pause(before consumer: borrowing RingConsumer) -> Int {
    if pauseLength == 0 { return 0 }
    let backlog = consumer.backlog
    if backlog == 0 || backlog >= fullBlock {
      gatheringSince = nil
      return 0
    }
    let now = monotonicNow()
    guard let since = gatheringSince else {
      gatheringSince = now
      return pauseLength
    }
    if now &- since >= RecordingSink.patience {
      gatheringSince = nil
      return 0
    }
    return pauseLength
  }

  mutating func drain(_ consumer: inout RingConsumer) throws(SequencerError) -> Int {
    if problem != nil || isDiscarding || isComplete {
      // What is in a pinned ring is its successor's.
      if isPinned { return 0 }
      let count = try drop(&consumer)
      if isComplete { unwanted &+= UInt64(count) } else { unwritten &+= UInt64(count) }
      return count
    }
    let wanted = Int(clamping: limit - writer.records)
    do {
      return try consumer.drainRun(slots: RecordingSink.blockSlots, records: wanted) {
        run throws(RecordingError) in
        try take(run)
      }
    } catch {
      switch error {
      case .ring(let error): throw error
      case .body(let error):
        problem = error
        return 0
      }
    }
  }

  private func drop(_ consumer: inout RingConsumer) throws(SequencerError) -> Int {
    do {
      return try consumer.drain(limit: RecordingSink.blockSlots) { _ throws(Never) in }
    } catch {
      switch error {
      case .ring(let error): throw error
      }
    }
  }

  private mutating func take(_ run: RecordRun) throws(RecordingError) {
    if redaction.isEmpty { return try writer.append(run) }
    // Out of the way while the rest is used, and back with their buffers.
    var bytes: [UInt8] = []
    swap(&bytes, &copy)
    defer { swap(&bytes, &copy) }
    bytes.removeAll(keepingCapacity: true)
    var redaction = ArgumentRedaction([])
    swap(&redaction, &self.redaction)
    run.forEach { record in
      guard let event = try? DecodedEvent(decoding: record) else {
        bytes.append(record)
        return
      }
      redaction.apply(to: event, record) { bytes.append($0) }
    }
    swap(&redaction, &self.redaction)
    try writer.append(
      RecordRun(
        bytes.span.raw, firstPosition: run.firstPosition, endPosition: run.endPosition,
        count: run.count, journal: run.journal))
  }

  mutating func collectLosses(_ consumer: inout RingConsumer, at moment: ResidualLosses.Moment) {
    // They stay with the CPUs' counters, and are told by a successor.
    if problem != nil && isPinned { return }
    var losses: [(cpu: Int, gap: GapBlock)] = []
    // The journal says that they are told when the file has them, not before.
    consumer.releasesWhileDraining = false
    consumer.collectResidualLoss(at: moment) { cpu, gap in losses.append((cpu, gap)) }
    consumer.releasesWhileDraining = true
    if problem == nil {
      do { try writer.append(losses, journal: consumer.journal) } catch {
        problem = error
        return
      }
    }
    if !isPinned || problem == nil { consumer.release() }
  }

  var isFlushDue: Bool { problem != nil && !hasToldProblem }
  var isComplete: Bool { isClosed || writer.records >= limit }
  var keepsUnwritten: Bool { true }
  /// CAP_DAC_OVERRIDE, for segments to come: root has no right of its own to another user's folder.
  var capabilities: UInt64 { writer.makesSegments ? 1 << 1 : 0 }
  mutating func close() { isClosed = true }
  mutating func discard() { isDiscarding = true }
  mutating func finish() {}

  mutating func flush(interrupt: Int32) -> FlushResult {
    guard let problem, !hasToldProblem else { return .done }
    hasToldProblem = true
    return .failed(problem.description)
  }

  mutating func summary(_ figures: CaptureFigures, isReaderGone: Bool) -> Summary {
    var summary = Summary(
      figures, delivered: writer.records, notWanted: unwanted, unwritten: unwritten,
      unreadable: 0)
    summary.gaps = writer.gaps
    // Recording looks into no event: `ordinal verify` judges.
    summary.isJudged = false
    return summary
  }

  func tellProblems() {}

  mutating func seal(
    _ summary: Summary, _ figures: CaptureFigures, isLeft: Bool
  ) throws(Failure) {
    var end = RecordingFigures()
    end.offered = figures.sinceMade.offered.reduce(0, &+)
    end.filtered = summary.filtered
    end.missed = summary.missed
    end.longestStall = summary.longestStall
    for family in 0..<EventFamily.count { end.lost[family] = figures.sinceMade.lost[family] }
    end.isAtRest = !isLeft
    // It has failed already, and that was said.
    if problem != nil { return }
    do { try writer.finish(isLeft ? .leftPinned : .finished, end) } catch {
      throw Failure(error.description, status: 1)
    }
  }

  var exitStatus: Int32 { 0 }
}

extension [UInt8] {
  /// Appends a record's bytes.
  fileprivate mutating func append(_ record: RecordView) {
    // The pointer is used inside the closure only.
    unsafe record.bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }
}
