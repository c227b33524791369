extension RawSpan {
  /// The byte at `offset`, bounds-checked.
  @inlinable package func byte(_ offset: Int) -> UInt8 {
    // Any byte is a UInt8; the load is bounds-checked.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }

  /// The offset of the first NUL at or after `start`; the byte count where there is none.
  package func firstNUL(from start: Int) -> Int {
    var offset = start
    while offset < byteCount, byte(offset) != 0 { offset += 1 }
    return offset
  }

  /// The bytes before the first NUL.
  package var upToNUL: RawSpan {
    @_lifetime(copy self)
    get { extracting(0..<firstNUL(from: 0)) }
  }

  /// A copy of the value at `offset`, bounds-checked.
  @inlinable package func value<T: BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
    // Used with types of the ABI only, which hold integers: any bytes are a value of theirs.
    unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: type)
  }
}

extension Span where Element == UInt8 {
  /// The bytes as a raw span.
  package var raw: RawSpan {
    @_lifetime(copy self)
    get {
      // `bytes` is marked unsafe for types with padding; a UInt8 has none.
      unsafe bytes
    }
  }
}
