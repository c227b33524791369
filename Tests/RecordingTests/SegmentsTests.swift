import Foundation
import Recording
import SequencerABI
import SequencerCore
import TestSupport
import Testing

@Suite("Recordings of several segments")
struct SegmentsTests {
  /// A recording that is rotated after each run.
  private func rotated(
    _ folder: Folder, _ name: String = "r", runs: Int = 5, keep: Int? = nil, append: Bool = false,
    stream: inout SyntheticStream, epoch: UInt64 = 5,
    onSegment: @escaping (String) -> Void = { _ in }
  ) throws {
    var options = RecordingOptions(path: folder.path(name))
    options.rotateBytes = 1
    options.keptSegments = keep
    options.isAppending = append
    var start = RecordingStart.of(epoch: epoch)
    start.wholeSince = 1
    var writer = try RecordingWriter.create(
      options, start, journal: stream.journal, onSegment: onSegment)
    for number in 0..<runs {
      try stream.run(SyntheticStream.mixed(UInt64(number))).write(to: &writer)
    }
    var figures = RecordingFigures()
    figures.offered = 1
    try writer.finish(.finished, figures)
    let segments = writer.segments
    #expect(segments == runs)
  }

  @Test("Rotation by size: a segment each, one recording")
  func bySize() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, stream: &stream)
    #expect(try folder.names == (1...5).map { "r.00000\($0)" })
    var reader = try RecordingReader(opening: [folder.path("r")])
    #expect(reader.segments.map(\.end) == [.rotated, .rotated, .rotated, .rotated, .finished])
    #expect(reader.segments.map(\.recordsBefore) == [0, 5, 10, 15, 20])
    #expect(reader.segments.map { $0.figures != nil } == [false, false, false, false, true])
    let shown = try Shown.reading(&reader)
    #expect(shown.records == stream.records && shown.damage.isEmpty)
    #expect(shown.bytesRead == reader.byteCount)
  }

  @Test("Rotation by age")
  func byAge() throws {
    let folder = try Folder()
    var options = RecordingOptions(path: folder.path("r"))
    options.rotateAge = 1
    var stream = SyntheticStream()
    var writer = try RecordingWriter.create(options, .of(epoch: 5), journal: stream.journal)
    for _ in 0..<3 { try stream.run(SyntheticStream.mixed()).write(to: &writer) }
    try writer.finish(.finished, RecordingFigures())
    #expect(try folder.names == ["r.000001", "r.000002", "r.000003"])
    #expect(try Shown.reading([options.path]).records == stream.records)
  }

  @Test("Only the last ones are kept, and that is no damage")
  func keep() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    nonisolated(unsafe) var made: [String] = []
    try rotated(folder, keep: 2, stream: &stream) { unsafe made.append($0) }
    #expect(try folder.names == ["r.000004", "r.000005"])
    #expect(unsafe made == (1...5).map { folder.path("r.00000\($0)") })
    let reader = try RecordingReader(opening: [folder.path("r")])
    // Whole from the first segment there is.
    let (since, began) = (reader.start.wholeSince, reader.segments[0].began)
    #expect(since == began)
    let shown = try Shown.reading([folder.path("r")])
    #expect(shown.records == Array(stream.records[15...]) && shown.damage.isEmpty)
  }

  @Test("Going on with a recording: numbers follow those there are")
  func append() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    var writer = try RecordingWriter.create(
      RecordingOptions(path: folder.path("r")), .of(epoch: 5), journal: stream.journal)
    try stream.run(SyntheticStream.mixed()).write(to: &writer)
    try writer.finish(.leftPinned, RecordingFigures())
    try rotated(folder, runs: 2, append: true, stream: &stream)
    try store([], folder.path("r.000007x"))
    try store([], folder.path("r.07"))
    try store([], folder.path("rr.000009"))
    try rotated(folder, runs: 1, append: true, stream: &stream)
    #expect(
      try folder.names == [
        "r", "r.000001", "r.000002", "r.000003", "r.000007x", "r.07", "rr.000009",
      ])
    let shown = try Shown.reading([folder.path("r")])
    #expect(shown.records == stream.records && shown.damage.isEmpty)
  }

  @Test("Segments in any order, each named once or more")
  func anyOrder() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, runs: 3, stream: &stream)
    for order in [[3, 1, 2], [2, 3, 1], [1, 1, 2, 3, 2]] {
      let shown = try Shown.reading(order.map { folder.path("r.00000\($0)") })
      #expect(shown.records == stream.records && shown.damage.isEmpty)
    }
  }

  @Test("A segment that is not there: exactly its sequences are missing")
  func missing() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, runs: 4, stream: &stream)
    let whole = try RecordingReader(opening: [folder.path("r")])
    let firsts = whole.segments.map(\.firstPosition)
    let without = [1, 2, 4].map { folder.path("r.00000\($0)") }
    let shown = try Shown.reading(without)
    #expect(shown.damage.map(\.cause) == [.missing] && shown.missing == [firsts[2]..<firsts[3]])
    #expect(shown.damage[0].path == without[2])
    #expect(shown.records == Array(stream.records[..<10] + stream.records[15...]))
  }

  @Test("Segments that overlap are told")
  func overlapping() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, "a", runs: 2, stream: &stream)
    var again = SyntheticStream()
    let first = again.run(SyntheticStream.mixed())
    try rotated(folder, "b", runs: 1, stream: &again)
    let shown = try Shown.reading([folder.path("a"), folder.path("b")])
    let told = try #require(shown.damage.first)
    #expect(shown.damage.count == 1 && told.cause == .repeated)
    #expect(told.positions == first.journal.position..<stream.journal.position)
  }

  @Test("Another ring's segment is refused, with both names")
  func otherEpoch() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, "a", runs: 1, stream: &stream)
    try rotated(folder, "b", runs: 1, stream: &stream, epoch: 6)
    let error = #expect(throws: RecordingError.self) {
      try Shown.reading([folder.path("a"), folder.path("b")])
    }
    #expect(error?.description.contains("b.000001 is of another capture") == true)
  }

  @Test("A cut segment whose successor goes on with the next sequence lacks nothing")
  func successor() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder, "first", isEnded: false)
    let last = try #require(small.blocks.last)
    // Killed in its last write: those records were not given back to the ring.
    for cut in [Int(last.offset), Int(last.offset) + 100, Int(last.offset) + 300] {
      let path = folder.path("r")
      try store(small.bytes.prefix(cut), path)
      let tail = try RecordingTail(of: path)
      var stream = SyntheticStream(at: tail.journal.position)
      #expect(tail.journal.records == 10)
      var options = RecordingOptions(path: path)
      options.isAppending = true
      var writer = try RecordingWriter.create(options, .of(epoch: 9), journal: tail.journal)
      try stream.run(SyntheticStream.mixed(2)).write(to: &writer)
      try writer.finish(.finished, RecordingFigures())
      let shown = try Shown.reading([path])
      #expect(shown.damage.isEmpty, "\(shown.damage)")
      #expect(shown.records == small.stream.records)
      try FileManager.default.removeItem(atPath: path + ".000001")
    }
  }

  @Test("Where the successor goes on later, both the cut and what is missing are told")
  func laterSuccessor() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder, "r", isEnded: false)
    var options = RecordingOptions(path: small.path)
    options.isAppending = true
    var journal = small.stream.journal
    let end = journal.position
    journal.position += 30
    var writer = try RecordingWriter.create(options, .of(epoch: 9), journal: journal)
    try writer.finish(.finished, RecordingFigures())
    let shown = try Shown.reading([small.path])
    #expect(shown.damage.map(\.cause) == [.unfinished, .missing])
    #expect(shown.missing == [end..<end + 30])
  }

  @Test(
    "A segment whose recorder died as it made it does not hide the others", arguments: [0, 1, 127])
  func stillborn(length: Int) throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, runs: 2, stream: &stream)
    let header = try contents(folder.path("r.000001"))
    try store(header.prefix(length), folder.path("r.000003"))
    let shown = try Shown.reading([folder.path("r")])
    #expect(shown.records == stream.records && shown.damage.map(\.cause) == [.cut])
    #expect(shown.damage[0].path == folder.path("r.000003") && shown.damage[0].offset == 0)
    // Named one by one, as a shell does for r.*: no other way.
    let files = ["r.000001", "r.000003", "r.000002"].map { folder.path($0) }
    let named = try Shown.reading(files)
    #expect(named.records == stream.records && named.damage == shown.damage)
    let bytes = try files.reduce(0) { try $0 + contents($1).count }
    #expect(try RecordingReader(opening: files).byteCount == UInt64(bytes))
    // A successor goes on behind it.
    try rotated(folder, runs: 1, append: true, stream: &stream)
    #expect(try folder.names.last == "r.000004")
    #expect(try Shown.reading([folder.path("r")]).records == stream.records)
    #expect(throws: RecordingError.self) { try Shown.reading([folder.path("r.000003")]) }
  }

  @Test("A segment with a damaged header is told, and the others are read")
  func damagedHeader() throws {
    let folder = try Folder()
    var stream = SyntheticStream()
    try rotated(folder, runs: 3, stream: &stream)
    for place in [0, 8, 16, 24, 64, 130] {
      var bytes = try contents(folder.path("r.000002"))
      let sound = bytes
      bytes[place] ^= 1
      try store(bytes, folder.path("r.000002"))
      let shown = try Shown.reading([folder.path("r")])
      #expect(shown.damage.map(\.cause) == [.header, .missing], "\(place)")
      #expect(shown.records == Array(stream.records[..<5] + stream.records[10...]))
      // Who names a file that can't be read at all is told so.
      #expect(throws: RecordingError.self) {
        try Shown.reading([folder.path("r.000001"), folder.path("r.000002")])
      }
      try store(sound, folder.path("r.000002"))
    }
  }

  @Test("Names are taken by their bytes")
  func normalization() throws {
    let folder = try Folder()
    // The same letter, composed and decomposed: two files.
    let (composed, decomposed) = ("\u{E9}", "e\u{301}")
    var stream = SyntheticStream()
    try rotated(folder, composed, runs: 2, stream: &stream)
    var other = SyntheticStream()
    try rotated(folder, decomposed, runs: 1, stream: &other, epoch: 6)
    #expect(try Shown.reading([folder.path(composed)]).records.count == 10)
    #expect(try Shown.reading([folder.path(decomposed)]).records.count == 5)
  }
}
