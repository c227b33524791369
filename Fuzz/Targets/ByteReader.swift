/// Takes numbers and byte strings off an input's front; past its end everything is zero.
struct ByteReader {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { place >= bytes.count }
  var rest: [UInt8] { Array(bytes[min(place, bytes.count)...]) }

  mutating func byte() -> UInt8 {
    guard place < bytes.count else { return 0 }
    defer { place += 1 }
    return bytes[place]
  }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
    var value: Number = 0
    for shift in 0..<Number.bitWidth / 8 {
      value |= Number(truncatingIfNeeded: UInt64(byte()) << UInt64(8 * shift))
    }
    return value
  }

  /// At most `count` bytes, fewer at the input's end.
  mutating func bytes(_ count: Int) -> [UInt8] {
    let end = min(bytes.count, place + count)
    defer { place = max(place, end) }
    return place < end ? Array(bytes[place..<end]) : []
  }

  /// `a` numbers of what is told in `0..<count`.
  mutating func choice(_ count: Int) -> Int { Int(byte()) % count }
}
