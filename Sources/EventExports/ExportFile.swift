import EventFormats
import Glibc

/// The bytes of an export on their way to a file that comes to be whole, or to a pipe or a device, as they
/// come.
struct ExportFile: ~Copyable {
  /// Bytes after which a write is due.
  static let threshold = 256 * 1024

  /// What is to be written next.
  var buffer = OutputBuffer(capacity: 2 * ExportFile.threshold)
  private let file: OutputFile
  private let interrupt: Int32

  /// Opens the target.
  init(_ target: ExportTarget) throws(ExportError) {
    interrupt = target.interrupt
    file = try OutputFile(target, isStream: true)
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
      let isStream = file.temporary == nil
      if isStream { try waitWritable(descriptor) }
      // A pipe that is ready takes this much without blocking; more could leave a signal unseen.
      let limit = isStream ? 4096 : Int.max
      let start = written
      let got = unsafe buffer.bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(
          descriptor, bytes.baseAddress! + start, min(limit, bytes.count - start))
      }
      if got >= 0 {
        written += got
      } else if errno != EINTR && errno != EAGAIN {
        throw .system("can't write", file.path, errno)
      }
    }
    buffer.removeAll()
  }

  private func waitWritable(_ descriptor: Int32) throws(ExportError) {
    var descriptors = [
      pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
    ]
    // Both are there for the call; poll() passes over a descriptor of −1.
    _ = unsafe poll(&descriptors, 2, -1)
    if descriptors[1].revents != 0 { throw .interrupted }
  }
}
