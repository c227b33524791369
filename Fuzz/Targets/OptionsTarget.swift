import ArgumentParser
import BPFLoader
import Capture
import Glibc
import SequencerABI

@testable import ordinal

/// Command lines of any words: a request within its limits, or one line and a status.
///
/// Words are divided by NULs. Nothing is opened, made or run: what is parsed goes as far as the request
/// that a trace would begin with.
enum OptionsTarget {
  private static let names = [
    "--output", "--events", "--pid", "--tree", "--uid", "--comm", "--cgroup", "--duration",
    "--count", "--ring-size", "--wait", "--timestamps", "--until", "--pin", "--leave-pinned",
    "--include-self", "--quiet", "--", "-o", "-q", "doctor", "trace", "--help", "--version",
    "process", "json", "16MiB", "1e9", "none", "command", "tree", "*", "root", "/", "--syscall",
    "--redact", "signal,sched", "syscall", "openat", "events",
  ]

  /// Parses the words that `bytes` tell: a byte below 0x20 stands for a word of the program's own.
  static func run(_ bytes: [UInt8]) throws(Finding) {
    var words: [[UInt8]] = []
    for word in bytes.prefix(2048).split(separator: 0, omittingEmptySubsequences: false).prefix(32)
    {
      if let first = word.first, first >= 0x80, Int(first) - 0x80 < names.count {
        words.append(Array(names[Int(first) - 0x80].utf8) + word.dropFirst())
      } else {
        words.append(Array(word))
      }
    }
    let texts = words.map { String(decoding: $0, as: UTF8.self) }
    do {
      switch try Ordinal.parseAsRoot(texts) {
      case let command as TraceCommand: try check(command, words)
      default: return
      }
    } catch let finding as Finding {
      throw finding
    } catch let failure as Failure {
      try demand([1, 2, 64].contains(failure.status), "status \(failure.status)")
      try demandLine(failure.message)
    } catch {
      let code = Ordinal.exitCode(for: error)
      guard code == .validationFailure else { return }
      try demandLine(Ordinal.usageProblem(Ordinal.message(for: error), words: texts))
    }
  }

  private static func check(_ command: TraceCommand, _ words: [[UInt8]]) throws {
    var command = command
    // The one that makes a file.
    command.running.summary = nil
    let request = try RunRequest(
      command.filters, command.running, command: command.traced.command, words: words,
      drawsTree: command.output == .tree)
    try demand(request.hasCommand == !command.traced.command.isEmpty, "the command is forgotten")
    try demand(request.command == words.suffix(request.command.count), "the command's words")
    try demand(request.count.map { $0 > 0 } ?? true, "a count of 0")
    // Nanoseconds, and room to add them to a clock.
    try demand(request.duration.map { $0 < 1 << 60 } ?? true, "a duration past the clock")
    try demand(request.capture.filter.cgroups.count <= 16, "too many cgroups")
    for cpus in [1, 2, 64, 8192, 1 << 16] { try checkRing(request.capture.ringBytes, cpus) }
  }

  /// A size that is taken can be mapped and indexed; one that is not is told in one line.
  static func checkRing(_ bytes: UInt64?, _ cpus: Int) throws(Finding) {
    do {
      let geometry = try RingSize.geometry(bytes: bytes, possibleCPUs: cpus)
      try demand(geometry.capacity & (geometry.capacity - 1) == 0, "no power of two")
      try demand(geometry.highWater > geometry.reserve, "no room below the reserve")
      try demand(bytes.map { geometry.capacity == $0 / 128 } ?? true, "another size than asked for")
      try demand(UInt32(exactly: geometry.byteCount) != nil, "more bytes than a map's value has")
    } catch let error as CaptureError {
      try demandLine(error.description)
    } catch {
      throw error as? Finding ?? Finding("\(error)")
    }
  }

  /// What is said is one line that can't act on a terminal.
  private static func demandLine(_ message: String) throws(Finding) {
    let shown = visible(message)
    try demand(!message.isEmpty && !shown.contains("\n"), "not one line: \(message)")
    try demandHarmless(Array(shown.utf8))
  }
}
