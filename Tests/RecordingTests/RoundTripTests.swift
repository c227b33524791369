import Foundation
import KernelEvents
import SequencerABI
import SequencerCore
import TestSupport
import Testing

@testable import Recording

@Suite("What is written is read")
struct RoundTripTests {
  @Test(
    "Records, gaps and losses come back byte by byte, in their places", arguments: [false, true])
  func all(isPacked: Bool) throws {
    let folder = try Folder()
    var options = RecordingOptions(path: folder.path("r"))
    options.isPacked = isPacked
    var start = RecordingStart.of(epoch: 77)
    start.timestamps = 1
    start.wholeSince = 123
    start.facts.filters = ["--pid 12", "--comm a*"]
    start.facts.command = [Array("/bin/sh".utf8), [0xFF, 0x1B]]
    start.facts.excused = [4, 70_000]
    start.facts.isTree = true
    start.facts.syscalls = "openat"
    var stream = SyntheticStream()
    var writer = try RecordingWriter.create(options, start, journal: stream.journal)
    try stream.run(SyntheticStream.mixed()).write(to: &writer)
    let known = stream.loss(.process, 5, after: 3)
    let unknown = stream.loss(.signal, 2)
    try writer.append(
      [(cpu: 2, gap: known), (cpu: Int(UInt32.max), gap: unknown)], journal: stream.journal)
    try stream.run(SyntheticStream.mixed(1)).write(to: &writer)
    var figures = RecordingFigures()
    figures.offered = 20
    figures.missed = 3
    figures.lost[0] = 9
    figures.isAtRest = true
    try writer.finish(.finished, figures)
    let (records, gaps, segments) = (writer.records, writer.gaps, writer.segments)
    let bytes = writer.bytesWritten
    #expect(records == 10 && gaps == 4 && segments == 1)
    #expect(bytes == UInt64(try contents(folder.path("r")).count))

    var reader = try RecordingReader(opening: [folder.path("r")])
    let shown = try Shown.reading(&reader)
    #expect(shown.records == stream.records && shown.damage.isEmpty)
    let sequences = shown.records.map {
      Shown.Item.record($0.span.raw.value(at: 0, as: UInt64.self))
    }
    #expect(
      shown.items == sequences[..<5] + [.gap(2, 5), .gap(UInt32.max, 2)] + sequences[5...])
    #expect(shown.gaps[0].lost[.process] == 5 && shown.gaps[0].afterSequence == 2)
    #expect(shown.gaps[1].lost[.signal] == 2 && shown.gaps[1].afterSequence == nil)
    #expect(shown.bytesRead == bytes)
    let back = reader.start
    #expect(back.epoch == 77 && back.cpuCount == 4 && back.ringCapacity == 4096)
    #expect(back.timestamps == 1 && back.wholeSince == 123 && back.facts == start.facts)
    let summary = try #require(reader.segments.first)
    #expect(reader.segments.count == 1 && summary.records == 10 && summary.gaps == 4)
    #expect(summary.end == .finished && summary.recordsBefore == 0 && summary.firstPosition == 0)
    let told = try #require(summary.figures)
    #expect(told.offered == 20 && told.missed == 3 && told.lost[0] == 9 && told.isAtRest)
    let tail = try RecordingTail(of: folder.path("r"))
    #expect(tail.journal.position == stream.journal.position && tail.journal.records == 10)
    #expect(tail.journal.lostTotal == stream.journal.lostTotal && tail.start.epoch == 77)
  }

  @Test("Only the owner can read it, and nothing that exists is written over")
  func owner() throws {
    let folder = try Folder()
    let options = RecordingOptions(path: folder.path("r"))
    let start = RecordingStart.of(epoch: 1)
    var writer = try RecordingWriter.create(options, start, journal: ConsumerJournal())
    try writer.finish(.finished, RecordingFigures())
    let mode = try FileManager.default.attributesOfItem(atPath: options.path)[.posixPermissions]
    #expect(mode as? Int == 0o600)
    let before = try contents(options.path)
    let error = #expect(throws: RecordingError.self) {
      _ = try RecordingWriter.create(options, start, journal: ConsumerJournal())
    }
    #expect(error?.description.contains("--append") == true)
    #expect(try contents(options.path) == before)
    // A link that leads nowhere is not followed.
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link"), withDestinationPath: folder.path("target"))
    #expect(throws: RecordingError.self) {
      _ = try RecordingWriter.create(
        RecordingOptions(path: folder.path("link")), start, journal: ConsumerJournal())
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("target")))
  }

  @Test("A recording that can't begin leaves no file")
  func noBeginning() throws {
    let folder = try Folder()
    #expect(throws: RecordingError.self) {
      _ = try RecordingWriter.create(
        RecordingOptions(path: folder.path("none/r")), .of(epoch: 1), journal: ConsumerJournal())
    }
    #expect(try folder.names.isEmpty)
  }

  @Test("Names of users, groups and cgroups come with the recording")
  func names() throws {
    let folder = try Folder()
    let path = folder.path("r")
    var stream = SyntheticStream()
    var writer = try SegmentWriter.create(
      path, SegmentHeader(), SegmentFacts(), journal: stream.journal, isPacked: false)
    var names = NameBlock()
    names.append(.cgroup, 1 << 40, Array("/a/b".utf8))
    names.append(.user, 1000, Array("us\u{1B}er".utf8))
    names.append(.group, 5, [0xFF])
    names.append(.user, 6, [])
    try writer.append(names)
    try stream.run(SyntheticStream.mixed()).write(to: &writer, gaps: 1)
    try writer.finish(SegmentFooter())
    var reader = try RecordingReader(opening: [path])
    let shown = try Shown.reading(&reader)
    #expect(shown.damage.isEmpty && shown.records.count == 5)
    let cgroup = reader.context.cgroups?.path(of: 1 << 40)
    let other = reader.context.cgroups?.path(of: 3)
    let accounts = reader.context.accounts
    #expect(cgroup == Array("/a/b".utf8) && other == nil)
    #expect(accounts.user(1000) == Array("us\u{1B}er".utf8) && accounts.group(5) == [0xFF])
    #expect(accounts.user(0) == nil && accounts.user(6) == [])
  }

  @Test("The machine's own accounts are in a recording")
  func accounts() throws {
    let folder = try Folder()
    var writer = try RecordingWriter.create(
      RecordingOptions(path: folder.path("r")), .of(epoch: 1), journal: ConsumerJournal())
    try writer.finish(.finished, RecordingFigures())
    var reader = try RecordingReader(opening: [folder.path("r")])
    _ = try Shown.reading(&reader)
    let root = reader.context.accounts.user(0)
    #expect(root == AccountNames.live().user(0))
  }

  @Test("A header can be read however much the facts are")
  func manyFacts() throws {
    let folder = try Folder()
    let path = folder.path("r")
    var facts = SegmentFacts()
    facts.filters = (0..<40_000).map { "--comm pattern-\($0)-" + String(repeating: "x", count: 40) }
    facts.command = (0..<200).map { _ in [UInt8](repeating: 0x61, count: 70_000) }
    facts.excused = Array(0..<500_000)
    facts.syscalls = String(repeating: "read,", count: 50_000)
    _ = try SegmentWriter.create(
      path, SegmentHeader(), facts, journal: ConsumerJournal(), isPacked: false)
    let reader = try SegmentReader(opening: path)
    let back = reader.facts
    #expect(back.filters.first == facts.filters.first && back.excused.starts(with: 0..<10_000))
    #expect(facts.command[0].starts(with: back.command.first ?? [1]))
  }

  @Test("Reading ends where no more is wanted")
  func enough() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    let shown = try Shown.reading([small.path], limit: 7)
    #expect(shown.records.count == 7 && shown.records == Array(small.stream.records.prefix(7)))
  }

  @Test("Nothing is taken behind the end, and nothing passes for written")
  func behindTheEnd() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    var writer = try RecordingWriter.create(
      RecordingOptions(path: folder.path("r")), .of(epoch: 1), journal: stream.journal)
    try writer.finish(.finished, RecordingFigures())
    let run = stream.run(SyntheticStream.mixed())
    #expect(throws: RecordingError.self) { try run.write(to: &writer) }
    let gap = stream.loss(.process, 1)
    #expect(throws: RecordingError.self) {
      try writer.append([(cpu: 0, gap: gap)], journal: stream.journal)
    }
    let records = writer.records
    #expect(records == 0)
  }

  @Test("The index keeps to its limit and still begins at the first block")
  func index() {
    var index = SegmentIndex()
    for number in 0..<UInt64(SegmentIndex.limit * 2 + 10) {
      index.add(IndexEntry(offset: number, firstPosition: number, firstTimestamp: 0, records: 1))
    }
    let bytes = index.bytes
    let count = bytes.count / MemoryLayout<IndexEntry>.size
    #expect(count <= SegmentIndex.limit && count > SegmentIndex.limit / 2)
    let offsets = (0..<count).map { bytes.span.raw.value(at: $0 * 32, as: UInt64.self) }
    #expect(offsets.first == 0 && zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 })
    #expect(offsets.last.map { $0 >= UInt64(SegmentIndex.limit * 2) } == true)
  }
}
