import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer

/// Another program's run, in a process of its own; ended and waited for when the value goes.
struct ProgramRun: ~Copyable {
  /// How it went.
  struct Outcome {
    /// What wait() says.
    var status: Int32 = 0
    /// CPU time of it and of its children, ns.
    var cpu: UInt64 = 0
    /// Whether it ended by itself, and well.
    var isFine: Bool { status == 0 }
  }

  private let pid: pid_t
  private let path: String
  private let errors: String
  private var outcome: Outcome?

  /// Starts it.
  ///
  /// - Parameters:
  ///   - arguments: the program's path first.
  ///   - output: the file that its output goes to.
  ///   - errors: the file that its complaints go to.
  /// - Throws: if there can't be another process.
  init(_ arguments: [String], output: String = "/dev/null", errors: String) throws {
    path = arguments.first ?? ""
    self.errors = errors
    var words = unsafe arguments.map { unsafe strdup($0) }
    defer { unsafe words.forEach { unsafe free($0) } }
    unsafe words.append(nil)
    pid = unsafe evaluation_program_start(words, output, errors)
    guard pid > 0 else {
      throw EvaluationError(
        "can't start \(path): \(unsafe String(cString: strerror(errno))); see `ulimit -u`")
    }
  }

  deinit {
    if outcome != nil { return }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  }

  /// Waits until something holds, or the program has ended.
  ///
  /// - Throws: if it ended, or if nothing comes of it within 20 s.
  mutating func wait(until isReady: () -> Bool) throws {
    for _ in 0..<4000 {
      if isReady() { return }
      if try poll() { throw problem("ended at once") }
      usleep(5000)
    }
    throw problem("did not come to record within 20 s")
  }

  /// Ends it by `signal`, or waits for its own end.
  ///
  /// - Throws: if it goes on for two minutes.
  mutating func finish(by signal: Int32? = nil) throws -> Outcome {
    if let signal { kill(pid, signal) }
    let end = monotonicNow() + 120_000_000_000
    while try !poll() {
      if monotonicNow() > end { throw problem("does not end") }
      usleep(500)
    }
    return outcome ?? Outcome()
  }

  private mutating func poll() throws -> Bool {
    if outcome != nil { return true }
    var now = Outcome()
    let result = unsafe evaluation_program_ended(pid, &now.status, &now.cpu)
    if result < 0 { throw problem("was waited for by another") }
    if result > 0 { outcome = now }
    return result > 0
  }

  /// An error of this program, with its own last words.
  func problem(_ what: String) -> EvaluationError {
    let words = ProgramRun.words(errors)
    return EvaluationError("\(path) \(what)" + (words.isEmpty ? "" : ": \(words)"))
  }

  /// A short file's text as one line.
  static func words(_ path: String) -> String {
    let text = SystemText.of(path)
    return text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
      .filter { !$0.isEmpty }.suffix(3).joined(separator: "; ")
  }
}
