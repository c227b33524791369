import EventFormats
import Foundation
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore
import TestSupport

/// A stream as a ring hands it out: records get their sequences, runs their journals.
struct SyntheticStream {
  private(set) var journal = ConsumerJournal()
  /// Every record made, as its bytes.
  private(set) var records: [[UInt8]] = []

  init(at position: UInt64 = 0) { journal.position = position }

  /// The next records of the stream, as a run.
  mutating func run(_ builders: [RecordBuilder]) -> SyntheticRun {
    let first = journal.position
    var bytes: [UInt8] = []
    for builder in builders {
      var builder = builder
      builder.header.sequence = journal.position + 1
      let record = builder.bytes()
      records.append(record)
      bytes += record
      journal.position += UInt64(record.count / Slot.size)
      journal.records += 1
      if let gap = builder.gapBlock {
        journal.addLoss(gap.span.raw.value(at: 0, as: GapBlock.self))
      }
    }
    return SyntheticRun(bytes: bytes, first: first, count: builders.count, journal: journal)
  }

  /// A loss that no record tells of.
  mutating func loss(_ family: EventFamily, _ count: UInt32, after: UInt64 = 0) -> GapBlock {
    let bytes = RecordBuilder(kind: .test).with(lost: [family: count], after: after).gapBlock ?? []
    let gap = bytes.span.raw.value(at: 0, as: GapBlock.self)
    journal.addLoss(gap)
    return gap
  }

  /// A few records of one, two and more slots, and one that tells of a loss.
  static func mixed(_ seed: UInt64 = 0) -> [RecordBuilder] {
    let child = ProcessKey(pid: UInt32(200 + seed), start: 2_000_000_000 + seed)
    return [
      .fork(child: child), .exec(process: child, arguments: Array("echo\0hi\0".utf8)),
      RecordBuilder.fork(child: child).with(lost: [.process: 2, .signal: 1], after: 1),
      .exec(
        process: child, arguments: Array(repeatElement(UInt8(ascii: "x"), count: 300)) + [0],
        count: 1),
      .exit(process: child),
    ]
  }
}

/// Records one behind the other, with what a ring's consumer tells of them.
struct SyntheticRun {
  var bytes: [UInt8]
  var first: UInt64
  var count: Int
  var journal: ConsumerJournal

  func write(to writer: inout RecordingWriter) throws {
    try writer.append(
      RecordRun(
        bytes.span.raw, firstPosition: first, endPosition: journal.position, count: count,
        journal: journal))
  }

  func write(to writer: inout SegmentWriter, gaps: UInt64) throws {
    var account = RunAccount()
    account.gaps = gaps
    try writer.append(
      RecordRun(
        bytes.span.raw, firstPosition: first, endPosition: journal.position, count: count,
        journal: journal), account)
  }
}

/// What a reader was shown.
struct Shown: RecordingVisitor {
  typealias Failure = Never
  enum Item: Equatable {
    case record(UInt64)
    case gap(UInt32, UInt64)
    case damage(RecordingDamage.Cause)
  }
  var records: [[UInt8]] = []
  var items: [Item] = []
  var gaps: [Gap] = []
  var damage: [RecordingDamage] = []
  var bytesRead: UInt64 = 0
  var limit = Int.max

  mutating func visit(_ record: RecordView, context: inout FormattingContext) {
    records.append(record.bytes.array)
    items.append(.record(record.header.sequence))
  }
  mutating func visit(_ gap: Gap) {
    gaps.append(gap)
    items.append(.gap(gap.cpu, gap.total))
  }
  mutating func visit(_ damage: RecordingDamage) {
    self.damage.append(damage)
    items.append(.damage(damage.cause))
  }
  mutating func hasRead(_ bytes: UInt64) { bytesRead = bytes }
  var isDone: Bool { records.count >= limit }

  /// The tickets that any damage says are not to be had.
  var missing: [Range<UInt64>] {
    damage.filter { $0.cause != .repeated }.compactMap(\.positions).filter { !$0.isEmpty }
  }

  /// Reads recordings to their end.
  static func reading(_ paths: [String], limit: Int = .max) throws -> Shown {
    var reader = try RecordingReader(opening: paths)
    return try reading(&reader, limit: limit)
  }

  static func reading(_ reader: inout RecordingReader, limit: Int = .max) throws -> Shown {
    var shown = Shown()
    shown.limit = limit
    try reader.read(into: &shown)
    return shown
  }
}

/// A folder that goes with the value.
final class Folder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("ordinal-recording-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}

func contents(_ path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

func store(_ bytes: some Sequence<UInt8>, _ path: String) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}

extension RecordingStart {
  /// A ring's start with this epoch.
  static func of(epoch: UInt64) -> RecordingStart {
    var start = RecordingStart()
    start.epoch = epoch
    start.cpuCount = 4
    start.ringCapacity = 4096
    start.families = EventFamily.process.bit
    start.facts.architecture = "x86_64"
    start.facts.host = "here"
    return start
  }
}

/// A segment with names, records (packed where asked for), losses, and an end.
struct SmallRecording {
  let path: String
  let bytes: [UInt8]
  let stream: SyntheticStream
  /// Where blocks begin, and their headers.
  let blocks: [(offset: UInt64, header: BlockHeader)]
  let headerSize: UInt64

  init(_ folder: Folder, _ name: String = "small", isPacked: Bool = false, isEnded: Bool = true)
    throws
  {
    path = folder.path(name)
    var stream = SyntheticStream(at: 70)
    var header = SegmentHeader()
    header.epoch = 9
    var writer = try SegmentWriter.create(
      path, header, RecordingStart.of(epoch: 9).facts, journal: stream.journal, isPacked: isPacked)
    for round in 0..<3 {
      let builders = SyntheticStream.mixed(UInt64(round))
      try stream.run(builders).write(to: &writer, gaps: 1)
      if round == 1 {
        let gap = stream.loss(.process, 7, after: 71)
        try writer.append([(cpu: 3, gap: gap)], journal: stream.journal)
      }
    }
    if isEnded {
      var footer = SegmentFooter()
      footer.end = SegmentEnd.finished.rawValue
      footer.isAtRest = 1
      try writer.finish(footer)
    }
    self.stream = stream
    bytes = try contents(path)
    var reader = try SegmentReader(opening: path)
    headerSize = reader.offset
    var blocks: [(offset: UInt64, header: BlockHeader)] = []
    while true {
      let offset = reader.offset
      guard case .block = try reader.next() else { break }
      blocks.append((offset, reader.block))
    }
    self.blocks = blocks
  }

  /// Where block `index` ends, its padding included.
  func end(_ index: Int) -> UInt64 {
    index + 1 < blocks.count ? blocks[index + 1].offset : UInt64(bytes.count)
  }
}
