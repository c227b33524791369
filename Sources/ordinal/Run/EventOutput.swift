import EventFormats
import Glibc

/// Standard output: a buffer of lines, written in whole when there is time, never at the price of
/// missing a signal.
struct EventOutput: ~Copyable {
  /// Bytes after which a flush is due.
  static let threshold = 64 * 1024

  var buffer = OutputBuffer(capacity: 2 * EventOutput.threshold)
  private var written = 0
  /// Where each event's bytes end in the buffer; its capacity is reused.
  private var ends: [Int] = []
  /// Events whose bytes have been written.
  private(set) var delivered: UInt64 = 0
  private var deliveredEnds = 0
  private var held: UInt64 = 0
  private var isHeldWritten = false
  private let isPipe: Bool

  init() {
    ends.reserveCapacity(8192)
    var status = stat()
    isPipe =
      unsafe fstat(STDOUT_FILENO, &status) == 0
      && (status.st_mode & S_IFMT == S_IFIFO || status.st_mode & S_IFMT == S_IFSOCK)
  }

  /// Whether a flush is due.
  var isFull: Bool { buffer.count - written >= EventOutput.threshold }

  /// Marks the end of an event's bytes.
  mutating func endEvent() { ends.append(buffer.count) }

  /// Notes an event that has no bytes of its own yet: it is told at the end, with others.
  mutating func holdEvent() { held += 1 }

  /// Marks the end of the bytes that tell of all events held.
  mutating func endHeldEvents() { isHeldWritten = true }

  /// Writes the buffer; returns early if `interrupt` becomes readable.
  mutating func flush(interrupt: Int32) -> FlushResult {
    while written < buffer.count {
      if let interruption = waitWritable(interrupt: interrupt) { return interruption }
      // poll() promises a pipe room for PIPE_BUF bytes only; more could block with signals unseen.
      let limit = isPipe ? 4096 : Int.max
      let start = written
      let got = unsafe buffer.bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(
          STDOUT_FILENO, bytes.baseAddress! + start, min(limit, bytes.count - start))
      }
      if got >= 0 {
        written += got
        while deliveredEnds < ends.count && ends[deliveredEnds] <= written {
          deliveredEnds += 1
          delivered += 1
        }
      } else if errno == EPIPE {
        return .closed
      } else if errno != EINTR && errno != EAGAIN {
        let code = errno
        return .failed(
          "can't write the events: \(unsafe String(cString: strerror(code))); \(writeRemedy(code))")
      }
    }
    delivered += UInt64(ends.count - deliveredEnds)
    ends.removeAll(keepingCapacity: true)
    deliveredEnds = 0
    if isHeldWritten {
      delivered += held
      held = 0
    }
    buffer.removeAll()
    written = 0
    return .done
  }

  private func waitWritable(interrupt: Int32) -> FlushResult? {
    var descriptors = (
      pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
    )
    // A tuple of two equal elements is laid out as an array of two.
    let ready = unsafe withUnsafeMutableBytes(of: &descriptors) { raw in
      unsafe poll(raw.assumingMemoryBound(to: pollfd.self).baseAddress!, 2, -1)
    }
    if ready < 0 { return nil }
    if descriptors.1.revents != 0 { return .interrupted }
    // A pipe whose reader is gone polls as an error; the write below says EPIPE.
    return nil
  }
}
