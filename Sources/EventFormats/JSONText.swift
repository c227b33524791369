import KernelEvents

extension OutputBuffer {
  /// Appends text as a JSON string.
  public mutating func append(jsonString text: String) {
    let bytes = Array(text.utf8)
    append(jsonString: bytes.span.raw)
  }

  /// Appends `bytes` as a JSON string, quotes included.
  ///
  /// Bad bytes become U+FFFD; controls, and whatever a terminal might act on, become `\u` escapes.
  ///
  /// - Returns: Whether the bytes were valid UTF-8, thus whether the string tells them all.
  @discardableResult
  package mutating func append(jsonString bytes: RawSpan) -> Bool {
    append(UInt8(ascii: "\""))
    var valid = true
    var runStart = 0
    var offset = 0
    while offset < bytes.byteCount {
      let byte = bytes.byte(offset)
      if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        offset += 1
        continue
      }
      let step = bytes.scalarStep(at: offset)
      if let scalar = step.scalar, scalar >= 0x80, !isUnsafeToShow(scalar) {
        offset += step.length
        continue
      }
      append(bytes.extracting(runStart..<offset))
      if let scalar = step.scalar {
        append(jsonEscape: scalar)
      } else {
        append("\u{FFFD}")
        valid = false
      }
      offset += step.length
      runStart = offset
    }
    append(bytes.extracting(runStart..<offset))
    append(UInt8(ascii: "\""))
    return valid
  }

  private mutating func append(jsonEscape scalar: UInt32) {
    switch scalar {
    case 0x22: append("\\\"")
    case 0x5C: append("\\\\")
    case 0x08: append("\\b")
    case 0x09: append("\\t")
    case 0x0A: append("\\n")
    case 0x0C: append("\\f")
    case 0x0D: append("\\r")
    case 0x1_0000...:
      append("\\u")
      append(hexadecimal: UInt64(0xD800 + (scalar - 0x1_0000) >> 10), digits: 4)
      append("\\u")
      append(hexadecimal: UInt64(0xDC00 + (scalar - 0x1_0000) & 0x3FF), digits: 4)
    default:
      append("\\u")
      append(hexadecimal: UInt64(scalar), digits: 4)
    }
  }

  /// Appends `"key":"…"`, and `"key_b64":"…"` where the bytes are not UTF-8.
  mutating func append(key: StaticString, jsonString bytes: RawSpan) {
    append(key: key)
    if append(jsonString: bytes) { return }
    append(",\"")
    append(key)
    append("_b64\":")
    append(base64String: bytes)
  }

  /// Appends `"key":`.
  mutating func append(key: StaticString) {
    append(UInt8(ascii: "\""))
    append(key)
    append("\":")
  }

  /// Appends `,"key":number`.
  mutating func append(nextKey key: StaticString, _ number: UInt64) {
    append(UInt8(ascii: ","))
    append(key: key)
    append(decimal: number)
  }

  /// Appends `,"key":number`.
  mutating func append(nextKey key: StaticString, _ number: UInt32) {
    append(nextKey: key, UInt64(number))
  }

  /// Appends `,"key":number`, or `,"key":null`.
  mutating func append(nextKey key: StaticString, _ number: UInt64?) {
    append(UInt8(ascii: ","))
    append(key: key)
    if let number { append(decimal: number) } else { append("null") }
  }

  /// Appends `,"key":true` or `,"key":false`.
  mutating func append(nextKey key: StaticString, _ value: Bool) {
    append(UInt8(ascii: ","))
    append(key: key)
    append(value ? "true" : "false")
  }

  /// Appends the base64 of `bytes` (RFC 4648, padded) as a JSON string, quotes included.
  package mutating func append(base64String bytes: RawSpan) {
    append(UInt8(ascii: "\""))
    var offset = 0
    while offset < bytes.byteCount {
      let left = min(3, bytes.byteCount - offset)
      var group: UInt32 = 0
      for index in 0..<3 {
        group = group << 8 | (index < left ? UInt32(bytes.byte(offset + index)) : 0)
      }
      append(base64Digit(group >> 18))
      append(base64Digit(group >> 12))
      append(left > 1 ? base64Digit(group >> 6) : UInt8(ascii: "="))
      append(left > 2 ? base64Digit(group) : UInt8(ascii: "="))
      offset += 3
    }
    append(UInt8(ascii: "\""))
  }
}

private func base64Digit(_ value: UInt32) -> UInt8 {
  let digit = UInt8(truncatingIfNeeded: value & 63)
  return switch digit {
  case 0..<26: UInt8(ascii: "A") &+ digit
  case 26..<52: UInt8(ascii: "a") &+ (digit &- 26)
  case 52..<62: UInt8(ascii: "0") &+ (digit &- 52)
  case 62: UInt8(ascii: "+")
  default: UInt8(ascii: "/")
  }
}
