import EventFormats
import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// The schema's definitions and docs/events.md come from the tables of fields; run with
/// ORDINAL_WRITE_REFERENCE=1 to write them anew.
@Suite("The reference of events")
struct EventSchemaTests {
  private static let isWriting =
    ProcessInfo.processInfo.environment["ORDINAL_WRITE_REFERENCE"] == "1"

  private func file(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../\(path)").standardized
  }

  @Test("schema/event.schema.json defines each kind as its table says, and no other")
  func schema() throws {
    let url = file("schema/event.schema.json")
    let data = try Data(contentsOf: url)
    let found = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    var wanted = found
    var definitions = try #require(found["$defs"] as? [String: Any])
    var references: [[String: String]] = []
    for kind in EventKind.allCases {
      references.append(["$ref": "#/$defs/\(kind.name)"])
      guard let text = EventReference.schema(of: kind) else { continue }
      definitions[kind.name.description] = try JSONSerialization.jsonObject(with: Data(text.utf8))
    }
    references.append(["$ref": "#/$defs/gap"])
    let families = EventFamily.allCases.map(\.name.description) + ["family_0"]
    definitions["families"] = [
      "type": "object", "additionalProperties": false,
      "properties": Dictionary(
        uniqueKeysWithValues: families.map { ($0, ["$ref": "#/$defs/count"]) }),
    ]
    wanted["$defs"] = definitions
    wanted["oneOf"] = references
    let options: JSONSerialization.WritingOptions = [
      .prettyPrinted, .sortedKeys, .withoutEscapingSlashes,
    ]
    let text = try JSONSerialization.data(withJSONObject: wanted, options: options) + [10]
    if Self.isWriting { try text.write(to: url) }
    #expect(
      try Data(contentsOf: url) == text,
      "the tables changed: run the test with ORDINAL_WRITE_REFERENCE=1 and look at the difference")
  }

  @Test("docs/events.md is what the tables say")
  func document() throws {
    let families = EventFamily.allCases.filter { family in
      EventReference.kinds(of: family).contains { EventLayout.of($0) != nil } || family == .process
    }
    let text = EventReference.markdown(of: families)
    let url = file("docs/events.md")
    if Self.isWriting { try Data(text.utf8).write(to: url) }
    let found = (try? String(contentsOf: url, encoding: .utf8)) ?? ""
    #expect(
      found == text,
      "the tables changed: run the test with ORDINAL_WRITE_REFERENCE=1, or `ordinal events --markdown`"
    )
  }

  @Test("the offsets of every kind's payload are those of the ABI's version")
  func offsets() throws {
    var text =
      "ABI \(abiVersion); whoever changes a line changes the ABI: bump abiVersion with it.\n"
    for kind in EventKind.allCases {
      guard let layout = EventLayout.of(kind) else { continue }
      text += "0x\(String(kind.rawValue, radix: 16)) \(kind.name): \(layout.size) bytes"
      for field in layout.fields { text += " \(field.key)@\(field.offset)+\(field.width)" }
      for string in layout.strings { text += " \(string.key)[@\(string.lengthOffset)]" }
      text += "\n"
    }
    let url = file("Tests/EventTests/layouts.txt")
    if Self.isWriting { try Data(text.utf8).write(to: url) }
    #expect(try String(contentsOf: url, encoding: .utf8) == text)
  }

  @Test("each kind has a family, a name of its own, and either a table or code of its own")
  func kinds() {
    #expect(Set(EventKind.allCases.map(\.name.description)).count == EventKind.allCases.count)
    for kind in EventKind.allCases {
      #expect(UInt16(kind.family.rawValue) == kind.rawValue >> 8, "\(kind)")
      let isByHand = [.fork, .exec, .exit, .test].contains(kind)
      #expect((EventLayout.of(kind) == nil) == isByHand, "\(kind)")
      if let layout = EventLayout.of(kind) { #expect(layout.kind == kind) }
    }
  }

  @Test("a table's fields lie inside its payload and have keys of their own")
  func fields() {
    for kind in EventKind.allCases {
      guard let layout = EventLayout.of(kind) else { continue }
      let keys = layout.fields.map(\.key.description) + layout.strings.map(\.key.description)
      #expect(Set(keys).count == keys.count, "\(kind): \(keys)")
      for field in layout.fields where field.offset >= 0 {
        #expect(field.offset + field.width <= layout.size, "\(kind).\(field.key)")
        #expect(field.offset >= 16, "\(kind).\(field.key) lies in the task's name")
      }
      for string in layout.strings {
        #expect(string.lengthOffset + 2 <= layout.size, "\(kind).\(string.key)")
      }
    }
  }
}
