import EventExports
import EventFormats
import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Export to CSV and JSON")
struct StreamExportTests {
  private func csv(_ records: [RecordBuilder], gaps: [Gap] = []) throws -> String {
    let folder = try ExportFolder()
    var export = try CSVExport(ExportTarget(path: folder.path("csv")))
    for gap in gaps { try export.visit(gap) }
    try show(records, to: &export)
    try export.finish()
    return String(decoding: try folder.bytes("csv"), as: UTF8.self)
  }

  /// Fields by RFC 4180.
  private func rows(_ text: String) throws -> [[String]] {
    var rows: [[String]] = []
    var row: [String] = []
    var field = ""
    var isQuoted = false
    var scalars = Array(text.unicodeScalars)[...]
    while let scalar = scalars.popFirst() {
      if isQuoted {
        if scalar != "\"" {
          field.unicodeScalars.append(scalar)
        } else if scalars.first == "\"" {
          scalars.removeFirst()
          field += "\""
        } else {
          isQuoted = false
        }
        continue
      }
      switch scalar {
      case "\"":
        guard field.isEmpty else { throw SupportError("a quote inside a field") }
        isQuoted = true
      case ",", "\n":
        row.append(field)
        field = ""
        if scalar == "\n" {
          rows.append(row)
          row = []
        }
      default: field.unicodeScalars.append(scalar)
      }
    }
    guard !isQuoted, field.isEmpty, row.isEmpty else { throw SupportError("a row is cut") }
    return rows
  }

  @Test("rows, byte for byte")
  func story() throws {
    var lost = FamilyCounts()
    lost[.process] = 4
    let text = try csv(
      Array(Stream.story[6...7]), gaps: [Gap(cpu: Gap.unknownCPU, lost: lost, beforeSequence: 6)])
    #expect(
      text == """
        seq,ts,time,cpu,type,family,pid,tid,start,ppid,uid,comm,cgroup,cgroup_id,details
        ,,,,gap,,,,,,,,,,"{""lost"":4,""by_family"":{""process"":4},""after_seq"":null,""before_seq"":6}"
        ,,,3,gap,,,,,,,,,,"{""lost"":3,""by_family"":{""process"":1,""signal"":2},""after_seq"":2,""before_seq"":6}"
        6,3000006000,1970-01-01T00:00:03.000006000Z,3,signal_generate,signal,40,40,1000,1,1000,"sh",,1,"{""signal"":9,""signal_name"":""SIGKILL"",""code"":0,""code_name"":""SI_USER"",""result"":0,""result_name"":""delivered"",""group"":true,""target"":{""pid"":41,""tid"":41,""start"":2000000000,""comm"":""sleep""},""sender_pid"":40,""sender_uid"":1000}"
        7,3000007000,1970-01-01T00:00:03.000007000Z,3,exit,process,41,41,2000000000,40,1000,"sleep",,1,"{""code"":null,""signal"":9,""signal_name"":""SIGKILL"",""core"":false,""last_thread"":true,""runtime_ns"":1234}"

        """)
  }

  @Test("whatever comes, a row is one line of as many fields", arguments: 0..<12)
  func anything(seed: UInt64) throws {
    let records = Stream.random(seed: seed)
    let text = try csv(records)
    let rows = try rows(text)
    #expect(rows.count == text.split(separator: "\n").count)
    #expect(rows.allSatisfy { $0.count == CSVExport.columns.count })
    let events = rows.dropFirst().filter { $0[4] != "gap" }
    #expect(events.count == records.count)
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    for (row, record) in zip(events, records) {
      #expect(row[0] == "\(record.header.sequence - 1)")
      let details = try JSONSerialization.jsonObject(with: Data(row[14].utf8))
      #expect(details is [String: Any])
      // The name is a JSON string without its quotes.
      let comm = try JSONSerialization.jsonObject(
        with: Data("\"\(row[11].replacing("\"", with: "\\\""))\"".utf8), options: .fragmentsAllowed)
      try decoding(record.bytes()) { #expect(comm as? String == $0.comm.text) }
    }
  }

  @Test("JSON is what trace writes", arguments: 0..<6)
  func json(seed: UInt64) throws {
    let folder = try ExportFolder()
    let records = Stream.random(seed: seed)
    var export = try JSONExport(ExportTarget(path: folder.path("json")))
    try show(records, to: &export)
    try export.finish()
    var buffer = OutputBuffer()
    var writer = EventWriter(.json)
    var context = FormattingContext(clock: ClockOffset(nanoseconds: 0), cgroups: nil)
    for record in records {
      try decoding(record.bytes()) { event in
        if let gap = event.gap { writer.write(gap: gap, into: &buffer) }
        writer.write(event, context: &context, into: &buffer)
      }
    }
    #expect(try folder.bytes("json") == buffer.array)
  }
}

