import KernelEvents

/// One step of reading bytes as UTF-8.
package struct ScalarStep {
  /// The scalar; nil for bytes that are none.
  package var scalar: UInt32?
  /// The bytes it takes; for bad ones the maximal subpart, which becomes one U+FFFD.
  package var length: Int
}

extension RawSpan {
  /// Reads one scalar at `offset`, which is below the byte count.
  ///
  /// Bad bytes are grouped as Unicode's "substitution of maximal subparts" does (also Swift's
  /// `String(decoding:)` and the WHATWG decoder): the longest beginning of a valid sequence is one.
  package func scalarStep(at offset: Int) -> ScalarStep {
    let lead = byte(offset)
    let continuations: Int
    // The second byte's range shuts out overlong forms, surrogates and what lies past U+10FFFF.
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    switch lead {
    case 0..<0x80: return ScalarStep(scalar: UInt32(lead), length: 1)
    case 0xC2...0xDF: continuations = 1
    case 0xE0: (continuations, low) = (2, 0xA0)
    case 0xED: (continuations, high) = (2, 0x9F)
    case 0xE1...0xEF: continuations = 2
    case 0xF0: (continuations, low) = (3, 0x90)
    case 0xF1...0xF3: continuations = 3
    case 0xF4: (continuations, high) = (3, 0x8F)
    default: return ScalarStep(scalar: nil, length: 1)
    }
    var scalar = UInt32(lead) & (0x3F >> UInt32(continuations))
    for step in 1...continuations {
      guard offset + step < byteCount else { return ScalarStep(scalar: nil, length: step) }
      let next = byte(offset + step)
      guard next >= low, next <= high else { return ScalarStep(scalar: nil, length: step) }
      scalar = scalar << 6 | UInt32(next & 0x3F)
      (low, high) = (0x80, 0xBF)
    }
    return ScalarStep(scalar: scalar, length: continuations + 1)
  }

  /// Whether the bytes are valid UTF-8.
  package var isValidUTF8: Bool {
    var offset = 0
    while offset < byteCount {
      if byte(offset) < 0x80 {
        offset += 1
        continue
      }
      let step = scalarStep(at: offset)
      if step.scalar == nil { return false }
      offset += step.length
    }
    return true
  }
}

/// Whether a terminal may act on `scalar` instead of showing it: every control, direction change,
/// separator of lines and other invisible format character (Unicode's categories Cc, Cf, Zl, Zp).
/// They are escaped in every output.
func isUnsafeToShow(_ scalar: UInt32) -> Bool {
  switch scalar {
  case 0..<0x20, 0x7F...0x9F, 0xAD: true
  case 0x600...0x605, 0x61C, 0x6DD, 0x70F, 0x890...0x891, 0x8E2, 0x180E: true
  case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF0...0xFFFB: true
  case 0x110BD, 0x110CD, 0x13430...0x1343F, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A: true
  case 0xE0000...0xE007F: true
  default: false
  }
}
