import CBPFLog

/// What libbpf says while it works, kept for the error message instead of being printed.
///
/// libbpf's print callback has no context argument, so there is one buffer a process. Opening and
/// loading is done by one thread at a time; the buffer is fixed, and what does not fit is cut.
enum LibBPFLog {
  /// Routes libbpf's messages here, once a process.
  static let installed: Void = ordinal_bpf_log_install()

  /// Forgets what was said.
  static func clear() { ordinal_bpf_log_clear() }

  /// What was said since ``clear()``, the last line of it.
  static var lastLine: String? {
    let text = unsafe String(cString: ordinal_bpf_log_text())
    return text.split(separator: "\n").last.map(String.init)
  }
}
