import Foundation
import JSONSchemaValidation
import Testing

@Suite("Exit statuses, outputs that fail, commands that can't run", .tags(.kernel), .serialized)
struct StatusKernelTests {
  init() throws { try NeedsRoot.check() }

  @Test(
    "the command's status is returned", arguments: [0, 3, 64, 255])
  func status(code: Int32) throws {
    let outcome = try Program.run(["trace", "-q", "--", "sh", "-c", "exit \(code)"])
    #expect(outcome.status == code)
    #expect(outcome.errors.isEmpty, "\(outcome.errors)")
  }

  @Test("a caller that ignores SIGCHLD gets the status as well")
  func ignoredChildSignal() throws {
    let words = ["trace", "-q", "--", "sh", "-c", "exit 5"]
    // The kernel reaps such a caller's children itself.
    let outcome = try Outcome(
      of: ["/bin/bash", "-c", "trap '' CHLD; exec \"$0\" \"$@\"", Program.path] + words,
      limit: 20)
    #expect(outcome.status == 5)
  }

  @Test("128 + n for a command that signal n ended", arguments: [("KILL", 9), ("TERM", 15)])
  func signal(name: String, number: Int32) throws {
    let outcome = try Program.run(["trace", "-q", "--", "sh", "-c", "kill -\(name) $$"])
    #expect(outcome.status == 128 + number)
  }

  @Test("a command that is not there: 127, one line, no event")
  func notFound() throws {
    for name in ["no-such-command-here", "/no/such/command", ""] {
      for format in ["json", "pretty", "tree"] {
        expectOneLine(
          try Program.run(["trace", "-o", format, "--", name]), status: 127,
          saying: ["can't run '\(name)'", "No such file", "check its name and PATH"])
      }
    }
    expectOneLine(
      try Program.run(["trace", "--", "no\nsuch\u{1B}[31m"]), status: 127, saying: ["can't run"])
    try expectNothingLeft()
  }

