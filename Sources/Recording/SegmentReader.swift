import Glibc
import KernelEvents
import SequencerABI

/// Reads one segment, block by block, in memory for one block; treats every byte as hostile.
///
/// What can't be read is told as ``RecordingDamage``, with its offset, and passed over. The file is closed
/// when the value goes. Not for concurrent use.
package struct SegmentReader: ~Copyable {
  package let path: String
  package let header: SegmentHeader
  package let facts: SegmentFacts
  /// Bytes of the file when it was opened.
  package let byteCount: UInt64
  /// How the segment ended, and where its index lies; nil where it has no sound footer.
  package private(set) var footer: SegmentFooter?
  private let descriptor: Int32
  /// Where the next block begins.
  package private(set) var offset: UInt64
  /// The ticket behind the last record seen.
  package private(set) var position: UInt64
  /// The header of the block that was read last, and its content, unpacked.
  package private(set) var block = BlockHeader()
  private var stored: [UInt8] = []
  private var unpacked: [UInt8] = []
  private var unpacker: Unpacker?
  private var isPacked = false
  /// What was read, to be held against the footer.
  private var records: UInt64 = 0
  private var gaps: UInt64 = 0
  private var indexOffset: UInt64 = 0
  private var isDamaged = false
  private var isAtEnd = false

  /// What ``next()`` found.
  package enum Step {
    /// A block whose checksums hold; see ``block`` and ``withContent(_:)``.
    case block(BlockKind)
    /// Something that can't be read; reading goes on behind it.
    case damage(RecordingDamage)
    /// Nothing more.
    case end
  }

  /// What a file begins with, and its size.
  typealias Start = (header: SegmentHeader, facts: SegmentFacts, byteCount: UInt64)

  /// Opens a segment and reads its header.
  ///
  /// - Throws: one line, if it can't be opened or is no segment that this program reads.
  package init(opening path: String) throws(RecordingError) {
    // Not to block where it is a pipe that nobody writes to.
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard opened >= 0 else { throw RecordingError(cannot: "open", path, errno) }
    let start: Start
    do { start = try SegmentReader.readStart(opened, path) } catch {
      close(opened)
      throw error
    }
    self.init(path, opened, start)
    readFooter()
  }

  private init(_ path: String, _ descriptor: Int32, _ start: Start) {
    self.path = path
    self.descriptor = descriptor
    header = start.header
    facts = start.facts
    byteCount = start.byteCount
    offset = UInt64(header.byteCount)
    position = header.firstPosition
    footer = nil
  }

  deinit { close(descriptor) }

  /// The footer, if the file ends with a sound one.
  private mutating func readFooter() {
    let size = BlockHeader.size + SegmentFooter.size
    guard byteCount >= UInt64(header.byteCount) + UInt64(size),
      case let start = byteCount - UInt64(size), start % UInt64(Slot.size) == 0,
      let block = try? blockHeader(at: start), block.kind == BlockKind.footer.rawValue,
      block.storedBytes == UInt64(SegmentFooter.size), block.flags == 0
    else { return }
    var bytes = [UInt8](repeating: 0, count: SegmentFooter.size)
    guard
      let got = try? SegmentReader.read(
        descriptor, path, &bytes, at: start + UInt64(BlockHeader.size)),
      got == bytes.count, Checksum.crc32c(bytes.span.raw) == block.contentChecksum
    else { return }
    footer = bytes.span.raw.value(at: 0, as: SegmentFooter.self)
  }

  /// The block header at an offset, if a sound one of this segment is there.
  private mutating func blockHeader(at offset: UInt64) throws(RecordingError) -> BlockHeader? {
    if stored.count < BlockHeader.size { stored = Array(repeating: 0, count: BlockHeader.size) }
    let got = try SegmentReader.read(
      descriptor, path, &stored, count: BlockHeader.size, at: offset)
    guard got == BlockHeader.size else { return nil }
    return SegmentReader.soundHeader(stored.span.raw.extracting(0..<BlockHeader.size), header.salt)
  }

  private static func soundHeader(_ bytes: RawSpan, _ salt: UInt64) -> BlockHeader? {
    guard bytes.value(at: 0, as: UInt32.self) == BlockHeader.magicValue else { return nil }
    let block = bytes.value(at: 0, as: BlockHeader.self)
    guard block.salt == salt,
      Checksum.ofHeader(bytes, checksumAt: BlockHeader.checksumOffset) == block.checksum,
      block.storedBytes <= UInt64(BlockHeader.contentLimit),
      block.rawBytes <= UInt64(BlockHeader.contentLimit),
      block.firstPosition <= block.endPosition
    else { return nil }
    return block
  }

  /// Goes on to the next block, or to what can't be read.
  ///
  /// - Throws: if the file can't be read at all, e.g. for an error of the disk.
  package mutating func next() throws(RecordingError) -> Step {
    while true {
      // nil: a block of a later version, whose checksums hold; there may be any number.
      if let step = try step() { return step }
    }
  }

  private mutating func step() throws(RecordingError) -> Step? {
    if isAtEnd { return .end }
    guard offset < byteCount else { return finish() }
    guard let block = try blockHeader(at: offset) else { return try resynchronize() }
    self.block = block
    let start = offset
    if block.firstPosition > position {
      // The block itself is read next.
      isDamaged = true
      let missing = position..<block.firstPosition
      position = block.firstPosition
      return .damage(
        RecordingDamage(
          .missing, path, offset: start, positions: missing,
          "the block begins at sequence \(missing.upperBound), and the one before it ended at "
            + "\(missing.lowerBound)"))
    }
    let size = Int(block.storedBytes)
    let end = start + UInt64(BlockHeader.size) + UInt64(aligned(size))
    if end > byteCount {
      isAtEnd = true
      // Its records are not here; they may be in the next segment, of a recorder that went on.
      return .damage(
        RecordingDamage(
          .cut, path, offset: start,
          positions: block.kind == BlockKind.records.rawValue
            ? block.firstPosition..<block.endPosition : nil,
          records: block.kind == BlockKind.records.rawValue ? block.records : nil,
          "the file ends within a block of \(BlockHeader.size + size) bytes: it was cut, or its recorder "
            + "was ended in a write"))
    }
    if stored.count < size { stored = Array(repeating: 0, count: size) }
    let got = try SegmentReader.read(
      descriptor, path, &stored, count: size, at: start + UInt64(BlockHeader.size))
    offset = end
    guard got == size,
      Checksum.crc32c(stored.span.raw.extracting(0..<size)) == block.contentChecksum
    else {
      return .damage(damage(.content, at: start, "a block's content is not what was written"))
    }
    isPacked = block.flags & BlockHeader.isPacked != 0
    if isPacked {
      if unpacked.count != Int(block.rawBytes) {
        unpacked = Array(repeating: 0, count: Int(block.rawBytes))
      }
      guard try unpack(size) else {
        return .damage(damage(.content, at: start, "a block's content can't be unpacked"))
      }
    } else if block.rawBytes != block.storedBytes {
      return .damage(damage(.content, at: start, "a block's sizes contradict each other"))
    }
    guard let kind = BlockKind(rawValue: block.kind) else { return nil }
    let problem: RecordingDamage? =
      switch kind {
      case .records: checkRecords(at: start)
      case .losses: checkLosses(at: start)
      case .index: try checkIndex(at: start)
      case .footer: checkFooter(at: start)
      case .names: nil
      }
    if let problem {
      isDamaged = true
      return .damage(problem)
    }
    return .block(kind)
  }

  /// The next block's header, its content passed over; nil behind the last whole block.
  mutating func skim() throws(RecordingError) -> BlockHeader? {
    guard offset < byteCount, let block = try blockHeader(at: offset) else { return nil }
    let end = offset + UInt64(BlockHeader.size) + UInt64(aligned(Int(block.storedBytes)))
    guard end <= byteCount else { return nil }
    offset = end
    return block
  }

  /// Whether the content of a block that ``skim()`` passed over is what was written.
  mutating func isSound(_ block: BlockHeader, before end: UInt64) throws(RecordingError) -> Bool {
    let size = Int(block.storedBytes)
    if stored.count < size { stored = Array(repeating: 0, count: size) }
    let got = try SegmentReader.read(
      descriptor, path, &stored, count: size, at: end - UInt64(aligned(size)))
    return got == size
      && Checksum.crc32c(stored.span.raw.extracting(0..<size)) == block.contentChecksum
  }

  private mutating func unpack(_ size: Int) throws(RecordingError) -> Bool {
    if unpacker == nil { unpacker = try Unpacker() }
    // Out of the way while one is written from the other, and back.
    var target: [UInt8] = []
    swap(&target, &unpacked)
    let source = stored
    defer { swap(&target, &unpacked) }
    return unpacker?.unpack(source.span.raw.extracting(0..<size), into: &target) == true
  }

  /// The content of the block that was read last.
  package var content: RawSpan {
    @_lifetime(borrow self)
    get {
      isPacked ? unpacked.span.raw : stored.span.raw.extracting(0..<Int(block.storedBytes))
    }
  }

  /// Damage to the block just read; its records are passed over.
  private mutating func damage(
    _ cause: RecordingDamage.Cause, at offset: UInt64, _ note: String
  ) -> RecordingDamage {
    let positions = position..<max(position, block.endPosition)
    position = positions.upperBound
    isDamaged = true
    return RecordingDamage(
      cause, path, offset: offset, positions: positions,
      records: block.kind == BlockKind.records.rawValue ? block.records : nil, note)
  }

  /// Checks that the content is records one behind the other, of the positions that the header tells.
  private mutating func checkRecords(at start: UInt64) -> RecordingDamage? {
    // Later was told before. The position stays: what of it is new is told as missing by what follows.
    guard block.firstPosition == position else {
      return RecordingDamage(
        .repeated, path, offset: start,
        positions: block.firstPosition..<min(position, block.endPosition),
        "the block begins at sequence \(block.firstPosition), and the one before it ended at \(position)"
      )
    }
    let found = SegmentReader.walk(content, from: block.firstPosition)
    guard found.end == content.byteCount, found.ticket == block.endPosition,
      found.records == block.records
    else {
      return damage(
        // In a packed block no place in the file is the record's.
        .records, at: isPacked ? start : start + UInt64(BlockHeader.size + found.end),
        "no record of sequence \(found.ticket) is where it should be")
    }
    position = block.endPosition
    records &+= block.records
    gaps &+= block.gaps
    return nil
  }

  /// Checks that the content is as many gaps as the header tells.
  private mutating func checkLosses(at start: UInt64) -> RecordingDamage? {
    guard block.rawBytes == block.gaps &* UInt64(Slot.size) else {
      return damage(.content, at: start, "a block of losses has another size than it tells")
    }
    gaps &+= block.gaps
    return nil
  }

  /// Checks that each entry of the index names a block with records.
  private mutating func checkIndex(at start: UInt64) throws(RecordingError) -> RecordingDamage? {
    indexOffset = start
    // Each entry costs a look into the file: no more than a writer makes.
    guard content.byteCount <= SegmentIndex.limit * MemoryLayout<IndexEntry>.size else {
      return RecordingDamage(.footer, path, offset: start, "the index is larger than one can be")
    }
    // A copy: what looks at headers uses the memory that the content lies in.
    for entry in SegmentReader.entries(content) {
      guard entry.offset < start, let found = try blockHeader(at: entry.offset),
        found.kind == BlockKind.records.rawValue, found.firstPosition == entry.firstPosition,
        found.records == entry.records
      else {
        return RecordingDamage(
          .footer, path, offset: start,
          "the index tells of records at offset \(entry.offset), where there are no such")
      }
    }
    return nil
  }

  private static func entries(_ content: RawSpan) -> [IndexEntry] {
    let size = MemoryLayout<IndexEntry>.size
    var entries: [IndexEntry] = []
    for index in 0..<content.byteCount / size {
      entries.append(content.value(at: index * size, as: IndexEntry.self))
    }
    return entries
  }

  /// Checks that the footer tells what was read.
  private mutating func checkFooter(at start: UInt64) -> RecordingDamage? {
    guard !isDamaged, let footer else { return nil }
    guard footer.records == records, footer.gaps == gaps, footer.indexOffset == indexOffset else {
      return RecordingDamage(
        .footer, path, offset: start,
        "the footer tells of \(footer.records) records and \(footer.gaps) places of losses, and there are "
          + "\(records) and \(gaps)")
    }
    return nil
  }

  /// Steps over the records that lie one behind the other from the ticket `first` on.
  private static func walk(
    _ bytes: RawSpan, from first: UInt64
  ) -> (end: Int, ticket: UInt64, records: UInt64) {
    var ticket = first
    var records: UInt64 = 0
    var at = 0
    while at + Slot.size <= bytes.byteCount {
      let span = Int(bytes.value(at: at + 18, as: UInt16.self))
      guard bytes.value(at: at, as: UInt64.self) == ticket &+ 1, span > 0,
        span <= Int(RingGeometry.maxSpan), at + span * Slot.size <= bytes.byteCount
      else { break }
      ticket &+= UInt64(span)
      records += 1
      at += span * Slot.size
    }
    return (at, ticket, records)
  }

  /// The end of the file, or what its end lacks.
  private mutating func finish() -> Step {
    isAtEnd = true
    if footer == nil {
      return .damage(
        RecordingDamage(
          .unfinished, path, offset: offset,
          "the file ends without a footer, \(lastWords): its recorder did not end it, and what came after "
            + "is not in it"))
    }
    return .end
  }

  /// Looks for the next sound header behind something that is none.
  private mutating func resynchronize() throws(RecordingError) -> Step {
    let start = offset
    let from = position
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    var at = start + UInt64(Slot.size)
    while at + UInt64(BlockHeader.size) <= byteCount {
      let got = try SegmentReader.read(descriptor, path, &chunk, at: at)
      guard got >= BlockHeader.size else { break }
      var inside = 0
      while inside + BlockHeader.size <= got {
        let bytes = chunk.span.raw.extracting(inside..<inside + BlockHeader.size)
        if let found = SegmentReader.soundHeader(bytes, header.salt) {
          isDamaged = true
          offset = at + UInt64(inside)
          let upTo = max(from, found.firstPosition)
          position = upTo
          return .damage(
            RecordingDamage(
              .header, path, offset: start, positions: from..<upTo,
              "\(offset - start) bytes are no block"))
        }
        inside += Slot.size
      }
      at += UInt64(inside)
    }
    isAtEnd = true
    offset = byteCount
    return .damage(
      RecordingDamage(
        .cut, path, offset: start,
        "the last \(byteCount - start) bytes are no block: the file was cut, or its recorder was ended in "
          + "a write; before them, \(lastWords)"))
  }

  /// Up to where records were seen.
  private var lastWords: String {
    position > header.firstPosition
      ? "the sequences up to \(position - 1) are there" : "there is no record"
  }
}
