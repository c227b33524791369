import EventFormats
import Glibc

/// Where `--summary` goes. Opened before the run, so that a bad path is known before anything is
/// traced.
struct SummaryTarget {
  private let descriptor: Int32
  private let path: String

  init(_ path: String) throws {
    self.path = path
    if path == "-" {
      descriptor = STDERR_FILENO
      return
    }
    descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 {
      let remedy =
        errno == EMFILE || errno == ENFILE
        ? "raise `ulimit -n`" : "name a file in a directory you may write to"
      throw Failure(
        "--summary: can't write \(path): \(unsafe String(cString: strerror(errno))); \(remedy)")
    }
  }

  /// Whether the account goes to stderr as JSON, in place of the text.
  var isStandardError: Bool { descriptor == STDERR_FILENO }

  /// Writes the account.
  func write(_ summary: Summary) throws(Failure) {
    var buffer = OutputBuffer(capacity: 1024)
    summary.writeJSON(into: &buffer)
    let bytes = buffer.array
    // Only now: a run that could not begin leaves an earlier account as it was. A pipe can't be cut.
    if !isStandardError { ftruncate(descriptor, 0) }
    var written = 0
    while written < bytes.count {
      let got = unsafe bytes[written...].withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if got > 0 {
        written += got
      } else if errno != EINTR {
        throw Failure(
          "--summary: can't write \(path): \(unsafe String(cString: strerror(errno))); "
            + "name another file, or - for stderr", status: 1)
      }
    }
  }
}
