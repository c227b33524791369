public import EventFormats
public import KernelEvents
public import Sequencer
import SequencerABI

/// What is shown a recording: each record and loss in its place, and what can't be read.
public protocol RecordingVisitor: ~Copyable {
  /// How a visit fails; it ends the reading.
  associatedtype Failure: Error
  /// Takes in the next record, lent for the call: its bytes are as they were recorded, and not checked.
  mutating func visit(_ record: RecordView, context: inout FormattingContext) throws(Failure)
  /// Takes in losses that no record tells of.
  mutating func visit(_ gap: Gap) throws(Failure)
  /// Takes in a place where the recording itself can't be read.
  mutating func visit(_ damage: RecordingDamage) throws(Failure)
  /// Called after each block, with the bytes read so far.
  mutating func hasRead(_ bytes: UInt64) throws(Failure)
  /// Whether nothing more is wanted.
  var isDone: Bool { get }
}

/// Why reading a recording stopped early.
public enum ReadingError<Failure: Error>: Error {
  /// The recording can't be read on.
  case recording(RecordingError)
  /// The visitor failed.
  case visitor(Failure)
}

/// One segment of a recording, by what its header and footer say.
public struct SegmentSummary: Sendable {
  /// The file.
  public let path: String
  /// Bytes of the file.
  public let byteCount: UInt64
  /// The ticket of the first record.
  public let firstPosition: UInt64
  /// Records handed out before, since the ring was made.
  public let recordsBefore: UInt64
  /// Ns of `CLOCK_MONOTONIC` at its beginning, and what the wall clock was ahead.
  public let began: UInt64
  public let clockOffset: Int64
  /// How it ended; nil where its recorder did not end it.
  public let end: SegmentEnd?
  /// Ns of `CLOCK_MONOTONIC` at its end.
  public let ended: UInt64?
  /// Records and places of losses; nil where it was not ended.
  public let records: UInt64?
  public let gaps: UInt64?
  /// The run's account, where it ended with this segment.
  public let figures: RecordingFigures?
}

/// Reads a recording of one or more segments in the order of its sequences, in bounded memory.
///
/// Needs no privilege, no kernel, and not the machine that recorded. Every byte is treated as hostile.
public struct RecordingReader: ~Copyable {
  /// The segments, in order.
  public let segments: [SegmentSummary]
  /// The ring and the run, as the first segment tells it.
  public let start: RecordingStart
  /// Clock, cgroups and accounts of the recorded machine, as far as read.
  public var context: FormattingContext
  /// Files that belong to the recording and have no sound header.
  private var headless: [RecordingDamage]
  /// Bytes of those.
  private let headlessBytes: UInt64

  /// Opens recordings: files, and the segments that belong to them.
  ///
  /// - Parameter paths: one or more; segments of the same ring in any order.
  /// - Throws: one line, if one can't be read or is of another ring.
  public init(opening paths: [String]) throws(RecordingError) {
    var files: [String] = []
    var named: Set<String> = []
    for path in paths {
      named.insert(path)
      let found = try RecordingFiles.segments(of: path)
      if found.isEmpty { throw RecordingError(cannot: "open", path, 2) }
      for file in found where !files.contains(file) { files.append(file) }
    }
    var found: [SegmentSummary] = []
    var start: RecordingStart?
    var headless: [RecordingDamage] = []
    var headlessBytes: UInt64 = 0
    var firstError: RecordingError?
    for file in files {
      let reader: SegmentReader
      do { reader = try SegmentReader(opening: file) } catch {
        // One of many: its recorder was ended as it made it, or it is damaged and nobody named it.
        guard error.code == nil, error.isShort || !named.contains(file) else { throw error }
        firstError = firstError ?? error
        headless.append(.headless(file, error))
        headlessBytes &+= RecordingFiles.byteCount(of: file)
        continue
      }
      let own = RecordingStart(reader)
      if let start, start.epoch != own.epoch {
        throw RecordingError(
          "\(file) is of another capture than \(found[0].path): their sequences have nothing to do with each "
            + "other; read them one at a time")
      }
      let summary = SegmentSummary(reader)
      // Facts of the earliest.
      if found.allSatisfy({ summary.firstPosition < $0.firstPosition }) { start = own }
      start = start ?? own
      found.append(summary)
    }
    if let firstError, found.isEmpty { throw firstError }
    found.sort { ($0.firstPosition, $0.began) < ($1.firstPosition, $1.began) }
    segments = found
    var opened = start ?? RecordingStart()
    // Older segments are gone: nothing is missing from the first one's beginning on.
    if let first = found.first, first.recordsBefore > 0, opened.wholeSince != 0 {
      opened.wholeSince = first.began
    }
    self.start = opened
    self.headless = headless
    self.headlessBytes = headlessBytes
    context = FormattingContext(
      clock: ClockOffset(nanoseconds: found.first?.clockOffset ?? 0),
      cgroups: CgroupResolver(recorded: 65_536), accounts: AccountNames())
  }

  /// Bytes of all files.
  public var byteCount: UInt64 { segments.reduce(headlessBytes) { $0 &+ $1.byteCount } }

