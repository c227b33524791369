import EventFormats
import Foundation
import JSONSchemaValidation
import KernelEvents
import Sequencer
import SequencerABI
import Testing

@Suite("Damaged records")
struct FuzzTests {
  /// 8 × 26 000 records.
  static let rounds = 26_000

  static func seeds() -> [RecordBuilder] {
    let child = ProcessKey(pid: 7, start: 2_000_000_000)
    return [
      .fork(child: child, flags: .max), .fork(child: child).with(lost: [.process: 2], after: 3),
      .exec(), .exec(flags: .credentialsBefore).with(lost: [.process: 1]),
      .exec(
        path: Array("/ä/é".utf8), workingDirectory: Array("ü\0ö\0".utf8),
        arguments: Array("a\0b\\\"\0\u{1B}[31m\0".utf8), count: 3),
      .exit(status: 0x8B), .exit().with(lost: [.test: 9], after: 9),
      RecordBuilder(kind: .test),
    ]
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout RandomNumbers) {
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes[place] = [0, 0x7F, 0x80, 0xFF, 0xC2, 0xE2, 0xED, 0xF4][place % 8]
      case 3:
        // The strings and names, where most mutants still decode.
        let low = min(64, bytes.count - 1)
        let target = Int.random(in: low..<bytes.count, using: &random)
        for index in target..<min(bytes.count, target + 6) {
          bytes[index] = UInt8.random(in: 0x78...0xFF, using: &random)
        }
      case 4: bytes[Int.random(in: 16..<32, using: &random)] = UInt8(place & 0xFF)
      default:
        if bytes.count > 2 * Slot.size, place % 4 == 0 { bytes.removeLast(Slot.size) }
      }
    }
  }

  @Test("decode to an event or an error, and format to what is safe", arguments: 0..<8)
  func mutants(seed: Int) throws {
    var random = RandomNumbers(seed: UInt64(seed) &* 7919 &+ 1)
    let originals = FuzzTests.seeds().map { $0.bytes() }
    let schema = try SchemaValidator.shipped("event.schema.json")
    var json = JSONFormat()
    var pretty = PrettyFormat(colour: false)
    var compact = CompactFormat()
    var context = FormattingContext(clock: ClockOffset(nanoseconds: 0), cgroups: nil)
    var buffer = OutputBuffer()
    var decoded = 0
    var refused = 0
    for round in 0..<FuzzTests.rounds {
      var bytes = originals[(round + seed) % originals.count]
      mutate(&bytes, &random)
      do throws(DecodingError) {
        let event = try DecodedEvent(decoding: RecordView(bytes.span.raw))
        decoded += 1
        buffer.removeAll()
        if let gap = event.gap { json.write(gap: gap, into: &buffer) }
        json.write(event, context: &context, into: &buffer)
        let lines = buffer.array
        for text in lines.split(separator: 0x0A) {
          guard let value = try? JSONValue(parsing: Array(text)) else {
            Issue.record("not JSON: \(String(decoding: text, as: UTF8.self)) of \(bytes)")
            continue
          }
          if round % 16 == 0 {
            let problems = schema.problems(in: value)
            #expect(problems.isEmpty, "\(problems)")
            let foundation = try? JSONSerialization.jsonObject(with: Data(text))
            #expect(foundation != nil)
          }
        }
        buffer.removeAll()
        pretty.write(event, context: &context, into: &buffer)
        compact.write(event, context: &context, into: &buffer)
        if !isHarmless(buffer.array) { Issue.record("acts on a terminal: \(buffer.array)") }
      } catch {
        refused += 1
      }
    }
    // A fuzz run that only ever sees one of the two shows nothing.
    #expect(decoded > FuzzTests.rounds / 10, "\(decoded) decoded, \(refused) refused")
    #expect(refused > FuzzTests.rounds / 10, "\(decoded) decoded, \(refused) refused")
  }

  @Test("bytes drawn at random", arguments: [1, 2, 5, 48])
  func noise(slots: Int) {
    var random = RandomNumbers(seed: UInt64(slots))
    for _ in 0..<2000 {
      var bytes = (0..<slots * Slot.size).map { _ in UInt8.random(in: 0...255, using: &random) }
      // The few fields that would refuse nearly all of them.
      bytes.replaceSubrange(16..<18, with: bytesOf(UInt16(0x0102)))
      bytes.replaceSubrange(18..<20, with: bytesOf(UInt16(slots)))
      bytes.replaceSubrange(28..<32, with: bytesOf(UInt32(slots * 128 - 64)))
      bytes[22] &= 0xF7
      _ = try? DecodedEvent(decoding: RecordView(bytes.span.raw))
    }
  }

  /// Whether every line holds printable UTF-8 only: no control, no bad byte, no direction change.
  private func isHarmless(_ bytes: [UInt8]) -> Bool {
    guard let text = String(validating: bytes, as: UTF8.self) else { return false }
    return text.unicodeScalars.allSatisfy { scalar in
      if scalar == "\n" { return true }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: return false
      default: return true
      }
    }
  }
}
