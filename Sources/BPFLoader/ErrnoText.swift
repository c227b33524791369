import Glibc

/// Error numbers in words.
package enum ErrnoText {
  /// The C library's text for an error number and the number itself: `Permission denied (errno 13)`.
  /// A negative number, as libbpf returns it, is read as its positive one.
  package static func describe(_ code: Int32) -> String {
    let number = code < 0 ? 0 &- code : code
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      // The XSI or GNU variant, whichever the C library has, writes at most the buffer's size.
      guard let base = buffer.baseAddress else { return "errno \(number)" }
      _ = unsafe strerror_r(number, base, buffer.count)
      return "\(unsafe String(cString: base)) (errno \(number))"
    }
  }
}
