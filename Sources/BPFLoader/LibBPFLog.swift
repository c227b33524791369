import CLibBPF
import Glibc

/// What libbpf says while it works, kept for the error message instead of being printed.
///
/// libbpf's print callback has no context argument, so there is one buffer a process. Opening and
/// loading is done by one thread at a time; the buffer is fixed, and what does not fit is cut.
enum LibBPFLog {
  static let capacity = 64 * 1024
  /// The text since ``clear()``, NUL-terminated; written by libbpf's callback only.
  nonisolated(unsafe) private static let buffer: UnsafeMutablePointer<CChar> = {
    let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: capacity)
    unsafe buffer[0] = 0
    return unsafe buffer
  }()
  nonisolated(unsafe) private static var used = 0

  /// Routes libbpf's messages here, once a process.
  static let installed: Void = {
    _ = unsafe libbpf_set_print { level, format, arguments in
      guard level != LIBBPF_DEBUG, let format = unsafe format, let arguments = unsafe arguments
      else { return 0 }
      let room = unsafe LibBPFLog.capacity - LibBPFLog.used
      guard room > 1 else { return 0 }
      // vsnprintf bounds the write by `room` and ends it with a NUL.
      let wanted = unsafe vsnprintf(
        LibBPFLog.buffer + LibBPFLog.used, room, format, arguments)
      if wanted > 0 { unsafe LibBPFLog.used += min(Int(wanted), room - 1) }
      return wanted
    }
  }()

  /// Forgets what was said.
  static func clear() {
    unsafe used = 0
    unsafe buffer[0] = 0
  }

  /// What was said since ``clear()``, the last line of it.
  static var lastLine: String? {
    let text = unsafe String(cString: buffer)
    return text.split(separator: "\n").last.map(String.init)
  }
}
