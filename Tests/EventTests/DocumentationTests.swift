import EventFormats
import Foundation
import JSONSchemaValidation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// docs/json.md shows what the program writes: each of its JSON lines comes from here.
@Suite("docs/json.md")
struct DocumentationTests {
  /// The lines of the document's examples, as the program writes them.
  static func examples() throws -> [String] {
    let shell = ProcessKey(pid: 4211, start: 5_120_000_000_000)
    let child = ProcessKey(pid: 4305, start: 8_641_000_000_100)
    var before = Credentials()
    before.uid = 1000
    before.gid = 1000
    before.effectiveUID = 1000
    before.effectiveGID = 1000
    var after = before
    after.effectiveUID = 0
    after.permitted = 0x1FF_FFFF_FFFF
    after.effective = 0x1FF_FFFF_FFFF
    let records: [RecordBuilder] = [
      .fork(
        sequence: 18_000, parent: shell, child: child, flags: 0x120_0000, comm: "bash",
        childComm: "bash"),
      .exec(
        sequence: 18_002, process: child, path: Array("/usr/bin/sudo".utf8),
        workingDirectory: Array("src\0ada\0home\0".utf8), arguments: Array("sudo\0id\0".utf8),
        flags: .credentialsBefore, comm: "sudo", before: before, after: after),
      .exec(
        sequence: 18_010, process: child, path: Array("/tmp/caf".utf8) + [0xE9],
        workingDirectory: [], arguments: Array("caf".utf8) + [0xE9, 0] + Array("-v\0".utf8),
        comm: "worker"),
      .exit(sequence: 18_017, process: child, status: 0, runtime: 1_204_117, comm: "worker"),
      .exit(
        sequence: 18_030, process: shell, status: 0x8B, runtime: 3_522_000_000_000, comm: "bash"
      ).with(lost: [.process: 17], after: 18_018),
    ]
    var buffer = OutputBuffer()
    var format = JSONFormat()
    // 2026-03-01T08:00:00Z less 8 640 s.
    var context = FormattingContext(
      clock: ClockOffset(nanoseconds: 1_772_352_000_000_000_000 - 8_640_000_000_000), cgroups: nil)
    for (index, record) in records.enumerated() {
      var record = record
      record.header.timestamp = 8_641_000_000_500 + UInt64(index) * 400_123
      record.header.parentPID = record.header.pid == child.pid ? shell.pid : 4200
      record.header.cgroup = 7431
      try decoding(record.bytes()) { event in
        if let gap = event.gap { format.write(gap: gap, into: &buffer) }
        format.write(event, context: &context, into: &buffer)
      }
    }
    return String(decoding: buffer.array, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  static func summary() -> String {
    var summary = Summary()
    summary.offered = 18_017
    summary.delivered = 18_000
    summary.lost = 17
    summary.gaps = 1
    summary.lostByFamily[.process] = 17
    summary.longestStall = 41_208
    summary.longestStallCPU = 3
    summary.duration = 10_000_000_000
    var buffer = OutputBuffer()
    summary.writeJSON(into: &buffer)
    return String(decoding: buffer.array.dropLast(), as: UTF8.self)
  }

  private func document() throws -> String {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let file = folder.appendingPathComponent("../../docs/json.md").standardized
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test("every JSON line of the document is what the program writes, and fits its schema")
  func lines() throws {
    let written = try Self.examples() + [Self.summary()]
    let shown = try document().split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("{\"") }
    #expect(shown == written, "write this:\n\(written.joined(separator: "\n"))")
    let event = try SchemaValidator.shipped("event.schema.json")
    let summary = try SchemaValidator.shipped("summary.schema.json")
    for line in shown {
      let schema = line.hasPrefix("{\"offered\"") ? summary : event
      let problems = schema.problems(in: try JSONValue(parsing: line))
      #expect(problems.isEmpty, "\(problems)")
    }
  }

  @Test("every key of the schemas is told in the document")
  func keys() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let events = folder.appendingPathComponent("../../docs/events.md").standardized
    let text = try document() + String(contentsOf: events, encoding: .utf8)
    for file in ["event.schema.json", "summary.schema.json"] {
      let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../schema/\(file)").standardized
      let schema = try JSONValue(parsing: Array(Data(contentsOf: path)))
      for key in Set(keys(of: schema)) where !key.hasSuffix("_b64") {
        // Families of later versions, and numbers that have no family yet.
        if EventFamily(name: key) != nil || key.hasPrefix("family_") { continue }
        let isTold = text.contains("`\(key)`") || text.contains(".\(key)`")
        #expect(isTold, "\(file): \(key)")
      }
    }
  }

  private func keys(of schema: JSONValue) -> [String] {
    guard case .object(let members) = schema else { return [] }
    var found: [String] = []
    for (key, value) in members {
      if key == "properties", case .object(let properties) = value { found += properties.keys }
      found += keys(of: value)
    }
    return found
  }
}
