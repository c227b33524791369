import Glibc
import KernelEvents
public import Sequencer
public import SequencerABI
public import SequencerCore

/// Where a recording goes, and when it begins another file.
public struct RecordingOptions: Sendable {
  /// The file.
  public var path: String
  /// Bytes after which another segment is begun; nil: one segment.
  public var rotateBytes: UInt64?
  /// Nanoseconds after which another segment is begun.
  public var rotateAge: UInt64?
  /// Segments kept, the one that is written included; nil: all.
  public var keptSegments: Int?
  /// Whether blocks are compressed.
  public var isPacked = false
  /// Whether an existing recording is gone on with, in a segment behind it.
  public var isAppending = false

  /// A recording in one new file.
  public init(path: String) { self.path = path }

  var rotates: Bool { rotateBytes != nil || rotateAge != nil }
}

/// What a recording's header tells of the ring and the run; see ``SegmentFacts`` for the rest.
public struct RecordingStart: Sendable {
  /// The ring's own number.
  public var epoch: UInt64 = 0
  /// Possible CPUs.
  public var cpuCount = 0
  /// Slots of the ring.
  public var ringCapacity: UInt64 = 0
  /// The families, as `EventFamily.bit`s.
  public var families: UInt32 = 0
  /// 0 precise, 1 coarse, 2 none, 3 not known.
  public var timestamps: UInt32 = 0
  /// Where the stream is whole from a moment on, that moment, ns of `CLOCK_MONOTONIC`; else 0.
  public var wholeSince: UInt64 = 0
  /// The machine and the run.
  public var facts = SegmentFacts()
  /// Nothing known.
  public init() {}
}

/// The figures of a run at its end, for the footer.
public struct RecordingFigures: Sendable {
  /// Events offered since the ring was made, by the kernel's counters.
  public var offered: UInt64 = 0
  /// As in the run's summary.
  public var filtered: UInt64 = 0
  public var missed: UInt64 = 0
  public var longestStall: UInt64 = 0
  /// Losses at the gate since the ring was made, by family.
  public var lost = InlineArray<16, UInt64>(repeating: 0)
  /// Whether nothing ran any more: then all of ``lost`` is told in the stream.
  public var isAtRest = false
  /// Nothing yet.
  public init() {}
}

/// Writes a recording: records as they lie in the ring, losses where they belong, names as they come up.
///
/// After a failure nothing more can be written, and the files hold whole blocks up to it. Not for
/// concurrent use.
public struct RecordingWriter: ~Copyable {
  private let options: RecordingOptions
  private let start: RecordingStart
  private var segment: SegmentWriter?
  private var journal: ConsumerJournal
  private var written: [String] = []
  private var number: UInt64
  private let accounts: AccountNames
  private var cgroups = CgroupResolver()
  private var known: Set<UInt64> = []
  private var lastCgroup: UInt64 = .max
  private let onSegment: (String) -> Void
  /// Bytes and records written to all segments, and places of losses.
  public private(set) var byteCount: UInt64 = 0
  public private(set) var records: UInt64 = 0
  public private(set) var gaps: UInt64 = 0
  /// Segments begun.
  public private(set) var segments = 0

  /// Makes the first file.
  ///
  /// - Parameters:
  ///   - options: where, and how it is rotated.
  ///   - start: the ring and the run.
  ///   - journal: what was handed out before.
  ///   - onSegment: told each file's path, once it is made and before a record is in it.
  /// - Returns: the recording, begun.
  /// - Throws: one line; no file is left then.
  public static func create(
    _ options: RecordingOptions, _ start: RecordingStart, journal: ConsumerJournal,
    onSegment: @escaping (String) -> Void = { _ in }
  ) throws(RecordingError) -> RecordingWriter {
    let there = try RecordingFiles.segments(of: options.path)
    if let first = there.first, !options.isAppending {
      throw RecordingError(
        "\(first) exists; name another file, or use --append to go on with that recording")
    }
    var writer = RecordingWriter(options, start, journal, there, onSegment)
    let isNumbered = options.rotates || !there.isEmpty
    try writer.beginSegment(
      at: isNumbered
        ? RecordingFiles.path(of: options.path, number: writer.number) : options.path)
    return writer
  }

  private init(
    _ options: RecordingOptions, _ start: RecordingStart, _ journal: ConsumerJournal,
    _ there: [String], _ onSegment: @escaping (String) -> Void
  ) {
    self.options = options
    self.start = start
    self.journal = journal
    self.onSegment = onSegment
    accounts = .live()
    number = RecordingFiles.next(behind: there, of: options.path)
    written = there
  }

  private mutating func beginSegment(at path: String) throws(RecordingError) {
    var header = SegmentHeader()
    header.epoch = start.epoch
    header.number = UInt32(truncatingIfNeeded: segments)
    header.cpuCount = UInt32(start.cpuCount)
    header.began = monotonicNow()
    header.clockOffset = ClockOffset.measured().nanoseconds
    header.ringCapacity = start.ringCapacity
    header.families = start.families
    header.timestamps = start.timestamps
    header.wholeSince = start.wholeSince
    var next = try SegmentWriter.create(
      path, header, start.facts, journal: journal, isPacked: options.isPacked)
    onSegment(path)
    do { try appendAccounts(to: &next) } catch {
      // Of a recording that could not begin nothing is left; one that goes on has a sound, empty segment.
      if segments == 0 { _ = unsafe unlink(path) }
      throw error
    }
    segment = consume next
    segments += 1
    number &+= 1
    written.append(path)
    known.removeAll(keepingCapacity: true)
    lastCgroup = .max
    retire()
  }

