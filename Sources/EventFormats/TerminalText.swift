package import KernelEvents

extension OutputBuffer {
  /// Appends bytes so that a terminal only shows them: printable UTF-8 as it is; controls, direction
  /// changes and invisible characters as `\n`, `\x1b` or `\u{202e}`; bad bytes as `\xff`; a
  /// backslash doubled, so that the text tells the bytes exactly.
  package mutating func append(visible bytes: RawSpan) {
    var runStart = 0
    var offset = 0
    while offset < bytes.byteCount {
      let byte = bytes.byte(offset)
      if byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") {
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
        append(visibleEscape: scalar)
      } else {
        for index in offset..<offset + step.length {
          append("\\x")
          append(hexadecimal: UInt64(bytes.byte(index)), digits: 2)
        }
      }
      offset += step.length
      runStart = offset
    }
    append(bytes.extracting(runStart..<offset))
  }

  private mutating func append(visibleEscape scalar: UInt32) {
    switch scalar {
    case 0x09: append("\\t")
    case 0x0A: append("\\n")
    case 0x0D: append("\\r")
    case 0x5C: append("\\\\")
    case 0..<0x80:
      append("\\x")
      append(hexadecimal: UInt64(scalar), digits: 2)
    default:
      append("\\u{")
      append(hexadecimal: UInt64(scalar), digits: scalar > 0xFFFF ? 5 : 4)
      append("}")
    }
  }

  /// Appends an argument as ``append(visible:)`` does, in single quotes where it is empty or holds
  /// a byte that would make it look like more than one word.
  package mutating func append(argument bytes: RawSpan) {
    guard bytes.needsQuotes else { return append(visible: bytes) }
    append("'")
    var start = 0
    for offset in 0..<bytes.byteCount where bytes.byte(offset) == UInt8(ascii: "'") {
      append(visible: bytes.extracting(start..<offset))
      append("\\'")
      start = offset + 1
    }
    append(visible: bytes.extracting(start..<bytes.byteCount))
    append("'")
  }

  /// Appends an exec's arguments with blanks between, and `…` where some are missing; the path
  /// where there are no arguments at all.
  package mutating func append(commandLine exec: ExecEvent) {
    var arguments = exec.arguments
    var first = true
    while let argument = arguments.next() {
      if !first { append(" ") }
      first = false
      append(argument: argument)
    }
    if first { append(argument: exec.path) }
    if exec.isTruncated { append(" …") }
  }

  /// Appends a duration in the unit that fits: 12ns, 3.4µs, 5.6ms, 7.89s.
  package mutating func append(duration nanoseconds: UInt64) {
    switch nanoseconds {
    case 0..<1000:
      append(decimal: nanoseconds)
      append("ns")
    case 1000..<1_000_000:
      append(tenths: nanoseconds / 100, "µs")
    case 1_000_000..<1_000_000_000:
      append(tenths: nanoseconds / 100_000, "ms")
    default:
      append(tenths: nanoseconds / 100_000_000, "s")
    }
  }

  private mutating func append(tenths: UInt64, _ unit: StaticString) {
    append(decimal: tenths / 10)
    append(".")
    append(decimal: tenths % 10)
    append(unit)
  }

  /// Appends `number` in decimal with a comma between thousands.
  package mutating func append(grouped number: UInt64) {
    if number < 1000 { return append(decimal: number) }
    append(grouped: number / 1000)
    append(",")
    append(UInt8(ascii: "0") + UInt8(number / 100 % 10))
    append(UInt8(ascii: "0") + UInt8(number / 10 % 10))
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// Appends blanks up to `width` bytes from `start`, one at least.
  package mutating func pad(from start: Int, to width: Int) {
    append(UInt8(ascii: " "), count: max(1, width - (count - start)))
  }

  /// Appends blanks, then `number`, so that both take `width` bytes or more.
  mutating func append(rightAligned number: UInt64, width: Int) {
    var digits = 1
    var rest = number / 10
    while rest > 0 {
      digits += 1
      rest /= 10
    }
    append(UInt8(ascii: " "), count: width - digits)
    append(decimal: number)
  }
}

extension RawSpan {
  fileprivate var needsQuotes: Bool {
    if isEmpty { return true }
    for offset in 0..<byteCount {
      switch byte(offset) {
      case UInt8(ascii: " "), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "$"),
        UInt8(ascii: "`"), UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"),
        UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"),
        UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "#"), 0..<0x20:
        return true
      default: continue
      }
    }
    return false
  }
}
