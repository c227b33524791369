import COrdinalSystem
import Glibc

/// The signals of a run, read from a descriptor instead of interrupting it.
struct Signals: ~Copyable {
  /// What a signal asks for.
  enum Request {
    /// End the run; `isFromTerminal` if the kernel sent it to the whole foreground group.
    case stop(signal: Int32, isFromTerminal: Bool)
    /// A child changed state.
    case child
    /// Something for the command alone.
    case forward(signal: Int32)
  }

  /// Readable while a signal waits.
  let descriptor: Int32
  /// The mask before, for the command.
  let before: sigset_t

  /// Blocks the signals and opens the descriptor. SIGPIPE and SIGXFSZ are blocked as well, so that
  /// write() fails instead, and not ignored: an ignored one would be inherited by the command.
  init() throws(Failure) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2] {
      unsafe sigaddset(&set, signal)
    }
    var blocked = set
    unsafe sigaddset(&blocked, SIGPIPE)
    unsafe sigaddset(&blocked, SIGXFSZ)
    var before = sigset_t()
    unsafe sigprocmask(SIG_BLOCK, &blocked, &before)
    self.before = before
    descriptor = unsafe ordinal_signalfd(&set)
    if descriptor < 0 {
      throw Failure(
        "can't watch for signals: \(unsafe String(cString: strerror(errno))); raise `ulimit -n`")
    }
  }

  deinit { close(descriptor) }

  /// The next signal that waits, if any.
  func next() -> Request? {
    var signal: Int32 = 0
    var code: Int32 = 0
    guard unsafe ordinal_signalfd_read(descriptor, &signal, &code) == 1 else { return nil }
    switch signal {
    case SIGCHLD: return .child
    case SIGUSR1, SIGUSR2: return .forward(signal: signal)
    default: return .stop(signal: signal, isFromTerminal: code > 0)
    }
  }
}
