import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import TestSupport

/// Files of any bytes, read as a recording: records in order or a word on what can't be read, never a trap,
/// never more than the file can hold.
///
/// An input's first byte says which: the rest is a file as it is, or a small program that puts one or two
/// segments together whose checksums are right, so that what lies behind them is reached.
enum RecordingTarget {
  private static let actLimit = 64
  nonisolated(unsafe) private static var files: [ScratchFile] = []

  /// Reads the recording that `bytes` tell.
  static func run(_ bytes: [UInt8]) throws(Finding) {
    var input = ByteReader(bytes)
    let choice = input.byte()
    if choice & 1 == 0 { return try read([Array(bytes.dropFirst())]) }
    var images = [segment(&input)]
    var acts = 0
    while !input.isAtEnd, acts < actLimit {
      acts += 1
      if input.choice(16) == 15, images.count < 2 {
        images.append(segment(&input))
      } else {
        act(&input, &images[images.count - 1])
      }
    }
    var files = images.map(\.bytes)
    // And a blow at what was right.
    if choice & 2 != 0, !files[0].isEmpty {
      let place = Int(input.number(UInt32.self)) % files[0].count
      if choice & 4 == 0 { files[0][place] ^= choice | 1 } else { files[0].removeLast(place) }
    }
    try read(files)
  }

  /// A header, most of whose fields the input may set.
  private static func segment(_ input: inout ByteReader) -> SegmentImage {
    let flags = input.byte()
    let facts = flags & 1 == 0 ? [] : input.bytes(input.choice(200))
    return SegmentImage(facts: facts) { header in
      if flags & 2 != 0 { header.firstPosition = number(&input) }
      if flags & 4 != 0 { header.recordsBefore = number(&input) }
      if flags & 8 != 0 { header.cpuCount = input.number(UInt32.self) }
      if flags & 16 != 0 { header.clockOffset = Int64(bitPattern: number(&input)) }
      if flags & 32 != 0 { header.began = number(&input) }
      if flags & 64 != 0 { header.byteCount = input.number(UInt32.self) }
      if flags & 128 != 0 { header.wholeSince = number(&input) }
    }
  }

  /// Small more often than not, else anything.
  private static func number(_ input: inout ByteReader) -> UInt64 {
    switch input.choice(4) {
    case 0, 1: UInt64(input.byte())
    case 2: UInt64.max - UInt64(input.byte())
    default: input.number(UInt64.self)
    }
  }

  private static func act(_ input: inout ByteReader, _ image: inout SegmentImage) {
    switch input.choice(8) {
    case 0, 1:
      let records = (0..<input.choice(4)).map { _ in record(&input) }
      image.append(records: records, from: number(&input)) { change(&input, &$0) }
    case 2:
      var content: [UInt8] = []
      for _ in 0..<input.choice(4) { content += record(&input).bytes() }
      if !content.isEmpty { content[Int(input.byte()) % content.count] = input.byte() }
      image.append(BlockKind.records.rawValue, content) { change(&input, &$0) }
    case 3:
      let content = input.bytes(input.choice(256))
      packed(content + repeatElement(input.byte(), count: Int(input.byte()) * 64)) { stored in
        image.append(UInt16(input.choice(7)), stored) { block in
          block.flags = BlockHeader.isPacked
          block.rawBytes = number(&input)
          change(&input, &block)
        }
      }
    case 4:
      image.append(BlockKind.losses.rawValue, input.bytes(128)) { block in
        block.gaps = 1
        change(&input, &block)
      }
    case 5:
      let entry = IndexEntry(
        offset: number(&input) &* 128, firstPosition: number(&input), firstTimestamp: 0,
        records: number(&input))
      image.append(BlockKind.index.rawValue, bytesOf(entry)) { change(&input, &$0) }
    case 6:
      var footer = SegmentFooter()
      footer.end = number(&input)
      footer.records = number(&input)
      footer.ended = number(&input)
      image.append(BlockKind.footer.rawValue, bytesOf(footer)) { change(&input, &$0) }
    default:
      let kind = UInt16(input.choice(8))
      image.append(kind, input.bytes(input.choice(256))) { change(&input, &$0) }
    }
  }

  private static func record(_ input: inout ByteReader) -> RecordBuilder {
    var record = RecordBuilder.fork(child: ProcessKey(pid: UInt32(input.byte()), start: 2))
    record.header.sequence = number(&input)
    record.header.timestamp = number(&input)
    return record
  }

  /// Changes some of a block's fields; the checksum comes after.
  private static func change(_ input: inout ByteReader, _ block: inout BlockHeader) {
    let flags = input.byte()
    if flags & 1 != 0 { block.firstPosition = number(&input) }
    if flags & 2 != 0 { block.endPosition = number(&input) }
    if flags & 4 != 0 { block.records = number(&input) }
    if flags & 8 != 0 { block.storedBytes = number(&input) }
    if flags & 16 != 0 { block.rawBytes = number(&input) }
    if flags & 32 != 0 { block.gaps = number(&input) }
    if flags & 64 != 0 { block.clockOffset = Int64(bitPattern: number(&input)) }
    if flags & 128 != 0 { block.flags = UInt16(input.byte()) }
  }

