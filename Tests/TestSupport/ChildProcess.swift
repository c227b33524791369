internal import CTestSupport
import Foundation
internal import Glibc

/// A program started by a test: ended by its pid at the latest when the value goes.
public final class ChildProcess {
  /// What a standard stream is.
  public enum Stream {
    /// `/dev/null`.
    case null
    /// A file, read or appended to.
    case file(String)
    /// A descriptor of the test's; stays the test's to close.
    case descriptor(Int32)
  }

  public let pid: Int32
  private let descriptor: Int32
  /// As wait() says; nil while it runs.
  public private(set) var waitStatus: Int32?

  /// Starts `path` with `arguments` behind its name.
  ///
  /// With `isSessionLeader` it gets a session of its own, with `input` as the terminal. With `leadsGroup`
  /// it gets a process group of its own.
  public init(
    _ path: String, _ arguments: [String], input: Stream = .null, output: Stream = .null,
    errors: Stream = .null, environment: [String: String] = [:], isSessionLeader: Bool = false,
    leadsGroup: Bool = false
  ) throws {
    var opened: [Int32] = []
    defer { for descriptor in opened { close(descriptor) } }
    func open(_ stream: Stream, _ flags: Int32) throws -> Int32 {
      let name: String
      switch stream {
      case .descriptor(let descriptor): return descriptor
      case .null: name = "/dev/null"
      case .file(let path): name = path
      }
      let descriptor = unsafe Glibc.open(name, flags | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else {
        throw SupportError("can't open \(name): \(unsafe String(cString: strerror(errno)))")
      }
      opened.append(descriptor)
      return descriptor
    }
    let streams = try (
      open(input, O_RDONLY), open(output, O_WRONLY | O_CREAT | O_APPEND),
      open(errors, O_WRONLY | O_CREAT | O_APPEND)
    )
    var variables = ProcessInfo.processInfo.environment
    variables.merge(environment) { $1 }
    let words = unsafe CWords([path] + arguments)
    let settings = unsafe CWords(variables.map { "\($0.key)=\($0.value)" })
    pid = unsafe test_spawn(
      path, words.pointers, settings.pointers, streams.0, streams.1, streams.2,
      isSessionLeader ? 1 : 0, leadsGroup ? 1 : 0)
    guard pid > 0 else {
      throw SupportError("can't run \(path): \(unsafe String(cString: strerror(errno)))")
    }
    descriptor = Int32(syscall_pidfd_open(pid))
  }

  deinit {
    if waitStatus == nil {
      kill(pid, SIGKILL)
      kill(pid, SIGCONT)
      var status: Int32 = 0
      _ = unsafe waitpid(pid, &status, 0)
    }
    close(descriptor)
  }

  /// Lends its descriptor of pidfd_open().
  public func withDescriptor<Result>(_ body: (Int32) throws -> Result) rethrows -> Result {
    try body(descriptor)
  }

  /// Sends a signal to it, if it has not ended.
  public func send(_ signal: Int32) {
    if waitStatus == nil { kill(pid, signal) }
  }

  /// Whether it has ended; it is reaped then.
  public var hasEnded: Bool {
    if waitStatus == nil {
      var status: Int32 = 0
      if unsafe waitpid(pid, &status, WNOHANG) == pid { waitStatus = status }
    }
    return waitStatus != nil
  }

  /// Waits for its end.
  ///
  /// - Returns: the exit status as a shell gives it: the code, or 128 + the signal.
  /// - Throws: after `seconds`; it is killed then.
  @discardableResult
  public func wait(seconds: Double = 60) throws -> Int32 {
    if !hasEnded {
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      _ = unsafe poll(&ready, 1, Int32(seconds * 1000))
    }
    guard hasEnded, let waitStatus else {
      send(SIGKILL)
      throw SupportError("process \(pid) did not end within \(seconds) s")
    }
    let signal = waitStatus & 0x7F
    return signal == 0 ? (waitStatus >> 8) & 0xFF : 128 + signal
  }
}

/// Runs a program to its end; its exit status and what it wrote to both streams.
@discardableResult
public func run(
  _ path: String, _ arguments: [String], seconds: Double = 60,
  environment: [String: String] = [:]
) throws -> (status: Int32, text: String) {
  let folder = try TemporaryFolder()
  let file = folder.file("output")
  let child = try ChildProcess(
    path, arguments, output: .file(file), errors: .file(file), environment: environment)
  let status = try child.wait(seconds: seconds)
  return (status, try String(contentsOfFile: file, encoding: .utf8))
}

/// Waits until `condition` holds, looking again every millisecond.
public func waitUntil(
  _ what: String, seconds: Double = 20, _ condition: () throws -> Bool
) throws {
  let end = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    guard ContinuousClock.now < end else { throw SupportError("waited \(seconds) s for \(what)") }
    usleep(1000)
  }
}

private func syscall_pidfd_open(_ pid: Int32) -> Int { test_pidfd_open(pid) }

/// A list of C strings with a null at its end.
@unsafe private final class CWords {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ words: [String]) {
    unsafe count = words.count
    unsafe pointers = .allocate(capacity: words.count + 1)
    for (index, word) in words.enumerated() { unsafe pointers[index] = unsafe strdup(word) }
    unsafe pointers[words.count] = nil
  }

  deinit {
    for index in unsafe 0..<count { unsafe free(pointers[index]) }
    unsafe pointers.deallocate()
  }
}
