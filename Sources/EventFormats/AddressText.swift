import KernelEvents

/// Addresses of the internet as text.
enum SocketAddressText {
  /// AF_INET.
  static var ipv4: UInt16 { 2 }
  /// AF_INET6.
  static var ipv6: UInt16 { 10 }
  /// Whether addresses of the family have a text here.
  static func isTold(family: UInt16) -> Bool { family == ipv4 || family == ipv6 }
}

extension OutputBuffer {
  /// Appends the 4 or 16 bytes of an address: `127.0.0.1`; `::1`, as RFC 5952 writes it.
  mutating func append(address payload: RawSpan, at offset: Int, family: UInt16) {
    if family == SocketAddressText.ipv4 { return append(dotted: payload, at: offset) }
    var groups = InlineArray<8, UInt16>(repeating: 0)
    for index in groups.indices {
      groups[index] = payload.value(at: offset + 2 * index, as: UInt16.self).bigEndian
    }
    let zeros = longestZeros(groups)
    // IPv4 in IPv6's clothes, ::ffff:0:0/96.
    let isMapped = zeros == 0..<5 && groups[5] == 0xFFFF
    var index = 0
    while index < (isMapped ? 6 : 8) {
      if index == zeros.lowerBound, !zeros.isEmpty {
        append("::")
        index = zeros.upperBound
        continue
      }
      if index > 0, index != zeros.upperBound || zeros.isEmpty { append(":") }
      append(
        hexadecimal: UInt64(groups[index]),
        digits: max(1, (19 - groups[index].leadingZeroBitCount) / 4))
      index += 1
    }
    if isMapped {
      append(":")
      append(dotted: payload, at: offset + 12)
    }
  }

  private mutating func append(dotted payload: RawSpan, at offset: Int) {
    for index in 0..<4 {
      if index > 0 { append(".") }
      append(decimal: UInt64(payload.value(at: offset + index, as: UInt8.self)))
    }
  }

  /// Appends a number in octal, a 0 before it, four digits at least.
  mutating func append(octal number: UInt64) {
    let digits = max(3, (66 - number.leadingZeroBitCount) / 3)
    append("0")
    for place in stride(from: 3 * (digits - 1), through: 0, by: -3) {
      append(decimal: number >> UInt64(place) & 7)
    }
  }
}

/// The first of the longest runs of two zeros or more; empty where there is none.
private func longestZeros(_ groups: InlineArray<8, UInt16>) -> Range<Int> {
  var best = 0..<0
  var start = 0
  for index in groups.indices {
    if groups[index] != 0 {
      start = index + 1
    } else if index + 1 - start >= 2, index + 1 - start > best.count {
      best = start..<index + 1
    }
  }
  return best
}