@Suite("An export's file")
struct ExportFileTests {
  private func mode(_ path: String) throws -> Int {
    try #require(
      FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  @Test("is there when it is whole, for its owner alone; what is given up leaves nothing")
  func whole() throws {
    let folder = try ExportFolder()
    do {
      var export = try CSVExport(ExportTarget(path: folder.path("out")))
      try show(Stream.story, to: &export)
      #expect(try folder.names.count == 1)
      #expect(try folder.names != ["out"])
    }
    #expect(try folder.names == [])
    do {
      var export = try SQLiteExport(ExportTarget(path: folder.path("out")))
      try show(Stream.story, to: &export)
      try export.finish()
    }
    #expect(try folder.names == ["out"])
    #expect(try mode(folder.path("out")) == 0o600)
  }

  @Test("is not replaced unless that is asked for")
  func replacing() throws {
    let folder = try ExportFolder()
    let path = folder.path("out")
    try Data("old".utf8).write(to: folder.url.appendingPathComponent("out"))
    let refusal = message { _ = try JSONExport(ExportTarget(path: path)) }
    #expect(refusal == "\(path) is there already; name another file, or give --force")
    var export = try JSONExport(ExportTarget(path: path, isReplacing: true))
    try show(Stream.story, to: &export)
    #expect(try folder.bytes("out") == Array("old".utf8))
    try export.finish()
    #expect(try folder.bytes("out").count > 1000)
  }

  @Test("that came to be meanwhile is not replaced")
  func raced() throws {
    let folder = try ExportFolder()
    do {
      var export = try JSONExport(ExportTarget(path: folder.path("out")))
      try Data("other".utf8).write(to: folder.url.appendingPathComponent("out"))
      let refusal = message { try export.finish() }
      #expect(refusal?.contains("came to be meanwhile") == true)
    }
    #expect(try folder.names == ["out"])
    #expect(try folder.bytes("out") == Array("other".utf8))
  }

  @Test("behind a link is what is replaced, not the link")
  func link() throws {
    let folder = try ExportFolder()
    try Data("old".utf8).write(to: folder.url.appendingPathComponent("real"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link"), withDestinationPath: folder.path("real"))
    var export = try JSONExport(ExportTarget(path: folder.path("link"), isReplacing: true))
    try export.finish()
    #expect(try folder.bytes("real") == [])
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("link"))
        == folder.path("real"))
  }

  @Test("can't be made: one line that says what to do")
  func refusals() throws {
    let folder = try ExportFolder()
    let missing = folder.path("no/out")
    #expect(
      message { _ = try CSVExport(ExportTarget(path: missing)) }
        == "can't make a file beside \(missing): No such file or directory; "
        + "name a file in a folder that you may write to")
    #expect(
      message { _ = try CSVExport(ExportTarget(path: folder.url.path)) }?
        .hasSuffix("is no regular file; name another one") == true)
    #expect(
      message { _ = try CSVExport(ExportTarget(path: "")) }
        == "'' names no file; give one with -o")
    #expect(
      message { _ = try SQLiteExport(ExportTarget(path: "/dev/null", isReplacing: true)) }
        == "/dev/null is no regular file; name another one")
    #expect(
      message { _ = try SQLiteExport(ExportTarget(path: "-")) }
        == "a database can't be written to a pipe; name a file with -o")
    var full = try PerfettoExport(ExportTarget(path: "/dev/full"))
    try show(Stream.story, to: &full)
    #expect(
      message { try full.finish() }
        == "can't write /dev/full: No space left on device; free some space, or write elsewhere")
  }
}
