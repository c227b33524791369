import EventFormats
import KernelEvents

/// Turns the members of an event's details into debug annotations, so that Perfetto shows the very keys that
/// docs/json.md and docs/events.md tell.
///
/// The details are JSON that this program wrote itself, so reading stops at whatever that could not be.
struct DebugAnnotations: ~Copyable {
  private enum Field {
    static var name: UInt64 { 10 }
    static var bool: UInt64 { 2 }
    static var unsigned: UInt64 { 3 }
    static var signed: UInt64 { 4 }
    static var string: UInt64 { 6 }
    static var entries: UInt64 { 11 }
    static var elements: UInt64 { 12 }
  }

  private var text = OutputBuffer(capacity: 1024)

  /// Appends an annotation for each member of the object in `details` that is not null.
  ///
  /// - Parameters:
  ///   - details: one JSON object.
  ///   - field: the number of the field that annotations are of.
  ///   - buffer: what they are appended to.
  mutating func append(
    membersOf details: borrowing OutputBuffer, field: UInt64, to buffer: inout OutputBuffer
  ) {
    var reader = Reader(bytes: details.bytes)
    appendMembers(&reader, field, &buffer)
  }

  private struct Reader: ~Escapable {
    let bytes: RawSpan
    var offset = 0

    @_lifetime(copy bytes)
    init(bytes: RawSpan) { self.bytes = bytes }

    var next: UInt8 { offset < bytes.byteCount ? bytes.byte(offset) : 0 }

    /// Whether `byte` comes next; then it is passed.
    @_lifetime(self: copy self)
    mutating func pass(_ byte: UInt8) -> Bool {
      guard next == byte else { return false }
      offset += 1
      return true
    }

    /// Passes what a number or a word is made of, and gives where it began.
    @_lifetime(self: copy self)
    mutating func passWord() -> Int {
      let start = offset
      while offset < bytes.byteCount {
        switch bytes.byte(offset) {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return start
        default: offset += 1
        }
      }
      return start
    }

    /// Passes a string and gives what stands between its quotes, and whether there is an escape in it.
    @_lifetime(self: copy self)
    mutating func passString() -> (range: Range<Int>, isEscaped: Bool) {
      offset += 1
      let start = offset
      var isEscaped = false
      while offset < bytes.byteCount, bytes.byte(offset) != UInt8(ascii: "\"") {
        if bytes.byte(offset) == UInt8(ascii: "\\") {
          isEscaped = true
          offset += 1
        }
        offset += 1
      }
      let end = min(offset, bytes.byteCount)
      offset = min(offset + 1, bytes.byteCount)
      return (start..<end, isEscaped)
    }
  }

  private mutating func appendMembers(
    _ reader: inout Reader, _ field: UInt64, _ buffer: inout OutputBuffer
  ) {
    guard reader.pass(UInt8(ascii: "{")) else { return }
    while reader.next == UInt8(ascii: "\"") {
      let key = reader.passString().range
      guard reader.pass(UInt8(ascii: ":")) else { return }
      if reader.next == UInt8(ascii: "n") {
        _ = reader.passWord()
      } else {
        let start = buffer.open(message: field)
        buffer.append(field: Field.name, text: reader.bytes.extracting(key))
        appendValue(&reader, &buffer)
        buffer.close(message: start)
      }
      if !reader.pass(UInt8(ascii: ",")) { break }
    }
    _ = reader.pass(UInt8(ascii: "}"))
  }

  private mutating func appendElements(_ reader: inout Reader, _ buffer: inout OutputBuffer) {
    _ = reader.pass(UInt8(ascii: "["))
    while reader.offset < reader.bytes.byteCount, reader.next != UInt8(ascii: "]") {
      let start = buffer.open(message: Field.elements)
      appendValue(&reader, &buffer)
      buffer.close(message: start)
      if !reader.pass(UInt8(ascii: ",")) { break }
    }
    _ = reader.pass(UInt8(ascii: "]"))
  }

  private mutating func appendValue(_ reader: inout Reader, _ buffer: inout OutputBuffer) {
    switch reader.next {
    case UInt8(ascii: "\""):
      let (range, isEscaped) = reader.passString()
      if isEscaped {
        unescape(reader.bytes.extracting(range))
        buffer.append(field: Field.string, text: text.bytes)
      } else {
        buffer.append(field: Field.string, text: reader.bytes.extracting(range))
      }
    case UInt8(ascii: "{"): appendMembers(&reader, Field.entries, &buffer)
    case UInt8(ascii: "["): appendElements(&reader, &buffer)
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      buffer.append(field: Field.bool, varint: reader.next == UInt8(ascii: "t") ? 1 : 0)
      _ = reader.passWord()
    case UInt8(ascii: "n"):
      // An element must keep its place, and there is no null.
      buffer.append(field: Field.string, text: "")
      _ = reader.passWord()
    default:
      let isNegative = reader.pass(UInt8(ascii: "-"))
      let start = reader.passWord()
      var number: UInt64 = 0
      for offset in start..<reader.offset {
        number = number &* 10 &+ UInt64(reader.bytes.byte(offset) &- UInt8(ascii: "0"))
      }
      buffer.append(
        field: isNegative ? Field.signed : Field.unsigned, varint: isNegative ? 0 &- number : number
      )
    }
  }

  /// Puts what a string with escapes says into ``text``.
  private mutating func unescape(_ bytes: RawSpan) {
    text.removeAll()
    var offset = 0
    while offset < bytes.byteCount {
      let byte = bytes.byte(offset)
      offset += 1
      guard byte == UInt8(ascii: "\\"), offset < bytes.byteCount else {
        text.append(byte)
        continue
      }
      let escape = bytes.byte(offset)
      offset += 1
      switch escape {
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "u"):
        var scalar = hexadecimal(bytes, at: offset)
        offset += 4
        if scalar & 0xFC00 == 0xD800 {
          // The second half of a pair, behind its own `\u`.
          scalar = 0x1_0000 + (scalar & 0x3FF) << 10 + hexadecimal(bytes, at: offset + 2) & 0x3FF
          offset += 6
        }
        if let known = Unicode.Scalar(scalar) { text.append(text: String(known)) }
      default: text.append(escape)
      }
    }
  }

  private func hexadecimal(_ bytes: RawSpan, at offset: Int) -> UInt32 {
    var number: UInt32 = 0
    for place in offset..<min(offset + 4, bytes.byteCount) {
      let digit = bytes.byte(place)
      number = number << 4 | UInt32(digit & 0xF &+ (digit >= UInt8(ascii: "a") ? 9 : 0))
    }
    return number
  }
}
