import EventFormats
import Foundation
import JSONSchemaValidation
import KernelEvents
import SequencerABI
import RingStress
import TestSupport
import Testing

@Suite("Strings in the output")
struct TextTests {
  /// An exec of which only the path matters.
  private func parsed(path: [UInt8]) throws -> JSONValue {
    try JSONValue(parsing: line(.exec(path: path)))
  }

  static let invalid: [[UInt8]] = [
    [0x80], [0xFF], [0xC0, 0xAF], [0xC1, 0x81], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80],
    [0xE0, 0xA0], [0xE2, 0x82], [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
    [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF0, 0x9F, 0x98, 0x41],
    [0xF4, 0x90, 0x80, 0x80],
    [0xF5, 0x80, 0x80, 0x80], [0x41, 0xFF, 0x42, 0xFE, 0x43], [0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92],
  ]

  @Test(
    "bad bytes become U+FFFD as Swift makes them, and the exact bytes stand beside",
    arguments: invalid)
  func invalidUTF8(bytes: [UInt8]) throws {
    let value = try parsed(path: bytes)
    #expect(value["exe"]?.string == String(decoding: bytes, as: UTF8.self))
    #expect(value["exe_b64"]?.string == Data(bytes).base64EncodedString())
  }

  @Test("random bytes read as Swift reads them")
  func randomBytes() throws {
    var random = RandomNumbers(seed: 11)
    let likely: [UInt8] = [
      0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4,
    ]
    for _ in 0..<4000 {
      let bytes = (0..<8).map { _ in likely.randomElement(using: &random)! }
      let value = try parsed(path: bytes)
      #expect(value["exe"]?.string == String(decoding: bytes, as: UTF8.self), "\(bytes)")
      let isValid = String(validating: bytes, as: UTF8.self) != nil
      #expect((value["exe_b64"] == nil) == isValid, "\(bytes)")
    }
  }

  @Test(
    "valid text comes back unchanged, whatever is in it",
    arguments: [
      "", "plain", "\"quoted\" \\ /", "\u{1}\u{8}\t\n\u{C}\r\u{1F}\u{7F}", "äöü€😀",
      "\u{2028}\u{2029}",
      "\u{85}\u{9B}31m", "\u{202E}gnp.exe", "\u{200B}\u{FEFF}", "\u{10FFFF}\u{E000}\u{FFFD}",
      "\u{E0041}tag", "\u{1B}[2J",
    ])
  func validUTF8(text: String) throws {
    let value = try parsed(path: Array(text.utf8))
    #expect(value["exe"]?.string == text)
    #expect(value["exe_b64"] == nil)
  }

  @Test("no control, direction change or invisible character stands in a line as itself")
  func escaped() throws {
    let text = "\u{1B}\u{7F}\u{9B}\u{202E}\u{2066}\u{200B}\u{E0041}"
    let json = try line(.exec(path: Array(text.utf8)))
    #expect(json.contains(#""exe":"\u001b\u007f\u009b\u202e\u2066\u200b\udb40\udc41""#))
  }

  @Test("base64 of each length", arguments: 1...7)
  func base64(length: Int) throws {
    let bytes = (0..<length).map { UInt8(0xF8 + $0) }
    #expect(try parsed(path: bytes)["exe_b64"]?.string == Data(bytes).base64EncodedString())
  }

  @Test("arguments that are not UTF-8 are told beside those that are")
  func arguments() throws {
    let block: [UInt8] = [0x61, 0, 0xFF, 0, 0x62, 0]
    let value = try JSONValue(parsing: line(.exec(arguments: block, count: 3)))
    #expect(value["args"] == .array([.string("a"), .string("\u{FFFD}"), .string("b")]))
    #expect(value["args_b64"] == .array([.null, .string("/w=="), .null]))
    let plain = try JSONValue(parsing: line(.exec()))
    #expect(plain["args_b64"] == nil)
  }

  @Test("names and directories that are not UTF-8")
  func otherKeys() throws {
    var record = RecordBuilder.exec(workingDirectory: [0xFE, 0, 0x61, 0])
    record.payload[40] = 0xFF
    let exec = try JSONValue(parsing: line(record))
    #expect(exec["comm"]?.string == "\u{FFFD}cho")
    #expect(exec["comm_b64"]?.string == Data([0xFF, 0x63, 0x68, 0x6F]).base64EncodedString())
    #expect(exec["cwd"]?.string == "/a/\u{FFFD}")
    #expect(exec["cwd_b64"]?.string == Data([0x2F, 0x61, 0x2F, 0xFE]).base64EncodedString())
    var fork = RecordBuilder.fork(child: ProcessKey(pid: 5, start: 6))
    fork.payload[48] = 0x80
    let value = try JSONValue(parsing: line(fork))
    #expect(value["child"]?["comm"]?.string == "\u{FFFD}hild")
    #expect(value["child"]?["comm_b64"] != nil)
    let schema = try SchemaValidator.shipped("event.schema.json")
    #expect(schema.problems(in: exec).isEmpty)
    #expect(schema.problems(in: value).isEmpty)
  }

  @Test("a name of sixteen bytes without a NUL is taken whole")
  func fullComm() throws {
    let value = try JSONValue(parsing: line(.exit(comm: "0123456789abcdef")))
    #expect(value["comm"]?.string == "0123456789abcdef")
  }

  @Test(
    "a terminal is shown what it must not act on",
    arguments: [
      ("\u{1B}[31m", #"\x1b[31m"#), ("a\nb\tc\rd", #"a\nb\tc\rd"#), ("\u{9B}", #"\u{009b}"#),
      ("\u{202E}x", #"\u{202e}x"#), ("back\\slash", #"back\\slash"#), ("ü😀", "ü😀"),
      ("\u{E0041}", #"\u{e0041}"#), ("\u{7F}", #"\x7f"#),
    ])
  func terminal(text: String, shown: String) throws {
    let compact = try line(.exit(comm: text), .compact)
    #expect(compact.contains(shown), "\(compact)")
    let pretty = try line(.exit(comm: text), .pretty)
    #expect(pretty.contains(shown), "\(pretty)")
  }

  @Test("a terminal is shown bad bytes as they are")
  func terminalBadBytes() throws {
    var record = RecordBuilder.exit()
    record.payload[24] = 0xE2
    record.payload[25] = 0x82
    #expect(try line(record, .compact) == "0 exit 100 \\xe2\\x82sk: code 0, ran 1.2µs\n")
  }
}
