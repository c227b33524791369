import Glibc
import KernelEvents
package import Sequencer
package import SequencerABI
package import SequencerCore

/// Writes one segment: a header, blocks as they come, an index and a footer.
///
/// Whatever ends the process, the file holds whole blocks up to some point: a block's checksums tell
/// whether it is one. A block that could not be written whole (a full disk) is cut off again. Not for
/// concurrent use; the file is closed when the value goes.
package struct SegmentWriter: ~Copyable {
  package let path: String
  private let descriptor: Int32
  private let header: SegmentHeader
  private var offset: UInt64
  private var position: UInt64
  private var index = SegmentIndex()
  private var packer: Packer?
  /// Records, and places of losses, written.
  package private(set) var records: UInt64 = 0
  package private(set) var gaps: UInt64 = 0
  private var recordsTotal: UInt64
  private var lostTold: InlineArray<16, UInt64>
  private var clockOffset: Int64

  /// Bytes written.
  package var byteCount: UInt64 { offset }
  /// When it was begun, ns of `CLOCK_MONOTONIC`.
  package var began: UInt64 { header.began }

  /// Creates the file, which must not exist, for its owner alone.
  ///
  /// - Parameters:
  ///   - path: where.
  ///   - header: the numbers; salt, checksum and sizes are filled in here.
  ///   - facts: what else a reader is told.
  ///   - journal: what was handed out before.
  ///   - isPacked: compress the blocks.
  /// - Returns: the writer, its header written.
  /// - Throws: one line, if the file exists or can't be made; nothing is left then.
  package static func create(
    _ path: String, _ header: SegmentHeader, _ facts: SegmentFacts, journal: ConsumerJournal,
    isPacked: Bool
  ) throws(RecordingError) -> SegmentWriter {
    var header = header
    let tail = facts.encoded()
    let size = aligned(MemoryLayout<SegmentHeader>.size + tail.count)
    header.byteCount = UInt32(size)
    header.salt = UInt64.random(in: 1...UInt64.max)
    header.firstPosition = journal.position
    header.recordsBefore = journal.records
    header.checksum = 0
    var bytes: [UInt8] = []
    unsafe withUnsafeBytes(of: header) { unsafe bytes.append(contentsOf: $0) }
    bytes += tail
    bytes += repeatElement(0, count: size - bytes.count)
    header.checksum = Checksum.crc32c(bytes.span.raw)
    for byte in 0..<4 {
      bytes[SegmentHeader.checksumOffset + byte] = UInt8(
        truncatingIfNeeded: header.checksum >> (8 * UInt32(byte)))
    }
    let opened = unsafe open(
      path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard opened >= 0 else { throw RecordingError(cannot: "make", path, errno) }
    var writer = SegmentWriter(opened, path, header, journal)
    do {
      writer.packer = try packer(isPacked)
      try writer.write(bytes.span.raw)
    } catch {
      unsafe unlink(path)
      throw error
    }
    return writer
  }

  private init(
    _ descriptor: Int32, _ path: String, _ header: SegmentHeader, _ journal: ConsumerJournal
  ) {
    self.descriptor = descriptor
    self.path = path
    self.header = header
    offset = 0
    position = journal.position
    recordsTotal = journal.records
    lostTold = journal.lostTold
    clockOffset = header.clockOffset
  }

  deinit { close(descriptor) }

  private static func packer(_ isPacked: Bool) throws(RecordingError) -> Packer? {
    if isPacked { return try Packer() }
    return nil
  }

  /// Appends a run of records as one block.
  ///
  /// - Parameters:
  ///   - run: lent; written from where it lies.
  ///   - account: what was seen in it.
  /// - Throws: if it could not be written; the file then ends before it.
  package mutating func append(_ run: RecordRun, _ account: RunAccount) throws(RecordingError) {
    precondition(run.firstPosition == position, "a run is missing")
    var block = BlockHeader()
    block.kind = BlockKind.records.rawValue
    block.firstPosition = run.firstPosition
    block.endPosition = run.endPosition
    block.records = UInt64(run.count)
    block.firstTimestamp = account.firstTimestamp
    block.lastTimestamp = account.lastTimestamp
    block.gaps = account.gaps
    let start = offset
    let before = (recordsTotal, lostTold)
    recordsTotal = run.journal.records
    lostTold = run.journal.lostTold
    do { try appendContent(run.bytes, block) } catch {
      (recordsTotal, lostTold) = before
      throw error
    }
    position = run.endPosition
    records &+= UInt64(run.count)
    gaps &+= account.gaps
    index.add(
      IndexEntry(
        offset: start, firstPosition: run.firstPosition, firstTimestamp: account.firstTimestamp,
        records: UInt64(run.count)))
  }

  /// Appends losses that no record tells of; their place is here.
  package mutating func append(
    _ losses: [(cpu: Int, gap: GapBlock)], journal: ConsumerJournal
  ) throws(RecordingError) {
    var bytes: [UInt8] = []
    for (cpu, gap) in losses {
      var gap = gap
      gap.reserved0 = UInt64(cpu)
      unsafe withUnsafeBytes(of: gap) { unsafe bytes.append(contentsOf: $0) }
    }
    var block = BlockHeader()
    block.kind = BlockKind.losses.rawValue
    block.gaps = UInt64(losses.count)
    let before = lostTold
    lostTold = journal.lostTold
    do { try appendContent(bytes.span.raw, block) } catch {
      lostTold = before
      throw error
    }
    gaps &+= UInt64(losses.count)
  }

  /// Appends names, for the records that follow.
  mutating func append(_ names: NameBlock) throws(RecordingError) {
    var block = BlockHeader()
    block.kind = BlockKind.names.rawValue
    try appendContent(names.bytes.span.raw, block)
  }

  /// Appends index and footer, and waits until all of it is on the disk.
  package mutating func finish(_ footer: SegmentFooter) throws(RecordingError) {
    var footer = footer
    footer.indexOffset = offset
    footer.records = records
    footer.gaps = gaps
    var block = BlockHeader()
    block.kind = BlockKind.index.rawValue
    try appendContent(index.bytes.span.raw, block)
    var bytes: [UInt8] = []
    unsafe withUnsafeBytes(of: footer) { unsafe bytes.append(contentsOf: $0) }
    block.kind = BlockKind.footer.rawValue
    try appendContent(bytes.span.raw, block, mayPack: false)
    if fdatasync(descriptor) != 0 { throw RecordingError(cannot: "write", path, errno) }
  }

  /// Fills in what every block's header tells, and writes both.
  private mutating func appendContent(
    _ content: RawSpan, _ header: BlockHeader, mayPack: Bool = true
  ) throws(RecordingError) {
    var block = header
    block.salt = self.header.salt
    block.rawBytes = UInt64(content.byteCount)
    if block.kind != BlockKind.records.rawValue {
      block.firstPosition = position
      block.endPosition = position
    }
    block.recordsTotal = recordsTotal
    block.lostTold = lostTold
    block.written = monotonicNow()
    let offset = WallClock.offset(at: block.written)
    // Two clocks can't be read at once; a step is taken for one only if it is seen again.
    if (offset &- clockOffset).magnitude > 1_000_000 {
      clockOffset = ClockOffset.measured().nanoseconds
    }
    block.clockOffset = clockOffset
    guard mayPack, packer != nil, content.byteCount >= 512 else {
      return try write(block, content)
    }
    // Out of the way while it lends what it packed, and back.
    var taken: Packer?
    swap(&taken, &packer)
    defer { swap(&taken, &packer) }
    let wasPacked = try taken?.pack(content) { packed throws(RecordingError) -> Bool in
      guard let packed else { return false }
      var head = block
      head.flags |= BlockHeader.isPacked
      try write(head, packed)
      return true
    }
    if wasPacked != true { try write(block, content) }
  }

  /// Writes a block: header, content, and nothing up to the next multiple of 128.
  private mutating func write(_ block: BlockHeader, _ content: RawSpan) throws(RecordingError) {
    var block = block
    block.storedBytes = UInt64(content.byteCount)
    block.contentChecksum = Checksum.crc32c(content)
    block.checksum = 0
    // The sum is over the header with its own field as 0, as which it stands here.
    block.checksum = unsafe withUnsafeBytes(of: block) { unsafe Checksum.crc32c($0.bytes) }
    let padding = aligned(content.byteCount) - content.byteCount
    // Three pieces by one call: where the content lies in the ring, this is its only copy.
    let zeros = InlineArray<128, UInt8>(repeating: 0)
    let code: Int32 = unsafe withUnsafeBytes(of: block) { head in
      unsafe content.withUnsafeBytes { body in
        unsafe withUnsafeBytes(of: zeros) { tail in
          unsafe writeAll([
            iovec(iov_base: .init(mutating: head.baseAddress), iov_len: head.count),
            iovec(iov_base: .init(mutating: body.baseAddress), iov_len: body.count),
            iovec(iov_base: .init(mutating: tail.baseAddress), iov_len: padding),
          ])
        }
      }
    }
    try settle(code, BlockHeader.size + content.byteCount + padding)
  }

  private mutating func write(_ bytes: RawSpan) throws(RecordingError) {
    let code: Int32 = unsafe bytes.withUnsafeBytes { buffer in
      unsafe writeAll([
        iovec(iov_base: .init(mutating: buffer.baseAddress), iov_len: buffer.count)
      ])
    }
    try settle(code, bytes.byteCount)
  }

  /// After a write: goes on behind it, or cuts off what there is of it.
  private mutating func settle(_ code: Int32, _ count: Int) throws(RecordingError) {
    if code != 0 {
      ftruncate(descriptor, off_t(offset))
      throw RecordingError(cannot: "write", path, code)
    }
    offset &+= UInt64(count)
  }

  /// Writes all pieces at ``offset``.
  ///
  /// - Returns: 0, or the error.
  private func writeAll(_ pieces: [iovec]) -> Int32 {
    var rest = unsafe pieces
    var at = off_t(offset)
    while unsafe !rest.isEmpty {
      let got = unsafe pwritev(descriptor, rest, Int32(rest.count), at)
      if got < 0 && errno == EINTR { continue }
      // A regular file takes nothing only where it can take no more.
      if got <= 0 { return got < 0 ? errno : ENOSPC }
      at += off_t(got)
      var left = got
      while let first = unsafe rest.first, unsafe left >= first.iov_len {
        unsafe left -= first.iov_len
        unsafe rest.removeFirst()
      }
      if unsafe !rest.isEmpty && left > 0 {
        unsafe rest[0].iov_base += left
        unsafe rest[0].iov_len -= left
      }
    }
    return 0
  }
}

/// What a recorder sees of a run's records on the way.
package struct RunAccount: Sendable {
  /// The lowest and the highest timestamp; 0 where there is none.
  package var firstTimestamp: UInt64 = 0
  package var lastTimestamp: UInt64 = 0
  /// Records that tell of losses.
  package var gaps: UInt64 = 0
  package init() {}
}

/// Where blocks with records lie, in bounded memory: past the limit, each second entry goes.
struct SegmentIndex {
  private var entries: [IndexEntry] = []
  private var step = 1
  private var skipped = 0
  static var limit: Int { 65_536 }

  mutating func add(_ entry: IndexEntry) {
    if skipped > 0 {
      skipped -= 1
      return
    }
    if entries.count == SegmentIndex.limit {
      entries = stride(from: 0, to: entries.count, by: 2).map { entries[$0] }
      step *= 2
    }
    entries.append(entry)
    skipped = step - 1
  }

  /// The entries, one behind the other.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * MemoryLayout<IndexEntry>.size)
    for entry in entries {
      // Integers without padding.
      unsafe withUnsafeBytes(of: entry) { unsafe bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}

/// The wall clock against the monotonic one.
enum WallClock {
  /// `CLOCK_REALTIME` less a reading of `CLOCK_MONOTONIC` taken just before, ns.
  static func offset(at monotonic: UInt64) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
      &- Int64(truncatingIfNeeded: monotonic)
  }
}
