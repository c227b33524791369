import COrdinalSystem
import Glibc

/// The command of `trace -- COMMAND`: forked, held before its first instruction, let go once tracing
/// has begun.
struct CommandProcess: ~Copyable {
  /// Its process id.
  let pid: Int32
  /// A descriptor that names it whatever becomes of the number.
  let descriptor: Int32
  private let gate: Int32
  private let status: Int32
  private let name: String
  private var isReleased = false
  /// How it ended, as wait() says; nil while it runs.
  private(set) var waitStatus: Int32?
  /// 126 or 127 if it could not be run.
  private(set) var failedStatus: Int32?

  /// Forks the command.
  ///
  /// - Parameters:
  ///   - words: its name and arguments, byte by byte.
  ///   - mask: the signal mask it shall have.
  /// - Throws: if it can't be forked.
  init(_ words: [[UInt8]], mask: sigset_t) throws(Failure) {
    // Kept until the end of the process: the child of the fork has its own copy.
    var pointers = unsafe words.map { word in
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: word.count + 1)
      for (index, byte) in word.enumerated() { unsafe copy[index] = CChar(bitPattern: byte) }
      unsafe copy[word.count] = 0
      return unsafe Optional(copy)
    }
    unsafe pointers.append(nil)
    var made = ordinal_gated_command()
    var mask = mask
    guard unsafe ordinal_spawn_gated(pointers[0]!, pointers, &mask, &made) == 0 else {
      let remedy =
        switch errno {
        case EMFILE, ENFILE: "raise `ulimit -n`"
        case EAGAIN: "raise `ulimit -u` or the pids limit of the cgroup, or end some processes"
        default: "free some memory"
        }
      throw Failure(
        "can't start the command: \(unsafe String(cString: strerror(errno))); \(remedy)",
        status: 126)
    }
    // A caller may have left SIGCHLD ignored: the kernel would then reap the command itself, and its
    // status be lost. After the fork, so that the command inherits what the caller chose.
    _ = signal(SIGCHLD, SIG_DFL)
    name = String(decoding: words[0], as: UTF8.self)
    pid = made.pid
    gate = made.gate
    status = made.status
    descriptor = ordinal_pidfd_open(made.pid)
  }

  deinit {
    if !isReleased { close(gate) }
    close(status)
    if descriptor >= 0 { close(descriptor) }
  }

  /// Lets the command run; returns the line to say if it could not be run.
  mutating func release() -> String? {
    isReleased = true
    var byte: UInt8 = 1
    _ = unsafe write(gate, &byte, 1)
    close(gate)
    var code: Int32 = 0
    var got: Int
    repeat { got = unsafe read(status, &code, 4) } while got < 0 && errno == EINTR
    guard got == 4 else { return nil }
    failedStatus = code == ENOENT ? 127 : 126
    let advice =
      code == ENOENT ? "check its name and PATH" : "check that it is a program you may run"
    return "can't run '\(name)': \(unsafe String(cString: strerror(code))); \(advice)"
  }

  /// Ends the command before it ran, and reaps it.
  mutating func cancel() {
    guard !isReleased else { return }
    isReleased = true
    close(gate)
    var status: Int32 = 0
    _ = unsafe waitpid(pid, &status, 0)
    waitStatus = status
  }

  /// Sends a signal on to it.
  func forward(_ signal: Int32) {
    if waitStatus == nil { kill(pid, signal) }
  }

  /// Whether it has ended and was reaped, as far as is known without asking the kernel.
  var isReaped: Bool { waitStatus != nil }

  /// Reaps it if it ended; whether it has.
  mutating func hasEnded() -> Bool {
    if waitStatus != nil { return true }
    var status: Int32 = 0
    if unsafe waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
    return waitStatus != nil
  }

  /// The exit status a shell would give: its code, or 128 + the signal.
  var exitStatus: Int32? {
    if let failedStatus { return failedStatus }
    guard let waitStatus else { return nil }
    let signal = waitStatus & 0x7F
    return signal == 0 ? (waitStatus >> 8) & 0xFF : 128 + signal
  }
}
