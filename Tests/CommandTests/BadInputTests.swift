import Foundation
import Testing

/// What a user gets wrong: arguments of `trace`, the status, and words of the one line that follows.
struct BadInput: Sendable, CustomTestStringConvertible {
  var arguments: [String]
  var status: Int32
  var words: [String]

  init(_ arguments: String..., status: Int32 = 2, saying words: String...) {
    self.arguments = arguments
    self.status = status
    self.words = words
  }

  var testDescription: String { arguments.joined(separator: " ") }
}

@Suite("Bad input is told in one line, before anything is loaded")
struct BadInputTests {
  @Test(
    "a wrong usage ends with 64",
    arguments: [
      BadInput("--frob", status: 64, saying: "unknown option '--frob'", "ordinal trace --help"),
      BadInput("sh", status: 64, saying: "'sh'", "a command to trace goes behind '--'"),
      BadInput("sh", "-c", "true", status: 64, saying: "'-c'", "goes behind '--'"),
      BadInput("-o", status: 64, saying: "missing value for '-o", "ordinal trace --help"),
      BadInput("--", status: 64, saying: "no command behind '--'"),
    ])
  func usage(input: BadInput) throws {
    expectOneLine(
      try Program.run(["trace"] + input.arguments), status: input.status, saying: input.words)
  }

  @Test("an unknown subcommand ends with 64")
  func subcommand() throws {
    expectOneLine(
      try Program.run(["frob"]), status: 64, saying: ["'frob'", "see 'ordinal --help'"])
    expectOneLine(
      try Program.run(["doctor", "now"]), status: 64,
      saying: ["'now'", "see 'ordinal doctor --help'"])
  }

  @Test(
    "a bad value ends with 2",
    arguments: [
      BadInput("-o", "xml", saying: "'xml'", "'pretty', 'json', 'compact' or 'tree'"),
      BadInput("--wait", "nap", saying: "'nap'", "'park', 'yield' or 'spin'"),
      BadInput("--timestamps", "fine", saying: "'fine'", "'precise'"),
      BadInput("--until", "never", saying: "'never'", "'tree' and 'command'"),
      BadInput("--events", "signals", saying: "'signals'", "this version has: process, signal"),
      BadInput("--events", "process,test", saying: "'test'", "this version has: process, signal"),
      BadInput("--syscall", "openat", saying: "--syscall", "--events syscall"),
      BadInput("--events", "", saying: "''", "process"),
      BadInput("--events", "process,", saying: "''", "process"),
      BadInput("--count", "0", saying: "--count 0", "above 0"),
      BadInput("--count", "-1", saying: "'-1'", "--count"),
      BadInput("--count", "many", saying: "'many'", "--count"),
      BadInput("--duration", "0", saying: "--duration", "above 0"),
      BadInput("--duration", "-1", saying: "--duration", "above 0"),
      BadInput("--duration=-1", saying: "--duration", "above 0"),
      BadInput("--duration", "nan", saying: "--duration nan", "above 0"),
      BadInput("--duration", "inf", saying: "--duration inf"),
      BadInput("--duration", "soon", saying: "'soon'", "--duration"),
      BadInput("--pid", "0", saying: "no process 0", "ps -e"),
      BadInput("--pid", "-5", saying: "no process -5", "ps -e"),
      BadInput("--pid", "0x1", saying: "'0x1'", "--pid"),
      BadInput("--pid", "99999999999999", saying: "'99999999999999'", "--pid"),
      BadInput("--uid", "no such user", saying: "'no such user'", "/etc/passwd"),
      BadInput("--uid", "-1", saying: "'-1'", "number"),
      BadInput("--uid", "4294967296", saying: "'4294967296'"),
      BadInput("--comm", "", saying: "--comm ''", "15 bytes"),
      BadInput("--comm", "a-name-of-more-than-15", saying: "15 bytes", "shorten it"),
      BadInput("--ring-size", "banana", saying: "'banana'", "16MiB"),
      BadInput("--ring-size", "", saying: "--ring-size ''", "16MiB"),
      BadInput("--ring-size", "-5", saying: "'-5'", "16MiB"),
      BadInput("--ring-size", "5XB", saying: "'5XB'", "16MiB"),
      BadInput("--ring-size", "99999999999999999999GiB", saying: "not a size"),
      BadInput("--ring-size", "18446744073709551615GiB", saying: "not a size"),
      BadInput("--summary", "/no/such/folder/x", saying: "/no/such/folder/x", "name a file"),
      BadInput("--summary", "/", saying: "--summary", "Is a directory"),
      BadInput("--pid", "1", "--", "true", saying: "leave out --pid and --tree"),
      BadInput("--tree", "1", "--", "true", saying: "leave out --pid and --tree"),
      BadInput("--pin", "x", "--", "true", saying: "--pin", "use one"),
      BadInput("--leave-pinned", saying: "--leave-pinned needs --pin NAME"),
      BadInput("--until", "command", saying: "needs a command"),
    ])
  func value(input: BadInput) throws {
    expectOneLine(
      try Program.run(["trace"] + input.arguments), status: input.status, saying: input.words)
  }

  @Test("a process that doesn't exist", arguments: ["--pid", "--tree"])
  func process(option: String) throws {
    // Above the kernel's own limit of 4,194,304.
    expectOneLine(
      try Program.run(["trace", option, "4194305"]), status: 2,
      saying: ["there is no process 4194305", "ps -e"])
  }

  @Test("a thread's id is no process")
  func thread() async throws {
    // A thread of this test process other than its first.
    let own = getpid()
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
    let other = try #require(threads.compactMap(Int32.init).first { $0 != own })
    let outcome = try Program.run(["trace", "--pid", "\(other)"])
    // The thread may have ended meanwhile.
    if !outcome.errors.contains("there is no process") {
      expectOneLine(outcome, status: 2, saying: ["\(other) is a thread", "Tgid"])
    }
  }

  @Test("a closed standard output is refused, with a command and without")
  func closedOutput() throws {
    for arguments in ["--duration 1", "-- true"] {
      expectOneLine(
        try Program.shell("$ORDINAL trace \(arguments) >&-"), status: 2,
        saying: ["standard output is closed", ">/dev/null"])
    }
  }

  @Test("a message shows what could act on a terminal as escapes")
  func hostileWords() throws {
    let hostile = "\u{1B}[31mred\u{202E}\u{9B}0m\nline"
    for arguments in [
      ["--\(hostile)"], ["-o", hostile], ["--uid", hostile], ["--pin", hostile, "--", "true"],
      ["--events", hostile], ["--summary", "/no/such/\(hostile)"],
    ] {
      let outcome = try Program.run(["trace"] + arguments)
      #expect(outcome.status == 2 || outcome.status == 64)
      #expect(outcome.errorLines.count == 1)
      #expect(controlCharacters(in: outcome.errors).isEmpty, "\(outcome.errors.debugDescription)")
    }
  }

  @Test("a refused run leaves an earlier summary as it was")
  func summaryKept() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("summary.json")
    try Data("earlier".utf8).write(to: URL(fileURLWithPath: path))
    _ = try Program.run(["trace", "--summary", path, "--uid", "no such user"])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "earlier")
  }
}
