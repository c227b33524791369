import Foundation
import JSONSchemaValidation
import Testing

@Suite("What a live run prints", .tags(.kernel), .serialized)
struct OutputKernelTests {
  init() throws { try NeedsRoot.check() }

  /// Nested shells, a pipeline, background jobs, a daemon, execs without fork, signals, odd arguments.
  static let workload = #"""
    echo hi | cat | wc -c >/dev/null
    (sleep 0.01 & sleep 0.02 & wait)
    (setsid sh -c 'sleep 0.01 & exit 0' &)
    sh -c 'exec sh -c "exec true"'
    sh -c 'kill -9 $$' 2>/dev/null
    sh -c 'kill -SEGV $$' 2>/dev/null
    sh -c 'exit 7'
    /bin/echo "two
    lines" "it's \"quoted\"" "$(printf '\377\200bad')" "" >/dev/null
    /bin/echo "$(head -c 3000 /dev/zero | tr '\0' x)" >/dev/null
    head -c 9000 /dev/zero | tr '\0' ' ' | xargs -n 9000 echo >/dev/null
    (cd /usr/bin && exec ./true)
    exit 9
    """#

  @Test("every JSON line and the summary fit their schemas")
  func schemas() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("summary.json")
    let validator = try SchemaValidator.shipped("event.schema.json")
    let outcome = try Program.run(
      ["trace", "-o", "json", "--summary", path, "--", "sh", "-c", Self.workload])
    #expect(outcome.status == 9, "\(outcome.errors)")
    var types: [String: Int] = [:]
    var last: Int128 = -1
    for line in outcome.output.split(separator: 10) {
      let value = try JSONValue(parsing: Array(line))
      let problems = validator.problems(in: value)
      #expect(problems.isEmpty, "\(problems) in \(String(decoding: line, as: UTF8.self))")
      types[value["type"]?.string ?? "?", default: 0] += 1
      let sequence = try #require(value["seq"]?.integer)
      #expect(sequence > last)
      last = sequence
    }
    #expect(Set(types.keys) == ["fork", "exec", "exit"], "\(types)")
    let summary = try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    let problems = try SchemaValidator.shipped("summary.schema.json").problems(in: summary)
    #expect(problems.isEmpty, "\(problems)")
    for (name, type) in [("forks", "fork"), ("execs", "exec"), ("exits", "exit")] {
      #expect(summary[name]?.integer == Int128(types[type] ?? 0))
    }
    #expect(summary["delivered"]?.integer == Int128(types.values.reduce(0, +)))
    #expect(summary["offered"] == summary["delivered"])
    #expect(summary["causality_violations"] == .integer(0))
    #expect(summary["ordering_violations"] == .integer(0))
  }

  @Test("JSON fits its schema without timestamps and of the whole machine")
  func otherModes() throws {
    let validator = try SchemaValidator.shipped("event.schema.json")
    for arguments in [
      ["--timestamps", "none", "--", "true"], ["--timestamps", "coarse", "--", "true"],
      ["--duration", "0.5"],
    ] {
      let outcome = try Program.shell(
        "(sleep 0.1; true; sleep 0.1; true; sleep 0.1; true) & $ORDINAL trace -o json \"$@\"",
        arguments)
      #expect(outcome.status == 0)
      for line in outcome.output.split(separator: 10) {
        let problems = validator.problems(in: try JSONValue(parsing: Array(line)))
        #expect(problems.isEmpty, "\(problems) in \(String(decoding: line, as: UTF8.self))")
      }
    }
  }

  @Test("--summary - is JSON on stderr, in place of the text")
  func summaryOnErrors() throws {
    let outcome = try Program.run(["trace", "-o", "compact", "--summary", "-", "--", "true"])
    #expect(outcome.errorLines.count == 1)
    let problems = try SchemaValidator.shipped("summary.schema.json")
      .problems(in: try JSONValue(parsing: outcome.errors))
    #expect(problems.isEmpty, "\(problems)")
  }

  @Test("doctor's JSON fits its schema, and this machine is usable")
  func doctor() throws {
    let outcome = try Program.run(["doctor", "-o", "json"])
    let value = try JSONValue(parsing: outcome.output)
    let problems = try SchemaValidator.shipped("doctor.schema.json").problems(in: value)
    #expect(problems.isEmpty, "\(problems)")
    #expect(value["usable"] == .bool(true))
    #expect(outcome.status == 0)
    let text = try Program.run(["doctor"])
    #expect(text.status == 0)
    #expect(text.lines.count == value["checks"]?.count)
    for line in text.lines {
      #expect(line.prefixMatch(of: /(ok|missing|warning|unknown) +/) != nil, "\(line)")
    }
  }

  @Test("doctor --programs tells of every family's programs, and of all together")
  func doctorPrograms() throws {
    let outcome = try Program.run(["doctor", "--programs", "-o", "json"])
    #expect(outcome.status == 0)
    let value = try JSONValue(parsing: outcome.output)
    let problems = try SchemaValidator.shipped("doctor.schema.json").problems(in: value)
    #expect(problems.isEmpty, "\(problems)")
    let text = try Program.run(["doctor", "--programs"])
    #expect(text.status == 0)
    #expect(!text.lines.contains { $0.hasPrefix("refused") })
    // Rows by family: figures of a program differ with what else is loaded.
    let rows = text.lines.filter { $0.hasSuffix(" ") == false }
      .map { $0.split(separator: " ") }.filter { $0.count == 6 && UInt64($0[2]) != nil }
    let alone = rows.filter { $0[0] != "all" }.map { $0[1] }
    let together = rows.filter { $0[0] == "all" }.map { $0[1] }
    #expect(alone.count > 20 && alone.sorted() == together.sorted())
    for row in rows { #expect((UInt64(row[3]) ?? 0) > 0, "\(row)") }
  }

  private static let small = "(exit 3); sleep 0.01 & wait"

  @Test("pretty has a title and a line an event")
  func pretty() throws {
    let lines = try Program.run(["trace", "-o", "pretty", "--", "sh", "-c", Self.small]).lines
    #expect(lines.count == 8, "\(lines)")
    #expect(lines[0].hasPrefix("TIME (UTC)"))
    let event = /[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9} +[0-9]+  (fork|exec|exit) +[0-9]+ .*/
    for line in lines.dropFirst() { #expect(line.wholeMatch(of: event) != nil, "\(line)") }
    #expect(lines[1].contains("sh -c '(exit 3); sleep 0.01 & wait'"))
    #expect(lines.contains { $0.contains("code 3, ran ") })
    #expect(lines.contains { $0.contains(" child ") })
  }

  @Test("compact has a short line an event, numbered in order")
  func compact() throws {
    let lines = try Program.run(["trace", "-o", "compact", "--", "sh", "-c", Self.small]).lines
    #expect(lines.count == 7, "\(lines)")
    var last = -1
    for line in lines {
      let match = try #require(line.wholeMatch(of: /([0-9]+) (fork|exec|exit) [0-9]+ \S+: .+/))
      #expect(try #require(Int(match.output.1)) > last)
      last = Int(match.output.1) ?? last
    }
  }

  @Test("tree draws each process once, below the one that made it")
  func tree() throws {
    let lines = try Program.run(["trace", "-o", "tree", "--", "sh", "-c", Self.small]).lines
    #expect(lines.count == 3, "\(lines)")
    #expect(lines[0].wholeMatch(of: /[0-9]+ sh -c '.*'  \(code 0, ran .*\)/) != nil, "\(lines)")
    #expect(lines[1].wholeMatch(of: /├─ [0-9]+ \[sh\]  \(code 3, ran .*\)/) != nil, "\(lines)")
    #expect(lines[2].wholeMatch(of: /└─ [0-9]+ sleep 0.01  \(code 0, ran .*\)/) != nil, "\(lines)")
  }

  @Test(
    "names and arguments can't act on a terminal", arguments: ["pretty", "compact", "tree", "json"])
  func hostile(format: String) throws {
    let folder = try TemporaryFolder()
    // The name of the file is the task's name after the exec.
    let name = "e\u{1B}[31m\n\u{202E}x\u{7}"
    try FileManager.default.createSymbolicLink(
      atPath: folder.path(name), withDestinationPath: "/bin/true")
    let words = [
      folder.path(name), "\u{1B}]0;title\u{7}", "new\nline", "\u{9B}31m", "back\rspace\u{8}",
      "\u{202E}rtl", "\u{2028}", "tab\t", "del\u{7F}",
    ]
    let outcome = try Program.run(["trace", "-o", format, "--"] + words)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(controlCharacters(in: outcome.errors).isEmpty)
    let expected = ["pretty": 3, "compact": 2, "tree": 1, "json": 2]
    #expect(outcome.lines.count == expected[format], "\(outcome.text)")
    if format == "json" {
      // Raw control bytes are not JSON; what is not one there is not dangerous in a string.
      let exec = try JSONValue(parsing: outcome.lines[0])
      #expect(exec["args"] == .array(words.map { .string($0) }))
      #expect(!outcome.output.contains { $0 < 0x20 && $0 != 10 || $0 == 0x7F })
    } else {
      #expect(controlCharacters(in: outcome.text).isEmpty, "\(outcome.text.debugDescription)")
      #expect(outcome.text.contains("new\\nline"))
    }
  }

  // MARK: Terminals

  /// Runs a script on a terminal of its own; what it says on it, line ends as written.
  private func terminal(
    _ script: String, _ arguments: [String] = [], environment: [String: String] = [:]
  ) throws -> String {
    let folder = try TemporaryFolder()
    let file = folder.path("script.sh")
    try Data(script.utf8).write(to: URL(fileURLWithPath: file))
    let outcome = try Program.shell(
      "exec script -qec \"sh '$1' '$2'\" /dev/null </dev/null", [file] + arguments,
      environment: environment)
    return outcome.text.replacing("\r\n", with: "\n")
  }

  @Test("on a terminal: pretty and coloured; in a pipe: JSON; -o pretty in a pipe: plain")
  func defaults() throws {
    let shown = try terminal("unset NO_COLOR; $ORDINAL trace -q -- true")
    #expect(shown.contains("TIME (UTC)"), "\(shown)")
    #expect(shown.contains("\u{1B}[32m"))
    let plain = try terminal("$ORDINAL trace -q -- true", environment: ["NO_COLOR": "1"])
    #expect(plain.contains("TIME (UTC)"))
    #expect(!plain.contains("\u{1B}"), "\(plain.debugDescription)")
    let piped = try Program.run(["trace", "-q", "--", "true"])
    #expect(piped.text.hasPrefix("{\"seq\":"))
    let pretty = try Program.run(["trace", "-q", "-o", "pretty", "--", "true"])
    #expect(pretty.text.hasPrefix("TIME (UTC)"))
    #expect(!pretty.text.contains("\u{1B}"))
  }

  @Test("the terminal is left as it was, after an end and after Ctrl-C")
  func settings() throws {
    let folder = try TemporaryFolder()
    let shown = try terminal(
      """
      cd "$1"
      stty -g >before
      $ORDINAL trace -q -- sh -c 'exit 0' >/dev/null
      stty -g >after
      timeout --foreground -s INT 2 $ORDINAL trace -q -- sleep 30 >/dev/null
      stty -g >interrupted
      $ORDINAL trace -q -- stty -a >/dev/null || echo "no terminal for the command"
      """, [folder.url.path])
    let states = try ["before", "after", "interrupted"].map {
      try String(contentsOfFile: folder.path($0), encoding: .utf8)
    }
    #expect(!states[0].isEmpty)
    #expect(states[1] == states[0])
    #expect(states[2] == states[0])
    #expect(!shown.contains("no terminal"), "\(shown)")
  }

  @Test("the command has the terminal: it reads from it and is in the foreground")
  func foreground() throws {
    let shown = try terminal(
      """
      $ORDINAL trace -q -- sh -c '
        [ "$(ps -o pgid= -p $$ | tr -d " ")" = "$(ps -o tpgid= -p $$ | tr -d " ")" ] && echo front
        [ -t 0 ] && echo input' </dev/tty | cat
      """)
    #expect(shown.contains("front"), "\(shown)")
    #expect(shown.contains("input"), "\(shown)")
  }
}
