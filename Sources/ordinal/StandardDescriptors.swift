import Glibc

/// Descriptors 0, 1 and 2, which a caller may have closed.
enum StandardDescriptors {
  /// Whether standard output was closed; set before anything else runs.
  nonisolated(unsafe) private(set) static var isOutputClosed = false

  /// Opens what is closed on /dev/null: else a map or a signalfd would take its number, and events
  /// or complaints would be written into that.
  static func fill() {
    unsafe isOutputClosed = fcntl(STDOUT_FILENO, F_GETFD) < 0
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // open() takes the lowest free number: this one, as those below it are open.
      _ = unsafe open("/dev/null", O_RDWR)
    }
  }
}
