import EventFormats
import Glibc

/// The bytes of an export on their way to a file that comes to be whole, or to a pipe or a device, as they
/// come.
struct ExportFile: ~Copyable {
  /// Bytes after which a write is due.
  static let threshold = 256 * 1024

  /// What is to be written next.
  var buffer: OutputBuffer
  private let file: OutputFile

  /// The file's name until it is whole; nil for what is written in place.
  var temporaryPath: String? { file.temporary }

  /// Opens the target.
  init(_ target: ExportTarget) throws(ExportError) {
    file = try OutputFile(target, isStream: true)
    buffer = OutputBuffer(capacity: 2 * ExportFile.threshold)
  }

  /// Writes what is in the buffer if there is enough of it.
  mutating func flushIfDue() throws(ExportError) {
    if buffer.count >= ExportFile.threshold { try flush() }
  }

  /// Writes the rest, and gives the file its name.
  mutating func finish() throws(ExportError) {
    try flush()
    try file.finish()
  }

  private mutating func flush() throws(ExportError) {
    let descriptor = file.descriptor
    var written = 0
    while written < buffer.count {
      let start = written
      let got = unsafe buffer.bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(descriptor, bytes.baseAddress! + start, bytes.count - start)
      }
      if got >= 0 {
        written += got
      } else if errno == EAGAIN {
        // A descriptor that somebody else made so; it is waited for as any other would.
        var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&ready, 1, -1)
      } else if errno != EINTR {
        throw .system("can't write", file.path, errno)
      }
    }
    buffer.removeAll()
  }
}
