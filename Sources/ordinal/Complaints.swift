import Glibc
import KernelEvents

/// Says one line on stderr, for people.
///
/// Names in it may come from anywhere: what could act on a terminal is shown as an escape.
func complain(_ message: String) {
  let line = "ordinal: \(visible(message))\n"
  _ = unsafe write(STDERR_FILENO, line, line.utf8.count)
}

/// `text` with control and format characters and line breaks as `\u{…}`.
func visible(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
    default: result.append(scalar)
    }
  }
  return String(result)
}

/// What to do about a write() that failed with `code`.
func writeRemedy(_ code: Int32) -> String {
  switch code {
  case ENOSPC, EDQUOT: "free some space, or write elsewhere"
  case EFBIG: "raise `ulimit -f`, or write elsewhere"
  default: "write elsewhere"
  }
}

/// Writes text to standard output, for what is no stream of events.
///
/// - Throws: one line if it can't be written whole, e.g. to a full disk.
func writeOut(_ text: String) throws(Failure) { try writeOut(Array(text.utf8).span.raw) }

/// Writes bytes to standard output, for what is no stream of events.
///
/// - Throws: one line if they can't be written whole; `errno` says why.
func writeOut(_ bytes: RawSpan) throws(Failure) {
  if writeAll(bytes, to: STDOUT_FILENO) { return }
  throw Failure(
    "can't write: \(unsafe String(cString: strerror(errno))); \(writeRemedy(errno))", status: 1)
}

/// Writes all bytes to a descriptor; whether that went well, else `errno` says why it did not.
func writeAll(_ bytes: RawSpan, to descriptor: Int32) -> Bool {
  // The pointer is used inside the closure only.
  unsafe bytes.withUnsafeBytes { bytes in
    var written = 0
    while written < bytes.count {
      let got = unsafe write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      if got > 0 {
        written += got
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}

/// An end that the user must hear of: one line, and the exit status it leads to.
struct Failure: Error {
  let message: String
  let status: Int32

  /// Bad input or a machine that can't trace: exit status 2.
  init(_ message: String, status: Int32 = 2) {
    self.message = message
    self.status = status
  }
}
