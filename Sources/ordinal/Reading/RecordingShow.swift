import Causality
import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI

/// Shows a recording to an event visitor: opens it, hides and filters, counts, draws how far it is, and
/// says what is missing.
///
/// Usage: ``open(_:_:)`` one, ``run()`` it, then take what became of the visitor from ``visitor``.
struct RecordingShow<Visitor: EventVisitor & ~Copyable>: ~Copyable, RecordingVisitor {
  /// How a show ends early.
  enum Failure: Error {
    /// The visitor failed.
    case visitor(Visitor.Failure)
  }
  /// The recording's own facts.
  let start: RecordingStart
  /// The segments.
  let segments: [SegmentSummary]
  private var reader: RecordingReader?
  private var intake: EventIntake<Visitor>
  private var progress: ProgressBar
  /// What can't be read, or isn't there: the first lines of it, and how many in all.
  private(set) var damage: [RecordingDamage] = []
  private(set) var damageCount = 0
  private static var keptDamage: Int { 100 }

  /// Opens the recordings.
  ///
  /// - Parameters:
  ///   - request: which, and what of them.
  ///   - makeVisitor: makes what is shown the events, knowing the recording's facts.
  /// - Returns: the show, opened and not begun.
  /// - Throws: a `RecordingError`, if one can't be opened.
  static func open(
    _ request: ReadingRequest,
    _ makeVisitor: (RecordingStart, [SegmentSummary]) throws -> Visitor
  ) throws -> RecordingShow {
    let reader = try RecordingReader(opening: request.files)
    let start = reader.start
    SyscallABI.setRecorded(architecture: start.facts.architecture)
    let visitor = try makeVisitor(start, reader.segments)
    return RecordingShow(request, reader, start.verifier, visitor)
  }

  private init(
    _ request: ReadingRequest, _ reader: consuming RecordingReader, _ verifier: CausalityVerifier,
    _ visitor: consuming Visitor
  ) {
    start = reader.start
    segments = reader.segments
    intake = EventIntake(
      visitor, verifier: verifier, filter: request.filter, redactions: request.redactions,
      limit: request.limit)
    progress = ProgressBar(total: reader.byteCount, isQuiet: request.isQuiet)
    self.reader = .some(reader)
  }

  /// What was shown the events.
  var visitor: Visitor {
    _read { yield intake.visitor }
    _modify { yield &intake.visitor }
  }

  /// The counts of what was shown.
  var counts: EventIntake<Visitor> { _read { yield intake } }

  /// Shows everything.
  ///
  /// - Throws: a `RecordingError`, or what the visitor throws.
  mutating func run() throws {
    var reader = self.reader.take()!
    defer { progress.clear() }
    do throws(ReadingError<Failure>) { try reader.read(into: &self) } catch {
      switch error {
      case .recording(let error): throw error
      case .visitor(.visitor(let error)): throw error
      }
    }
    intake.verifier.finish(missed: segments.last?.figures?.missed ?? 0)
  }

  var isDone: Bool { intake.isComplete }

  mutating func visit(
    _ record: RecordView, context: inout FormattingContext
  ) throws(Failure) {
    do { try intake.take(record, context: &context) } catch { throw .visitor(error) }
  }

  mutating func visit(_ gap: Gap) throws(Failure) {
    do { try intake.take(gap) } catch { throw .visitor(error) }
  }

  mutating func visit(_ damage: RecordingDamage) {
    damageCount += 1
    if self.damage.count < RecordingShow.keptDamage { self.damage.append(damage) }
  }

  mutating func hasRead(_ bytes: UInt64) { progress.update(bytes) }

  /// Says what can't be read, or isn't there.
  func tellDamage() {
    for entry in damage.prefix(10) { complain(entry.description) }
    if damageCount > 10 { complain("\(damageCount - 10) more places can't be read") }
  }

  /// Whether a part of what was recorded can't be read. (A recording that was cut at its end is read up to
  /// there, and is sound so far.)
  var isDamaged: Bool {
    damage.contains { !$0.isEnd }
  }
}

extension RecordingStart {
  /// A judge of the recording's order.
  var verifier: CausalityVerifier {
    var verifier = CausalityVerifier(
      tracingBegan: wholeSince == 0 ? nil : wholeSince, isTree: facts.isTree,
      hasExactClock: timestamps == 0)
    for pid in facts.excused { verifier.excuse(pid: pid) }
    return verifier
  }
}
