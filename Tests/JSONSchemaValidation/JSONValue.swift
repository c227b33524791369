/// A JSON text, read strictly: RFC 8259, valid UTF-8, no key twice, nothing behind the value.
///
/// It shares no code with the writers it checks.
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int128)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  package struct ParseError: Error, Equatable {
    package var offset: Int
    package var reason: String
  }

  /// Parses the whole of `bytes`.
  package init(parsing bytes: [UInt8]) throws(ParseError) {
    var parser = Parser(bytes: bytes)
    parser.skipBlanks()
    self = try parser.value(depth: 0)
    parser.skipBlanks()
    guard parser.position == bytes.count else { throw parser.error("something behind the value") }
  }

  package init(parsing text: String) throws(ParseError) { try self.init(parsing: Array(text.utf8)) }

  package subscript(key: String) -> JSONValue? {
    if case .object(let members) = self { return members[key] }
    return nil
  }

  package subscript(index: Int) -> JSONValue? {
    if case .array(let elements) = self, elements.indices.contains(index) {
      return elements[index]
    }
    return nil
  }

  package var string: String? { if case .string(let text) = self { text } else { nil } }
  package var integer: Int128? { if case .integer(let number) = self { number } else { nil } }
  package var count: Int? {
    switch self {
    case .array(let elements): elements.count
    case .object(let members): members.count
    default: nil
    }
  }
}

private struct Parser {
  let bytes: [UInt8]
  var position = 0

  func error(_ reason: String) -> JSONValue.ParseError {
    JSONValue.ParseError(offset: position, reason: reason)
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipBlanks() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  mutating func expect(_ text: StaticString) throws(JSONValue.ParseError) {
    for byte in text.description.utf8 {
      guard next == byte else { throw error("\(text) expected") }
      position += 1
    }
  }

  mutating func value(depth: Int) throws(JSONValue.ParseError) -> JSONValue {
    guard depth < 64 else { throw error("too deep") }
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try expect("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try expect("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try expect("null")
      return .null
    default: return try number()
    }
  }

  mutating func object(depth: Int) throws(JSONValue.ParseError) -> JSONValue {
    var members: [String: JSONValue] = [:]
    position += 1
    skipBlanks()
    if next == UInt8(ascii: "}") {
      position += 1
      return .object(members)
    }
    while true {
      skipBlanks()
      guard next == UInt8(ascii: "\"") else { throw error("a key expected") }
      let key = try string()
      skipBlanks()
      try expect(":")
      skipBlanks()
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil
      else { throw error("the key \(key) is there twice") }
      skipBlanks()
      if next == UInt8(ascii: "}") { break }
      try expect(",")
    }
    position += 1
    return .object(members)
  }

  mutating func array(depth: Int) throws(JSONValue.ParseError) -> JSONValue {
    var elements: [JSONValue] = []
    position += 1
    skipBlanks()
    if next == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      skipBlanks()
      elements.append(try value(depth: depth + 1))
      skipBlanks()
      if next == UInt8(ascii: "]") { break }
      try expect(",")
    }
    position += 1
    return .array(elements)
  }

  mutating func string() throws(JSONValue.ParseError) -> String {
    position += 1
    var content: [UInt8] = []
    while true {
      guard let byte = next else { throw error("a string has no end") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self)
        else { throw error("a string is not UTF-8") }
        return text
      case 0..<0x20: throw error("a control character in a string")
      case UInt8(ascii: "\\"): try escape(into: &content)
      default: content.append(byte)
      }
    }
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONValue.ParseError) {
    guard let byte = next else { throw error("an escape has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var unit = try hexadecimal()
      if unit >= 0xD800, unit < 0xDC00 {
        try expect("\\u")
        let low = try hexadecimal()
        guard low >= 0xDC00, low < 0xE000 else { throw error("a lone surrogate") }
        unit = 0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(unit) else { throw error("a lone surrogate") }
      content.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw error("an escape that isn't one")
    }
  }

  private mutating func hexadecimal() throws(JSONValue.ParseError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw error("four hexadecimal digits expected") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  mutating func number() throws(JSONValue.ParseError) -> JSONValue {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let leadingZero = next == UInt8(ascii: "0")
    let digits = try skipDigits()
    if leadingZero, digits > 1 { throw error("a number with a leading zero") }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      isInteger = false
      position += 1
      _ = try skipDigits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      isInteger = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      _ = try skipDigits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let integer = Int128(text) { return .integer(integer) }
    guard let number = Double(text) else { throw error("a number expected") }
    return .number(number)
  }

  private mutating func skipDigits() throws(JSONValue.ParseError) -> Int {
    let start = position
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    guard position > start else { throw error("a digit expected") }
    return position - start
  }
}
