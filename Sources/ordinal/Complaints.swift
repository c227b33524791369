import Glibc

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
func writeOut(_ text: String) throws(Failure) {
  let bytes = Array(text.utf8)
  var written = 0
  while written < bytes.count {
    let got = unsafe bytes[written...].withUnsafeBytes {
      unsafe write(STDOUT_FILENO, $0.baseAddress, $0.count)
    }
    if got > 0 {
      written += got
    } else if errno != EINTR {
      throw Failure(
        "can't write: \(unsafe String(cString: strerror(errno))); \(writeRemedy(errno))", status: 1)
    }
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