  private static func packed(_ content: [UInt8], _ body: ([UInt8]) -> Void) {
    guard var packer = try? Packer() else { return }
    var stored = content
    try? packer.pack(content.span.raw) { packed throws(RecordingError) in
      if let packed { stored = packed.array }
    }
    body(stored)
  }

  // MARK: Reading

  private static func read(_ contents: [[UInt8]]) throws(Finding) {
    while unsafe files.count < contents.count { try unsafe files.append(ScratchFile()) }
    var paths: [String] = []
    for (index, bytes) in contents.enumerated() {
      try unsafe files[index].store(bytes)
      unsafe paths.append(files[index].path)
      do { _ = try RecordingTail(of: paths[index]) } catch {
        try demandOneLine(error.description)
      }
    }
    var visitor = Checker(byteCount: contents.reduce(0) { $0 + UInt64($1.count) })
    do {
      var reader = try RecordingReader(opening: paths)
      try demand(reader.byteCount == visitor.byteCount, "the files have another size")
      do throws(ReadingError<Finding>) { try reader.read(into: &visitor) } catch {
        switch error {
        case .recording(let error): try demandOneLine(error.description)
        case .visitor(let finding): throw finding
        }
      }
      try demand(
        visitor.slots * UInt64(Slot.size) <= visitor.byteCount + visitor.unpacked,
        "more than there is")
    } catch let error as RecordingError {
      try demandOneLine(error.description)
    } catch let finding as Finding {
      throw finding
    } catch {
      throw Finding("\(error)")
    }
  }

  private static func demandOneLine(_ text: String) throws(Finding) {
    try demand(!text.isEmpty && !text.contains("\n"), "not one line: \(text)")
  }

  /// Holds what is shown against what must be.
  private struct Checker: RecordingVisitor {
    typealias Failure = Finding
    let byteCount: UInt64
    /// What packed blocks may hold besides.
    let unpacked: UInt64
    var slots: UInt64 = 0
    private var read: UInt64 = 0
    private var damages: UInt64 = 0
    /// The ticket behind the last record of this segment.
    private var position: UInt64?

    init(byteCount: UInt64) {
      self.byteCount = byteCount
      unpacked = UInt64(BlockHeader.contentLimit) * (byteCount / UInt64(BlockHeader.size) + 1)
    }

    mutating func visit(_ record: RecordView, context: inout FormattingContext) throws(Finding) {
      let header = record.header
      let span = record.bytes.byteCount / Slot.size
      try demand(
        span == Int(header.span) && span >= 1 && span <= Int(RingGeometry.maxSpan)
          && record.bytes.byteCount % Slot.size == 0, "a record of \(record.bytes.byteCount) bytes")
      let ticket = header.sequence &- 1
      if let position {
        try demand(
          ticket >= position || damages > 0, "\(ticket) behind \(position), and no word of it")
      }
      position = ticket &+ UInt64(span)
      slots += UInt64(span)
    }

    func visit(_ gap: Gap) throws(Finding) {
      try demand(gap.beforeSequence == nil, "a loss of a block has no record behind it")
    }

    mutating func visit(_ damage: RecordingDamage) throws(Finding) {
      damages += 1
      try demandOneLine(damage.description)
      try demand(damage.offset <= byteCount, "damage at \(damage.offset), beyond the file")
      // Each costs a slot of the file at least, or is one of its end.
      try demand(damages <= byteCount / UInt64(Slot.size) * 2 + 8, "damage without end")
    }

    mutating func hasRead(_ bytes: UInt64) throws(Finding) {
      try demand(bytes >= read && bytes <= byteCount, "\(bytes) bytes read, behind \(read)")
      read = bytes
    }

    var isDone: Bool { false }
  }
}

/// A file without a name, which is read by its descriptor.
@safe private struct ScratchFile {
  private let descriptor: Int32
  var path: String { "/proc/self/fd/\(descriptor)" }

  init() throws(Finding) {
    var name = Array("/dev/shm/ordinal-fuzz-XXXXXX".utf8CString)
    // Inside the array, which ends with a NUL.
    descriptor = unsafe mkstemp(&name)
    guard descriptor >= 0 else { throw Finding("no file in /dev/shm: errno \(errno)") }
    unsafe unlink(name)
  }

  func store(_ bytes: [UInt8]) throws(Finding) {
    // As long as the array is.
    let written = unsafe bytes.withUnsafeBytes {
      unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0)
    }
    try demand(
      ftruncate(descriptor, off_t(bytes.count)) == 0 && written == bytes.count,
      "the file is not written")
  }
}
