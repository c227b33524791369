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
    let files = ["out", "err"].map { folder.url.appendingPathComponent($0) }
    for file in files { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--foreground", "-k", "5", "\(limit)"] + words
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    status = process.terminationStatus
    if process.terminationReason == .uncaughtSignal { status += 128 }
    output = Array(try Data(contentsOf: files[0]))
    errors = String(decoding: try Data(contentsOf: files[1]), as: UTF8.self)
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