  private func appendAccounts(to segment: inout SegmentWriter) throws(RecordingError) {
    let all = accounts.all
    for (kind, accounts) in [(NameKind.user, all.users), (.group, all.groups)] {
      var names = NameBlock()
      for account in accounts.prefix(4096) where !names.isFull {
        names.append(kind, UInt64(account.key), account.value)
      }
      if !names.isEmpty { try segment.append(names) }
    }
  }

  /// Removes the oldest segments where fewer are to be kept.
  private mutating func retire() {
    guard let kept = options.keptSegments else { return }
    while written.count > kept {
      _ = unsafe unlink(written.removeFirst())
    }
  }

  /// Writes a run of records.
  ///
  /// - Parameter run: lent; written from where it lies.
  /// - Throws: if it could not be written; it isn't in the recording then.
  public mutating func append(_ run: RecordRun) throws(RecordingError) {
    try rotateIfDue()
    try demandOpen()
    var account = RunAccount()
    var names = NameBlock()
    try inspect(run, &account, &names)
    if !names.isEmpty { try segment?.append(names) }
    try segment?.append(run, account)
    journal = run.journal
    note(records: UInt64(run.count), gaps: account.gaps)
  }

  /// Writes losses that no record tells of; their place is here.
  public mutating func append(
    _ losses: [(cpu: Int, gap: GapBlock)], journal: ConsumerJournal
  ) throws(RecordingError) {
    if losses.isEmpty { return }
    try demandOpen()
    try segment?.append(losses, journal: journal)
    self.journal = journal
    note(records: 0, gaps: UInt64(losses.count))
  }

  /// A record that no file takes must not pass for one that is written.
  private func demandOpen() throws(RecordingError) {
    switch segment {
    case .some: return
    case .none: throw RecordingError("the recording is at its end already; begin another one")
    }
  }

  private mutating func note(records: UInt64, gaps: UInt64) {
    self.records &+= records
    self.gaps &+= gaps
  }

  /// Ends the recording.
  ///
  /// - Parameters:
  ///   - end: why.
  ///   - figures: the run's account.
  /// - Throws: if the end could not be written; all that came before is there.
  public mutating func finish(_ end: SegmentEnd, _ figures: RecordingFigures) throws(RecordingError)
  {
    try finishSegment(end, figures)
  }

  private mutating func finishSegment(
    _ end: SegmentEnd, _ figures: RecordingFigures
  ) throws(RecordingError) {
    guard segment != nil else { return }
    var footer = SegmentFooter()
    footer.end = end.rawValue
    footer.offered = figures.offered
    footer.filtered = figures.filtered
    footer.missed = figures.missed
    footer.longestStall = figures.longestStall
    footer.isAtRest = figures.isAtRest ? 1 : 0
    footer.lost = figures.lost
    footer.ended = monotonicNow()
    try segment?.finish(footer)
    byteCount &+= segment?.byteCount ?? 0
    segment = nil
  }

  /// Whether files may still be made and removed.
  public var makesSegments: Bool { options.rotates }

  /// Bytes written so far, of the file being written too.
  public var bytesWritten: UInt64 {
    switch segment {
    case .some(let segment): byteCount &+ segment.byteCount
    case .none: byteCount
    }
  }

  private mutating func rotateIfDue() throws(RecordingError) {
    guard options.rotates, isDue else { return }
    try finishSegment(.rotated, RecordingFigures())
    try beginSegment(at: RecordingFiles.path(of: options.path, number: number))
  }

  private var isDue: Bool {
    switch segment {
    case .some(let segment):
      if segment.records == 0 { return false }
      if segment.byteCount >= options.rotateBytes ?? .max { return true }
      return options.rotateAge.map { monotonicNow() &- segment.began >= $0 } ?? false
    case .none: return false
    }
  }

  /// Looks at each record's header: times, losses, cgroups that have no name yet.
  private mutating func inspect(
    _ run: RecordRun, _ account: inout RunAccount, _ names: inout NameBlock
  ) throws(RecordingError) {
    let bytes = run.bytes
    var at = 0
    var first = UInt64.max
    var last: UInt64 = 0
    for _ in 0..<run.count {
      let time = bytes.value(at: at + 8, as: UInt64.self)
      let span = Int(bytes.value(at: at + 18, as: UInt16.self))
      let flags = RecordFlags(rawValue: bytes.value(at: at + 22, as: UInt16.self))
      let cgroup = bytes.value(at: at + 48, as: UInt64.self)
      if time != 0 && time < first { first = time }
      if time > last { last = time }
      if flags.contains(.gap) { account.gaps += 1 }
      if cgroup != lastCgroup { learn(cgroup, &names) }
      if names.isFull {
        try segment?.append(names)
        names = NameBlock()
      }
      at += span * Slot.size
    }
    account.firstTimestamp = first == .max ? 0 : first
    account.lastTimestamp = last
  }

  private mutating func learn(_ cgroup: UInt64, _ names: inout NameBlock) {
    lastCgroup = cgroup
    if known.count >= 65_536 { known.removeAll(keepingCapacity: true) }
    guard known.insert(cgroup).inserted, let path = cgroups.path(of: cgroup) else { return }
    names.append(.cgroup, cgroup, path)
  }
}
