import Foundation

/// The built program under test.
enum Program {
  struct NotFound: Error { var reason: String }

  /// The path of `ordinal`, next to the test bundle that runs.
  static let path: String = {
    // The bundle is an executable of its own or a library of the test helper: both are mapped.
    let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
    for line in maps.split(separator: "\n") where line.hasSuffix(".xctest") {
      guard let start = line.firstIndex(of: "/") else { continue }
      let folder = URL(fileURLWithPath: String(line[start...])).deletingLastPathComponent()
      return folder.appendingPathComponent("ordinal").path
    }
    return "ordinal is not next to a test bundle: no .xctest in /proc/self/maps"
  }()

  /// Runs it.
  static func run(_ arguments: [String], limit: Int = 60) throws -> Outcome {
    try Outcome(of: [path] + arguments, limit: limit)
  }

  /// Runs a script of `sh`, in which `$ORDINAL` is the program and `$1`, `$2`, … are `arguments`.
  static func shell(
    _ script: String, _ arguments: [String] = [], environment: [String: String] = [:],
    limit: Int = 60
  ) throws -> Outcome {
    try Outcome(
      of: ["/bin/sh", "-c", script, "sh"] + arguments,
      environment: environment.merging(["ORDINAL": path]) { given, _ in given }, limit: limit)
  }
}

/// How a program ended and what it said.
struct Outcome {
  /// The exit status; 128 + n if signal n ended it, 124 if it took too long.
  var status: Int32
  var output: [UInt8]
  var errors: String

  /// Runs a program to its end, with nothing on its standard input.
  init(of words: [String], environment: [String: String] = [:], limit: Int = 60) throws {
    let folder = try TemporaryFolder()
    let files = ["out", "err"].map { folder.path($0) }
    let ended = try spawn(
      ["/usr/bin/timeout", "--foreground", "-k", "5", "\(limit)"] + words,
      environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
      output: files[0], errors: files[1])
    status = ended & 0x7F == 0 ? (ended >> 8) & 0xFF : 128 + ended & 0x7F
    output = Array(try Data(contentsOf: URL(fileURLWithPath: files[0])))
    errors = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: files[1])), as: UTF8.self)
  }

  var text: String { String(decoding: output, as: UTF8.self) }
  var lines: [String] { text.split(separator: "\n").map(String.init) }
  var errorLines: [String] {
    errors.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
  }
}

/// A folder that goes with the value; anybody may read it.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("ordinal-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}

/// Runs a program and waits for it; its wait() status.
///
/// Not Foundation's Process: this one starts with no signal blocked or ignored, whatever the test
/// runner does with its own.
private func spawn(
  _ words: [String], environment: [String: String], output: String, errors: String
) throws -> Int32 {
  var actions = unsafe posix_spawn_file_actions_t()
  unsafe posix_spawn_file_actions_init(&actions)
  defer { unsafe posix_spawn_file_actions_destroy(&actions) }
  unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
  for (descriptor, path) in [(Int32(1), output), (Int32(2), errors)] {
    unsafe posix_spawn_file_actions_addopen(
      &actions, descriptor, path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  }
  var attributes = posix_spawnattr_t()
  unsafe posix_spawnattr_init(&attributes)
  defer { unsafe posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  unsafe sigemptyset(&none)
  var all = sigset_t()
  unsafe sigfillset(&all)
  unsafe posix_spawnattr_setsigmask(&attributes, &none)
  unsafe posix_spawnattr_setsigdefault(&attributes, &all)
  unsafe posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
  // Copies that live until the child has its own.
  let variables = environment.map { "\($0.key)=\($0.value)" }
  var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
  var settings = unsafe variables.map { unsafe strdup($0) } + [nil]
  defer { unsafe (arguments + settings).forEach { unsafe free($0) } }
  var pid: pid_t = 0
  let code = unsafe posix_spawn(&pid, words[0], &actions, &attributes, &arguments, &settings)
  guard code == 0 else {
    throw Program.NotFound(reason: "\(words[0]): \(unsafe String(cString: strerror(code)))")
  }
  var status: Int32 = 0
  while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
  return status
}
