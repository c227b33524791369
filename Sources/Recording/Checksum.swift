import COrdinalSystem
import KernelEvents

/// CRC-32C (RFC 3720) of bytes.
package enum Checksum {
  /// The checksum of `bytes` behind those that `previous` is of.
  ///
  /// - Parameters:
  ///   - bytes: what is summed.
  ///   - previous: the checksum of what lies before; 0 where nothing does.
  /// - Returns: the checksum of all.
  package static func crc32c(_ bytes: RawSpan, after previous: UInt32 = 0) -> UInt32 {
    // The pointer is used inside the closure only.
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return previous }
      return unsafe ordinal_crc32c(previous, base, buffer.count)
    }
  }

  /// The checksum of a header that holds its own checksum at `offset`, that field taken as 0.
  package static func ofHeader(_ bytes: RawSpan, checksumAt offset: Int) -> UInt32 {
    var sum = crc32c(bytes.extracting(0..<offset))
    let zero: [UInt8] = [0, 0, 0, 0]
    sum = crc32c(zero.span.raw, after: sum)
    return crc32c(bytes.extracting(offset + 4..<bytes.byteCount), after: sum)
  }
}
