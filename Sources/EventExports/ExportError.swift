import Glibc

/// Why an export could not be written: one line that says what to do.
public struct ExportError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// An error with this text.
  public init(_ description: String) { self.description = description }

  /// A call on a file that failed.
  ///
  /// - Parameters:
  ///   - what: what could not be done, e.g. "can't write".
  ///   - path: the file.
  ///   - code: the call's errno.
  /// - Returns: the error, with what to do.
  static func system(_ what: String, _ path: String, _ code: Int32) -> ExportError {
    let remedy =
      switch code {
      case ENOSPC, EDQUOT: "free some space, or write elsewhere"
      case EFBIG: "raise `ulimit -f`, or write elsewhere"
      case EACCES, EPERM, EROFS, ENOENT, ENOTDIR: "name a file in a folder that you may write to"
      case EMFILE, ENFILE: "raise `ulimit -n`"
      case EPIPE: "its reader is gone"
      default: "write elsewhere"
      }
    // strerror() gives a string of the C library's own.
    return ExportError("\(what) \(path): \(unsafe String(cString: strerror(code))); \(remedy)")
  }
}
