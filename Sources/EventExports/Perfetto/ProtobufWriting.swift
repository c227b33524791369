import EventFormats
import KernelEvents

/// The wire format of protocol buffers, as far as Perfetto's traces need it: docs/adr tells why it is written
/// here, and the tests read it with SwiftProtobuf.
///
/// A message's length stands before it and is known after it: four bytes are kept for it and filled in by
/// ``close(message:)``. That is longer than need be for a short one, and every reader takes it.
extension OutputBuffer {
  /// Appends `number` in groups of seven bits, the lowest first.
  mutating func append(varint number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a field that is a number, a boolean or an enumeration's case.
  mutating func append(field: UInt64, varint number: UInt64) {
    append(varint: field << 3)
    append(varint: number)
  }

  /// Appends a field of eight bytes.
  mutating func append(field: UInt64, fixed number: UInt64) {
    append(varint: field << 3 | 1)
    for byte in UInt64(0)..<8 { append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
  }

  /// Appends a field of text.
  mutating func append(field: UInt64, text literal: StaticString) {
    append(varint: field << 3 | 2)
    append(varint: UInt64(literal.utf8CodeUnitCount))
    append(literal)
  }

  /// Appends a field of text, with U+FFFD in place of what is not UTF-8, which readers may refuse.
  mutating func append(field: UInt64, text bytes: RawSpan) {
    if bytes.isValidUTF8 {
      append(varint: field << 3 | 2)
      append(varint: UInt64(bytes.byteCount))
      append(bytes)
    } else {
      let start = open(message: field)
      append(repairing: bytes)
      close(message: start)
    }
  }

  /// Begins a field that is a message.
  ///
  /// - Returns: what ``close(message:)`` is to be given.
  mutating func open(message field: UInt64) -> Int {
    append(varint: field << 3 | 2)
    append(0, count: 4)
    return count
  }

  /// Ends a message of less than 2²⁸ bytes.
  mutating func close(message start: Int) {
    let length = UInt64(count - start)
    for group in 0..<4 {
      let bits = UInt8(truncatingIfNeeded: length >> UInt64(7 * group)) & 0x7F
      replaceByte(at: start - 4 + group, with: group < 3 ? bits | 0x80 : bits)
    }
  }
}
