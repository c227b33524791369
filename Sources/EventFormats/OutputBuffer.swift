import KernelEvents

/// Bytes on their way out: formats append, the command writes them to a file and empties it.
///
/// Emptying keeps the memory, so a buffer that has reached its size allocates no more.
public struct OutputBuffer: ~Copyable {
  private var storage: [UInt8] = []

  /// Makes an empty buffer with room for `capacity` bytes.
  public init(capacity: Int = 64 * 1024) { storage.reserveCapacity(capacity) }

  /// Bytes appended since the buffer was last emptied.
  public var count: Int { storage.count }
  /// Whether there is nothing to write.
  public var isEmpty: Bool { storage.isEmpty }
  /// The bytes, lent until the buffer is changed.
  public var bytes: RawSpan {
    @_lifetime(borrow self)
    get { storage.span.raw }
  }
  /// A copy of the bytes.
  public var array: [UInt8] { storage }

  /// Empties the buffer and keeps its memory.
  public mutating func removeAll() { storage.removeAll(keepingCapacity: true) }

  /// Appends one byte.
  public mutating func append(_ byte: UInt8) { storage.append(byte) }

  /// Puts another byte in place of one that was appended; `offset` is below ``count``.
  package mutating func replaceByte(at offset: Int, with byte: UInt8) { storage[offset] = byte }

  /// Appends the UTF-8 of a literal.
  public mutating func append(_ literal: StaticString) {
    // The pointer is used inside the closure only.
    literal.withUTF8Buffer { unsafe storage.append(contentsOf: $0) }
  }

  /// Appends lent bytes.
  public mutating func append(_ bytes: RawSpan) {
    // The pointer is used inside the closure only.
    unsafe bytes.withUnsafeBytes { unsafe storage.append(contentsOf: $0) }
  }

  /// Appends the bytes of an array.
  public mutating func append(_ bytes: [UInt8]) { storage.append(contentsOf: bytes) }

  /// Appends the UTF-8 of a string (not for the hot path).
  public mutating func append(text: String) { storage.append(contentsOf: text.utf8) }

  /// Appends `number` in decimal.
  public mutating func append(decimal number: UInt64) {
    if number < 10 {
      storage.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number))
      return
    }
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var place = 20
    var rest = number
    while rest > 0 {
      place -= 1
      digits[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
    append(digits.span.extracting(place..<20).raw)
  }

  /// Appends `number` in decimal.
  public mutating func append(decimal number: UInt32) { append(decimal: UInt64(number)) }

  /// Appends the lowest `digits` hexadecimal digits of `number`, in lower case.
  public mutating func append(hexadecimal number: UInt64, digits: Int) {
    for place in stride(from: digits - 1, through: 0, by: -1) {
      storage.append(hexDigit(UInt8(truncatingIfNeeded: (number >> UInt64(4 * place)) & 15)))
    }
  }

  /// Appends `byte` `count` times; nothing where `count` is not positive.
  public mutating func append(_ byte: UInt8, count: Int) {
    if count > 0 { storage.append(contentsOf: repeatElement(byte, count: count)) }
  }
}

func hexDigit(_ value: UInt8) -> UInt8 {
  value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &+ (value &- 10)
}
