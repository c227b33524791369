import Foundation
import JSONSchemaValidation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Recordings, read by anybody")
struct RecordingCommandTests {
  @Test(
    "replay prints every event, in every format", arguments: ["json", "pretty", "compact", "tree"])
  func formats(format: String) throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    let outcome = try Program.run(["replay", made.path, "-q", "-o", format])
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    for word in ["echo", "203"] { #expect(outcome.text.contains(word), "\(outcome.text)") }
    if format == "json" || format == "compact" { #expect(outcome.lines.count == made.events) }
    if format == "json" {
      let schema = try SchemaValidator.shipped("event.schema.json")
      for line in outcome.lines {
        #expect(try schema.problems(in: JSONValue(parsing: Array(line.utf8))).isEmpty, "\(line)")
      }
    }
  }

  @Test("Filters, and an end after some events")
  func filters() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    func lines(_ options: String...) throws -> [String] {
      let outcome = try Program.run(["replay", made.path, "-q", "-o", "compact"] + options)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.lines
    }
    #expect(try lines("--pid", "201").count == 2)
    #expect(try lines("--tree", "100").count == made.events)
    #expect(try lines("--tree", "201").count == 2)
    #expect(try lines("--comm", "echo").count == 8)
    #expect(try lines("--uid", "0").isEmpty)
    #expect(try lines("--events", "syscall").isEmpty)
    #expect(try lines("--count", "5").count == 5)
  }

  @Test("An account goes with it, as text and as JSON")
  func summary() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    let text = try Program.run(["replay", made.path, "-o", "compact"])
    #expect(text.status == 0 && text.errors.contains("12"), "\(text.errors)")
    let path = folder.path("summary.json")
    let outcome = try Program.run(["replay", made.path, "-q", "-o", "compact", "--summary", path])
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let value = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(value["delivered"]?.integer == 12 && value["lost"]?.integer == 0)
  }

  @Test("At a speed, it prints the same")
  func speed() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    let quick = try Program.run(["replay", made.path, "-q", "-o", "json"])
    let paced = try Program.run(["replay", made.path, "-q", "-o", "json", "--speed", "2.5"])
    #expect(paced.status == 0 && paced.output == quick.output)
  }

  @Test("A cut recording is shown up to there, and what is missing is said")
  func cut() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder, isEnded: false)
    try made.cut(at: made.blocks[3].upperBound - 200)
    let outcome = try Program.run(["replay", made.path, "-q", "-o", "compact"])
    #expect(outcome.status == 0 && outcome.lines.count == 9)
    #expect(outcome.errorLines.count == 1)
    let missing = made.sequences[3]
    for word in [
      made.path, "at offset \(made.blocks[3].lowerBound)",
      "sequences \(missing.lowerBound) to \(missing.upperBound - 1)",
    ] {
      #expect(outcome.errors.contains(word), "\(outcome.errors)")
    }
    let proof = try Program.run(["verify", made.path, "-q"])
    #expect(
      proof.status == 0 && proof.text.contains("proved, up to where it ends"), "\(proof.text)")
  }

  @Test("A damaged block costs its own events, is said, and the status is 1")
  func damaged() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    try made.damage(block: 1)
    let outcome = try Program.run(["replay", made.path, "-q", "-o", "compact"])
    #expect(outcome.status == 1 && outcome.lines.count == 9 && outcome.errorLines.count == 1)
    let missing = made.sequences[1]
    for word in [
      "at offset \(made.blocks[1].lowerBound)",
      "sequences \(missing.lowerBound) to \(missing.upperBound - 1) (3 records)",
    ] {
      #expect(outcome.errors.contains(word), "\(outcome.errors)")
    }
    let proof = try Program.run(["verify", made.path, "-q"])
    #expect(proof.status == 1 && proof.text.contains("not proved"), "\(proof.text)")
  }

  @Test("A sound recording is proved")
  func proved() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    let outcome = try Program.run(["verify", made.path, "-q"])
    #expect(outcome.status == 0 && outcome.text.hasSuffix("verdict: proved\n"), "\(outcome.text)")
    let json = try Program.run(["verify", made.path, "-q", "--json"])
    let value = try JSONValue(parsing: json.output)
    #expect(json.status == 0 && value["events"]?.integer == 12 && value["violations"]?.integer == 0)
  }

  @Test("What is no recording ends with 2", arguments: ["replay", "verify"])
  func noRecording(command: String) throws {
    let folder = try TemporaryFolder()
    let short = folder.path("short")
    try Data("ORDINREC".utf8).write(to: URL(fileURLWithPath: short))
    let cases: [(path: String, words: [String])] = [
      ("/etc/passwd", ["no recording", "ordinal record -o"]), ("/dev/null", ["not a file"]),
      (folder.url.path, ["not a file"]), (folder.path("none"), ["No such file", "check the path"]),
      (folder.path("none/none"), ["No such file"]), (short, ["only 8 bytes"]),
    ]
    for (path, words) in cases {
      expectOneLine(try Program.run([command, path]), status: 2, saying: words)
    }
    expectOneLine(
      try Program.run([command, folder.path("a\u{1B}[31m\nb")]), status: 2, saying: ["u{1b}"])
  }

  @Test("Another machine's system calls have its own names")
  func architecture() throws {
    // 56 is openat on arm64 and clone on x86-64.
    let call = RecordBuilder.of(
      .syscallExit, by: ProcessKey(pid: 100, start: 1_000_000_000),
      TestSupport.name("sh") + bytesOf(Int64(3)),
      flags: .detail(SyscallDetail.detail(number: 56, isCompat: false))
    ).on(cpu: 1, at: 6_000_000_000)
    for (architecture, name, other) in [
      ("aarch64", "openat", "clone"), ("x86_64", "clone", "openat"),
    ] {
      let folder = try TemporaryFolder()
      let made = try MadeRecording(folder, architecture: architecture, more: [call])
      let shown = try Program.run(
        ["replay", made.path, "-q", "-o", "compact", "--syscall", name, "--events", "syscall"])
      #expect(
        shown.status == 0 && shown.text.contains("\(name) = 3"), "\(shown.text)\(shown.errors)")
      let none = try Program.run(
        ["replay", made.path, "-q", "-o", "compact", "--syscall", other, "--events", "syscall"])
      #expect(none.status == 0 && none.output.isEmpty)
    }
  }

  @Test("Whoever may read the file can replay and verify it")
  func unprivileged() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    if geteuid() == 0 {
      expectOneLine(
        try Nobody.run(["replay", made.path]), status: 2, saying: ["Permission denied", made.path])
    }
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: made.path)
    let outcome = try Nobody.run(["replay", made.path, "-q", "-o", "compact"])
    #expect(outcome.status == 0 && outcome.lines.count == made.events, "\(outcome.errors)")
    #expect(try Nobody.run(["verify", made.path, "-q"]).status == 0)
  }

  @Test("A full output is told")
  func fullOutput() throws {
    let folder = try TemporaryFolder()
    let made = try MadeRecording(folder)
    let outcome = try Program.shell("$ORDINAL replay -q -o json \"$1\" >/dev/full", [made.path])
    expectOneLine(outcome, status: 1, saying: ["No space left", "write elsewhere"])
  }
}