  /// Shows the whole recording to `visitor`, from the first segment on.
  public mutating func read<Visitor: RecordingVisitor & ~Copyable>(
    into visitor: inout Visitor
  ) throws(ReadingError<Visitor.Failure>) {
    var before = headlessBytes
    var end: UInt64?
    // How the segment before ended, where it has no proper end.
    var ending: RecordingDamage?
    // Whether records of a file without a header are missing, the others' seams tell.
    for damage in headless where damage.cause == .header { try tell(damage, &visitor) }
    for summary in segments {
      if visitor.isDone { return }
      var reader: SegmentReader
      do { reader = try SegmentReader(opening: summary.path) } catch {
        throw .recording(error)
      }
      if let end, let damage = RecordingReader.seam(end, summary) {
        // Where the next one goes on with the very next sequence, nothing is missing.
        if let ending { try tell(ending, &visitor) }
        try tell(damage, &visitor)
      }
      context.clock = ClockOffset(nanoseconds: summary.clockOffset)
      ending = nil
      try read(&reader, into: &visitor, before, &ending)
      end = max(end ?? 0, reader.position)
      before &+= summary.byteCount
    }
    if let ending { try tell(ending, &visitor) }
    for damage in headless where damage.cause == .cut { try tell(damage, &visitor) }
  }

  private func tell<Visitor: RecordingVisitor & ~Copyable>(
    _ damage: RecordingDamage, _ visitor: inout Visitor
  ) throws(ReadingError<Visitor.Failure>) {
    do { try visitor.visit(damage) } catch { throw .visitor(error) }
  }

  private mutating func read<Visitor: RecordingVisitor & ~Copyable>(
    _ reader: inout SegmentReader, into visitor: inout Visitor, _ before: UInt64,
    _ ending: inout RecordingDamage?
  ) throws(ReadingError<Visitor.Failure>) {
    while !visitor.isDone {
      let step: SegmentReader.Step
      do { step = try reader.next() } catch { throw .recording(error) }
      do {
        switch step {
        case .end: return
        case .damage(let damage) where damage.cause == .cut || damage.cause == .unfinished:
          ending = damage
        case .damage(let damage): try visitor.visit(damage)
        case .block(let kind):
          follow(clock: reader.block.clockOffset)
          try show(kind, reader, to: &visitor)
        }
        try visitor.hasRead(before &+ reader.offset)
      } catch {
        throw .visitor(error)
      }
    }
  }

  /// Takes over a step of the wall clock, or a suspend, in which the monotonic one stood still; not what
  /// the clocks drift.
  private mutating func follow(clock offset: Int64) {
    let (difference, overflow) = offset.subtractingReportingOverflow(context.clock.nanoseconds)
    if overflow || difference.magnitude > 100_000_000 {
      context.clock = ClockOffset(nanoseconds: offset)
    }
  }

  private mutating func show<Visitor: RecordingVisitor & ~Copyable>(
    _ kind: BlockKind, _ reader: borrowing SegmentReader, to visitor: inout Visitor
  ) throws(Visitor.Failure) {
    let content = reader.content
    switch kind {
    case .records:
      var at = 0
      while at < content.byteCount, !visitor.isDone {
        let size = Int(content.value(at: at + 18, as: UInt16.self)) * Slot.size
        // The reader has walked these spans already.
        try visitor.visit(
          RecordView(content.extracting(at..<at + size)), context: &context)
        at += size
      }
    case .losses:
      var at = 0
      while at + Slot.size <= content.byteCount {
        let gap = content.value(at: at, as: GapBlock.self)
        try visitor.visit(Gap(told: gap, cpu: UInt32(truncatingIfNeeded: gap.reserved0)))
        at += Slot.size
      }
    case .names: learn(content)
    case .index, .footer: break
    }
  }

  private mutating func learn(_ content: RawSpan) {
    NameBlock.read(content) { kind, id, name in
      switch kind {
      case .cgroup: context.cgroups?.learn(id, name)
      case .user: context.accounts.learn(user: UInt32(truncatingIfNeeded: id), name)
      case .group: context.accounts.learn(group: UInt32(truncatingIfNeeded: id), name)
      }
    }
  }

  /// What lies between two segments, or in both.
  private static func seam(_ end: UInt64, _ next: SegmentSummary) -> RecordingDamage? {
    if next.firstPosition == end { return nil }
    let isLater = next.firstPosition > end
    return RecordingDamage(
      isLater ? .missing : .repeated, next.path, offset: 0,
      positions: isLater ? end..<next.firstPosition : next.firstPosition..<end,
      "the segment begins at sequence \(next.firstPosition), and the one before it ended at \(end)")
  }
}

extension SegmentSummary {
  init(_ reader: borrowing SegmentReader) {
    path = reader.path
    byteCount = reader.byteCount
    firstPosition = reader.header.firstPosition
    recordsBefore = reader.header.recordsBefore
    began = reader.header.began
    clockOffset = reader.header.clockOffset
    let footer = reader.footer
    end = footer.flatMap { SegmentEnd(rawValue: $0.end) }
    ended = footer?.ended
    records = footer?.records
    gaps = footer?.gaps
    figures = footer.flatMap { footer in
      guard footer.end != SegmentEnd.rotated.rawValue else { return nil }
      var figures = RecordingFigures()
      figures.offered = footer.offered
      figures.filtered = footer.filtered
      figures.missed = footer.missed
      figures.longestStall = footer.longestStall
      figures.lost = footer.lost
      figures.isAtRest = footer.isAtRest == 1
      return figures
    }
  }
}

extension RecordingStart {
  init(_ reader: borrowing SegmentReader) {
    self.init()
    epoch = reader.header.epoch
    cpuCount = Int(reader.header.cpuCount)
    ringCapacity = reader.header.ringCapacity
    families = reader.header.families
    timestamps = reader.header.timestamps
    wholeSince = reader.header.wholeSince
    facts = reader.facts
  }
}