  @Test("a directory, a file that may not be run, a file of no format: 126, one line")
  func notExecutable() throws {
    let folder = try TemporaryFolder()
    let plain = folder.path("plain")
    try Data("text".utf8).write(to: URL(fileURLWithPath: plain))
    let locked = folder.path("locked")
    try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: locked))
    for (path, mode) in [(plain, 0o644), (locked, 0o000)] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }
    for path in ["/", folder.url.path, plain, locked] {
      expectOneLine(
        try Program.run(["trace", "--", path]), status: 126,
        saying: ["can't run '\(path)'", "Permission denied", "a program you may run"])
    }
    try expectNothingLeft()
  }

  @Test("the summary of a command that can't run tells of no event")
  func summaryUnrun() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("summary.json")
    let outcome = try Program.run(["trace", "--summary", path, "--", "/no/such/command"])
    expectOneLine(outcome, status: 127, saying: ["can't run"])
    let summary = try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(summary["delivered"] == .integer(0))
    #expect(summary["offered"] == .integer(0))
    #expect(summary["reason"] == .string("the command could not be run"))
  }

  @Test("a full disk: told, lost counted, 1 without a command, the command's status with one")
  func fullDisk() throws {
    let outcome = try Program.shell(
      "$ORDINAL trace -o json --duration 10 --summary \"$1\" >/dev/full & p=$!; "
        + "while kill -0 $p 2>/dev/null; do sleep 0.02; done; wait $p", ["-"])
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("ordinal: can't write the events: No space left on device"))
    let line = try #require(outcome.errorLines.first { $0.hasPrefix("{") })
    let summary = try JSONValue(parsing: line)
    #expect(summary["delivered"] == .integer(0))
    #expect(try #require(summary["lost"]?.integer) > 0)
    #expect(summary["offered"] == summary["lost"])
    #expect(summary["missed"] == .integer(0))

    let command = try Program.shell(
      "$ORDINAL trace -o json -- sh -c 'sleep 0.2; exit 5' >/dev/full")
    #expect(command.status == 5)
    #expect(command.errors.contains("can't write the events"))
    #expect(command.errors.contains(" 0 of "))
    try expectNothingLeft()
  }

  @Test(
    "a summary that can't be written: 1, told, the text account still there",
    arguments: [
      "/dev/full", "/proc/version",
    ])
  func summaryFails(path: String) throws {
    let outcome = try Program.run(["trace", "--duration", "0.1", "--summary", path])
    #expect(outcome.status == 1)
    let last = try #require(outcome.errorLines.last)
    #expect(last.hasPrefix("ordinal: --summary: can't write \(path)"), "\(outcome.errors)")
    #expect(last.contains("- for stderr"))
    #expect(outcome.errors.contains("events delivered"))
    try expectNothingLeft()
  }

  @Test("a reader that goes away ends the trace, not the command")
  func readerGone() throws {
    let outcome = try Program.shell(
      """
      { $ORDINAL trace -o compact -- sh -c 'for i in 1 2 3 4 5 6; do sleep 0.1; done; exit 6'
        echo "status=$?" >&2; } | head -n 1
      """)
    #expect(outcome.lines.count == 1)
    #expect(outcome.errors.contains("ended: the reader closed the output"), "\(outcome.errors)")
    #expect(outcome.errors.contains("status=6"), "\(outcome.errors)")
    let machine = try Program.shell(
      """
      { $ORDINAL trace -o compact --duration 20; echo "status=$?" >&2; } | head -n 1 &
      for i in $(seq 200); do sleep 0.05; kill -0 $! 2>/dev/null || break; done; wait
      """)
    #expect(machine.errors.contains("status=0"), "\(machine.errors)")
    try expectNothingLeft()
  }

  @Test("--count and --duration end the trace; the command's status is still returned")
  func limits() throws {
    let count = try Program.run(
      ["trace", "-o", "compact", "--count", "1", "--", "sh", "-c", "sleep 0.3; exit 7"])
    #expect(count.status == 7)
    #expect(count.lines.count == 1)
    #expect(count.errors.contains("waiting for the command"))
    let duration = try Program.run(
      ["trace", "-o", "compact", "--duration", "0.1", "--", "sh", "-c", "sleep 0.6; exit 8"])
    #expect(duration.status == 8)
    #expect(!duration.text.contains("code 8"))
    try expectNothingLeft()
  }

  @Test("closed standard input and error are no trouble")
  func closedOthers() throws {
    let outcome = try Program.shell("$ORDINAL trace -o compact -- sh -c 'exit 3' <&- 2>&-")
    #expect(outcome.status == 3)
    #expect(outcome.lines.count == 2, "\(outcome.text)")
  }

  @Test("a running trace keeps two capabilities, its command keeps all")
  func capabilities() throws {
    let outcome = try Program.shell(
      """
      $ORDINAL trace -q -- sh -c '
        sleep 0.3; grep CapEff /proc/$PPID/status; grep NoNewPrivs /proc/$PPID/status
        grep CapEff /proc/self/status' | grep -v "^{"
      grep CapEff /proc/self/status
      """)
    let lines = outcome.lines
    try #require(lines.count == 4, "\(lines)")
    // CAP_DAC_READ_SEARCH and CAP_KILL; the rest goes a moment after the command's release.
    #expect(lines[0].hasSuffix("0000000000000024"), "\(lines)")
    #expect(lines[1].hasSuffix("\t1"))
    #expect(lines[2] == lines[3])
  }

  @Test("a trace that is killed leaves nothing attached")
  func killed() throws {
    let outcome = try Program.shell(
      """
      $ORDINAL trace -q >/dev/null & p=$!
      i=0
      while ! grep -qs "^prog_id" /proc/$p/fdinfo/* && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done
      kill -KILL $p; wait $p
      """)
    #expect(outcome.status == 137, "\(outcome.errors)")
    try expectNothingLeft()
  }

  @Test("a signal ends a machine-wide trace with 0 and its account", arguments: ["INT", "TERM"])
  func machine(signal: String) throws {
    let outcome = try Program.shell(
      """
      $ORDINAL trace -o compact >/dev/null & p=$!
      # The line "tracing" is on stderr once it runs; sleep() forks meanwhile do no harm.
      sleep 2; kill -\(signal) $p; wait $p
      """)
    #expect(outcome.status == 0)
    #expect(outcome.errorLines.first?.contains("Ctrl-C ends") == true, "\(outcome.errors)")
    #expect(outcome.errors.contains("ended: signal"))
    try expectNothingLeft()
  }
}