@Suite("Bad input for what records and reads")
struct RecordingInputTests {
  @Test(
    "a bad value ends with 2, in one line",
    arguments: [
      BadInput("record", "-o", "", saying: "names no file"),
      BadInput("record", "-o", "/tmp/", saying: "names no file"),
      BadInput("record", "-o", "x", "--rotate-size", "1k", saying: "64KiB or more"),
      BadInput("record", "-o", "x", "--rotate-size", "-1", saying: "64KiB or more"),
      BadInput("record", "-o", "x", "--rotate-age", "0", saying: "--rotate-age", "0.1 or more"),
      BadInput("record", "-o", "x", "--rotate-age", "nan", saying: "0.1 or more"),
      BadInput("record", "-o", "x", "--keep", "0", "--rotate-age", "1", saying: "--keep 0"),
      BadInput("record", "-o", "x", "--keep", "2", saying: "--rotate-size or --rotate-age"),
      BadInput("record", "-o", "x", "--comm", "*sh", saying: "ordinal replay --comm"),
      BadInput("replay", "x", "--count", "0", saying: "above 0"),
      BadInput("replay", "x", "--pid", "0", saying: "no process"),
      BadInput("replay", "x", "--uid", "root", saying: "user's number"),
      BadInput("replay", "x", "--events", "none", saying: "this version has"),
      BadInput("replay", "x", "--syscall", "none", saying: "no system call 'none'"),
      BadInput("replay", "x", "--comm", "", saying: "15 bytes"),
      BadInput("replay", "x", "--cgroup", "", saying: "names no cgroup"),
      BadInput("replay", "x", "--redact", "", saying: "hides nothing"),
      BadInput("replay", "x", "--speed", "0", saying: "above 0"),
      BadInput("replay", "x", "--speed", "-1", saying: "above 0"),
      BadInput("replay", "x", "--speed", "nan", saying: "above 0"),
      BadInput("verify", "x", "--list", "-1", saying: "0 or more"),
      BadInput("replay", "x", "-o", "xml", saying: "'xml'"),
      BadInput("verify", status: 64, saying: "name a recording"),
      BadInput("verify", "--live", "x", status: 64, saying: "leave the files out"),
      BadInput("verify", "x", "--pid", "1", status: 64, saying: "--live"),
      BadInput("replay", status: 64, saying: "file"),
      BadInput("record", status: 64, saying: "-o"),
      BadInput("detach", status: 64, saying: "name"),
      BadInput("detach", "a/b", saying: "a/b"),
      BadInput("detach", "no-such-capture", saying: "nothing is pinned as 'no-such-capture'"),
      BadInput("stats", "no-such-capture", saying: "nothing is pinned as 'no-such-capture'"),
      BadInput("stats", "..", saying: ".."),
    ])
  func value(input: BadInput) throws {
    expectOneLine(try Program.run(input.arguments), status: input.status, saying: input.words)
  }

  @Test("help names what there is", arguments: ["record", "replay", "verify", "stats", "detach"])
  func help(command: String) throws {
    let outcome = try Program.run([command, "--help"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    for line in outcome.lines { #expect(line.count <= 80, "\(line)") }
    #expect(try Program.run(["--help"]).text.contains(command))
    let words: [String: [String]] = [
      "record": ["--rotate-size", "--rotate-age", "--keep", "--compress", "--append", "--pin"],
      "replay": ["--speed", "--count", "--summary", "--output", "--tree", "--redact"],
      "verify": ["--live", "--json", "--list"], "stats": ["--json"], "detach": ["<name>"],
    ]
    for word in words[command] ?? [] { #expect(outcome.text.contains(word), "\(word)") }
  }
}
