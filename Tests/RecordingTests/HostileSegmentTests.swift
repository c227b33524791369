import KernelEvents
import SequencerABI
import TestSupport
import Testing

@testable import Recording

@Suite("Hostile segments, with every checksum right")
struct HostileSegmentTests {
  private let folder: Folder
  private let path: String

  init() throws {
    folder = try Folder()
    path = folder.path("hostile")
  }

  private func read(_ image: SegmentImage) throws -> Shown {
    try store(image.bytes, path)
    let shown = try Shown.reading([path])
    for damage in shown.damage { #expect(!damage.description.contains("\n")) }
    // A successor's look at it ends as well.
    _ = try RecordingTail(of: path)
    return shown
  }

  private static let ends: [UInt64] = [
    0, 1, 1 << 31, 1 << 32, 1 << 62, 1 << 63 - 1, 1 << 63, .max - 130, .max - 1, .max,
  ]

  @Test("Positions anywhere", arguments: ends)
  func positions(first: UInt64) throws {
    for start in HostileSegmentTests.ends {
      for end in HostileSegmentTests.ends {
        var image = SegmentImage { header in
          header.firstPosition = start
          header.recordsBefore = end
        }
        image.append(records: SyntheticStream.mixed(), from: first)
        image.append(BlockKind.records.rawValue, []) { block in
          block.firstPosition = first
          block.endPosition = end
          block.records = end
          block.recordsTotal = .max
        }
        image.append(records: [.fork(child: ProcessKey(pid: 2, start: 2))], from: end)
        let shown = try read(image)
        #expect(!shown.damage.isEmpty)
        #expect(shown.records.count <= 6)
      }
    }
  }

  @Test("A missing range as long as all sequences there are")
  func longest() throws {
    var image = SegmentImage()
    image.append(BlockKind.names.rawValue, []) { block in
      block.firstPosition = .max
      block.endPosition = .max
    }
    let shown = try read(image)
    #expect(shown.missing == [0..<UInt64.max])
    #expect(shown.damage[0].description.contains("sequences 0 to 18446744073709551614"))
  }

  @Test("Records that are none: spans, counts, sequences", arguments: [0, 49, 50, 65_535])
  func spans(span: Int) throws {
    var record = RecordBuilder.fork(child: ProcessKey(pid: 2, start: 2))
    record.header.sequence = 1
    var bytes = record.bytes()
    bytes.replaceSubrange(18..<20, with: bytesOf(UInt16(span)))
    var image = SegmentImage()
    image.append(BlockKind.records.rawValue, bytes) { block in
      block.endPosition = UInt64(span)
      block.records = 1
    }
    image.append(records: SyntheticStream.mixed(), from: UInt64(span))
    let shown = try read(image)
    #expect(shown.damage.first?.cause == .records && shown.records.count == 5)
    #expect(shown.damage.first?.offset == 128 + 256)
  }

  @Test("A block whose account is not its content's")
  func accounts() throws {
    let changes: [(inout BlockHeader) -> Void] = [
      { $0.records += 1 }, { $0.records = 0 }, { $0.records = .max }, { $0.endPosition += 1 },
      { $0.endPosition -= 1 }, { $0.rawBytes += 128 }, { $0.rawBytes = 0 },
      { $0.rawBytes = UInt64(BlockHeader.contentLimit) },
    ]
    for (index, change) in changes.enumerated() {
      var image = SegmentImage()
      image.append(records: SyntheticStream.mixed(), from: 0, change)
      image.append(records: SyntheticStream.mixed(), from: 0)
      let shown = try read(image)
      #expect(!shown.damage.isEmpty, "change \(index)")
      #expect(shown.records.count <= 5, "change \(index)")
    }
  }

  @Test("A header that says more bytes than may be is none", arguments: [1, 1 << 20, 1 << 40])
  func sizes(more: UInt64) throws {
    for isRaw in [true, false] {
      var image = SegmentImage()
      image.append(records: SyntheticStream.mixed(), from: 0) { block in
        let size = UInt64(BlockHeader.contentLimit) + more
        if isRaw { block.rawBytes = size } else { block.storedBytes = size }
      }
      let shown = try read(image)
      #expect(shown.damage.first?.cause == .cut && shown.records.isEmpty)
    }
  }

  @Test("A block as large as may be, in a file that ends before")
  func largest() throws {
    var image = SegmentImage()
    image.append(records: SyntheticStream.mixed(), from: 0) { block in
      block.storedBytes = UInt64(BlockHeader.contentLimit)
      block.rawBytes = UInt64(BlockHeader.contentLimit)
    }
    let shown = try read(image)
    #expect(shown.damage.first?.cause == .cut && shown.damage.first?.offset == 128)
  }

  @Test("Packed content that is another size than it says, or no frame at all")
  func packed() throws {
    var packer = try Packer()
    let plain = [UInt8](repeating: 0, count: 8 << 20)
    var frame: [UInt8] = []
    try packer.pack(plain.span.raw) { packed throws(RecordingError) in frame = packed?.array ?? [] }
    #expect(!frame.isEmpty && frame.count < 8192)
    let sizes: [UInt64] = [0, 1, 128, 8 << 20 - 1, 8 << 20 + 1, 16 << 20]
    for size in sizes {
      var image = SegmentImage()
      image.append(BlockKind.names.rawValue, frame) { block in
        block.flags = BlockHeader.isPacked
        block.rawBytes = size
      }
      let shown = try read(image)
      #expect(shown.damage.first?.cause == .content, "\(size)")
      #expect(shown.damage.first?.description.contains("unpacked") == true)
    }
    let bad: [[UInt8]] = [[], [0], Array(frame.dropLast()), frame + [0], Array(frame.prefix(5))]
    for stored in bad {
      var image = SegmentImage()
      image.append(BlockKind.names.rawValue, stored) { block in
        block.flags = BlockHeader.isPacked
        block.rawBytes = 8 << 20
      }
      #expect(try read(image).damage.first?.cause == .content)
    }
  }

  @Test("An index of places beyond the file, of none, and of too many")
  func index() throws {
    for offset in HostileSegmentTests.ends + [128, 384] {
      var image = SegmentImage()
      image.append(records: SyntheticStream.mixed(), from: 0)
      image.append(
        BlockKind.index.rawValue,
        bytesOf(IndexEntry(offset: offset, firstPosition: 0, firstTimestamp: 0, records: 6))
      ) {
        $0.firstPosition = 9; $0.endPosition = 9
      }
      let shown = try read(image)
      #expect(shown.damage.contains { $0.cause == .footer }, "\(offset)")
    }
    var image = SegmentImage()
    image.append(
      BlockKind.index.rawValue, [UInt8](repeating: 0, count: (SegmentIndex.limit + 1) * 32))
    #expect(try read(image).damage.first?.description.contains("larger") == true)
  }

  @Test("A footer that contradicts the blocks")
  func footer() throws {
    for (records, gaps) in [(UInt64(4), UInt64(0)), (5, 1), (.max, 0)] {
      var image = SegmentImage()
      image.append(records: SyntheticStream.mixed(), from: 0)
      var footer = SegmentFooter()
      footer.records = records
      footer.gaps = gaps
      footer.end = 99
      let end = SyntheticStream.mixed().reduce(0) { $0 + $1.bytes().count / Slot.size }
      image.append(BlockKind.footer.rawValue, bytesOf(footer)) { block in
        block.firstPosition = UInt64(end)
        block.endPosition = UInt64(end)
      }
      let shown = try read(image)
      #expect(shown.damage.map(\.cause) == [.footer] && shown.records.count == 5)
    }
  }

  @Test("Losses of any number, and a block that is not as many as it says")
  func losses() throws {
    let gap = [UInt8](repeating: 0xFF, count: 256)
    for gaps in [2, 1, 0, UInt64.max] {
      var image = SegmentImage()
      image.append(BlockKind.losses.rawValue, gap) { $0.gaps = gaps }
      let shown = try read(image)
      #expect(shown.gaps.count == (gaps == 2 ? 2 : 0))
      #expect(shown.damage.contains { $0.cause == .content } == (gaps != 2))
    }
  }

  @Test("Blocks of kinds unknown are passed over, however many")
  func unknown() throws {
    var image = SegmentImage()
    for _ in 0..<20_000 { image.append(999, []) }
    image.append(records: SyntheticStream.mixed(), from: 0)
    #expect(try read(image).records.count == 5)
  }

  @Test("Names: cut, unknown, too long, and more than are kept")
  func names() throws {
    var names = NameBlock()
    for id in 0..<70_000 { names.append(.user, UInt64(id), [0x61]) }
    names.append(.cgroup, 7, [UInt8](repeating: 0x62, count: 4096))
    var image = SegmentImage()
    image.append(BlockKind.names.rawValue, names.bytes)
    image.append(BlockKind.names.rawValue, Array(names.bytes.prefix(25)))
    image.append(BlockKind.names.rawValue, [9, 0, 1, 0] + [UInt8](repeating: 0, count: 13))
    image.append(
      BlockKind.names.rawValue,
      [1, 0, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 12 + 65_535))
    try store(image.bytes, path)
    var reader = try RecordingReader(opening: [path])
    _ = try Shown.reading(&reader)
    let accounts = reader.context.accounts
    #expect(accounts.all.users.count == 65_536 && accounts.user(65_536) == nil)
    let cgroup = reader.context.cgroups?.path(of: 7)
    let long = reader.context.cgroups?.path(of: 0)
    #expect(cgroup?.count == 4096 && long == nil)
  }

  @Test("Facts of any shape")
  func facts() throws {
    let shapes: [[UInt8]] = [
      [1], [1, 0, 0xFF, 0xFF], [0, 0, 0, 0], [99, 0, 1, 0, 5], [10, 0, 3, 0, 1, 2, 3],
      [1, 0, 2, 0, 0xFF, 0xFE, 11, 0, 0, 0],
    ]
    for shape in shapes {
      try store(SegmentImage(facts: shape).bytes, path)
      let reader = try SegmentReader(opening: path)
      let facts = reader.facts
      #expect(facts.excused.isEmpty && facts.isTree == (shape.count == 10))
    }
  }

  @Test("Headers that are refused")
  func headers() throws {
    let changes: [((inout SegmentHeader) -> Void, String)] = [
      ({ $0.magic = 0 }, "is no recording"), ({ $0.formatVersion = 2 }, "format 2"),
      ({ $0.abi += 1 }, "use the version"), ({ $0.byteCount = 0 }, "offset 16"),
      ({ $0.byteCount = 129 }, "offset 16"), ({ $0.byteCount = .max }, "offset 16"),
      ({ $0.byteCount = 1 << 20 }, "ends within its header"),
    ]
    for (change, word) in changes {
      try store(SegmentImage { change(&$0) }.bytes, path)
      let error = #expect(throws: RecordingError.self) { try Shown.reading([path]) }
      #expect(error?.description.contains(word) == true, "\(String(describing: error))")
    }
    for other in ["/dev/null", "/dev/zero", "/proc/self/status", folder.url.path] {
      #expect(throws: RecordingError.self, "\(other)") { try Shown.reading([other]) }
    }
  }
}
