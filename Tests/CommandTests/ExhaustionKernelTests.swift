import Foundation
import JSONSchemaValidation
import Testing

/// A machine that has no more of something: each time one line with the remedy, the documented status,
/// what was lost told, and nothing left attached.
@Suite("What runs out", .tags(.kernel), .serialized)
struct ExhaustionKernelTests {
  init() throws { try NeedsRoot.check() }

  // MARK: Descriptors

  /// Runs a trace that may hold `limit` descriptors, and has none but the three when it begins:
  /// not those that other tests hold at the moment.
  private func trace(limit: String, _ words: String) throws -> Outcome {
    try Outcome(
      of: [
        "/bin/bash", "-c",
        """
        for file in /proc/self/fd/*; do
          number=${file##*/}; if [ $number -gt 2 ]; then eval "exec $number>&-"; fi
        done
        ulimit -n \(limit); exec $ORDINAL trace -q \(words)
        """,
      ], environment: ["ORDINAL": Program.path])
  }

  @Test("too few descriptors, at whatever step: one line, until there are enough")
  func descriptors() throws {
    let folder = try TemporaryFolder()
    for options in ["", "--cgroup / --summary \(folder.path("summary")) --uid root"] {
      let words = "-o compact \(options) -- true"
      var works: Int?
      var tried: Set<Substring> = []
      // With three the dynamic linker itself can't start the program.
      for limit in 4...80 {
        let outcome = try trace(limit: "\(limit)", words)
        if outcome.status == 0 {
          #expect(outcome.lines.count == 2 && outcome.errors.isEmpty, "\(limit)")
          works = works ?? limit
          // Three limits more, so that enough stays enough.
          if limit == works.map({ $0 + 3 }) { break }
        } else {
          #expect(works == nil, "\(limit) descriptors are too few, \(works ?? 0) were enough")
          expectOneLine(
            outcome, status: 2, saying: ["Too many open files", "; raise `ulimit -n`"])
          // What it says is enough is enough.
          if let named = outcome.errors.firstMatch(of: /`ulimit -n` to ([0-9]+) or more/),
            tried.insert(named.output.1).inserted
          {
            let again = try trace(limit: String(named.output.1), words)
            #expect(again.status == 0, "\(limit): \(outcome.errors)\(again.errors)")
          }
        }
      }
      #expect(works != nil)
    }
    try expectNothingLeft()
  }

  @Test("the room that is asked for is no less than what a trace takes")
  func descriptorsTaken() throws {
    // The least that is let through, with every descriptor that a trace may hold.
    let refused = try trace(limit: "20", "-- true")
    let least = try #require(refused.errors.firstMatch(of: /to ([0-9]+) or more/)).output.1
    for options in ["--until command", "--wait spin --timestamps coarse --include-self"] {
      let outcome = try trace(limit: String(least), "-o compact \(options) -- true")
      #expect(outcome.status == 0, "\(options): \(outcome.errors)")
    }
    let machine = try trace(limit: String(least), "-o json --pid $$ --tree 1 --duration 0.1")
    #expect(machine.status == 0, "\(machine.errors)")
    try expectNothingLeft()
  }

  // MARK: Memory

  @Test("no memory for the ring: the cgroup's limit refuses it, and nothing is killed")
  func memory() throws {
    let group = try MemoryGroup(limit: 64 << 20)
    let script =
      "echo $$ >\"$1/cgroup.procs\" || exit 99; exec $ORDINAL trace -q --ring-size $2 -o compact -- true"
    let outcome = try Program.shell(script, [group.path, "256MiB"])
    expectOneLine(
      outcome, status: 2, saying: ["Cannot allocate memory", "use a smaller --ring-size"])
    try expectNothingLeft()
    // The limit it was, and not the group.
    let smaller = try Program.shell(script, [group.path, "4MiB"])
    #expect(smaller.status == 0 && smaller.lines.count == 2, "\(smaller.errors)")
  }

  @Test("the limit of locked memory does not matter: since Linux 5.11 maps count as memory")
  func lockedMemory() throws {
    let outcome = try Program.shell(
      "ulimit -l 0; exec $ORDINAL trace -q --ring-size 64MiB -o compact -- true")
    #expect(outcome.status == 0 && outcome.lines.count == 2, "\(outcome.errors)")
  }

  // MARK: Output

  /// Runs a script with `$2` as an empty file system of 64 KiB.
  private func withTinyDisk(_ script: String) throws -> (Outcome, TemporaryFolder) {
    let folder = try TemporaryFolder()
    let disk = folder.path("disk")
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    let outcome = try Program.shell(
      "s=$1; shift; exec unshare -m --propagation private /bin/sh -c \"$s\" sh \"$@\"",
      ["mount -t tmpfs -o size=64k tmpfs \"$2\" || exit 99\n" + script, folder.url.path, disk])
    return (outcome, folder)
  }

  /// Expects that what is in the file and what was lost is all that there was.
  private func expectAccount(
    _ summary: JSONValue, written: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let whole = written.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(whole.count > 10, sourceLocation: sourceLocation)
    for line in whole { _ = try JSONValue(parsing: String(line)) }
    let figure = { (name: String) in try #require(summary[name]?.integer) }
    #expect(try figure("delivered") == Int128(whole.count), sourceLocation: sourceLocation)
    #expect(try figure("lost") > 0, sourceLocation: sourceLocation)
    #expect(
      try figure("offered") == figure("delivered") + figure("lost") + figure("missed"),
      sourceLocation: sourceLocation)
  }

  private static let storm = "for i in $(seq 400); do /bin/true; done; exit 6"

  @Test("a disk that fills up: what is on it is whole and counted, the rest is counted as lost")
  func fillsUp() throws {
    let (outcome, folder) = try withTinyDisk(
      """
      $ORDINAL trace -o json --summary "$1/summary" -- sh -c '\(Self.storm)' >"$2/events"; status=$?
      cat "$2/events" >"$1/events"
      exit $status
      """)
    #expect(outcome.status == 6, "\(outcome.errors)")
    #expect(
      outcome.errorLines.first
        == "ordinal: can't write the events: No space left on device; free some space, or write "
        + "elsewhere; what is not written counts as lost", "\(outcome.errors)")
    let summary = try JSONValue(
      parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder.path("summary")))))
    try expectAccount(
      summary, written: try String(contentsOfFile: folder.path("events"), encoding: .utf8))
    try expectNothingLeft()
  }

  @Test("a limit of the file's size is told as well, and kills nobody")
  func fileSize() throws {
    let folder = try TemporaryFolder()
    // Blocks of 512 bytes for sh. The command has the limit, and the signal, as it was.
    let outcome = try Program.shell(
      """
      mkfifo "$1/summary"; cat "$1/summary" >"$1/kept" & reader=$!
      (ulimit -f 64
      exec $ORDINAL trace -o json --summary "$1/summary" -- sh -c '\(Self.storm)' >"$1/events")
      status=$?; wait $reader; exit $status
      """, [folder.url.path])
    #expect(outcome.status == 6, "\(outcome.errors)")
    #expect(outcome.errors.contains("File too large; raise `ulimit -f`"), "\(outcome.errors)")
    let summary = try JSONValue(
      parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder.path("kept")))))
    try expectAccount(
      summary, written: try String(contentsOfFile: folder.path("events"), encoding: .utf8))
    let killed = try Program.shell(
      "ulimit -f 1; exec $ORDINAL trace -q -o compact -- sh -c 'head -c 9999 /dev/zero >\"$1\"' sh"
        + " \"$1/big\" >/dev/null", [folder.url.path])
    // 128 + SIGXFSZ of head, as the shell tells it.
    #expect(killed.status == 128 + 25, "\(killed.errors)")
    try expectNothingLeft()
  }

  @Test("a tree that can't be written was not delivered", arguments: ["pretty", "compact", "tree"])
  func everyFormat(format: String) throws {
    let outcome = try Program.shell(
      "exec $ORDINAL trace -o \(format) --summary - -- sh -c 'true; exit 4' >/dev/full")
    #expect(outcome.status == 4, "\(outcome.errors)")
    let line = try #require(outcome.errorLines.first { $0.hasPrefix("{") })
    let summary = try JSONValue(parsing: line)
    #expect(summary["delivered"] == .integer(0))
    // The run ends with its output: what comes after is not traced.
    #expect(try #require(summary["lost"]?.integer) >= 1)
    #expect(summary["offered"] == summary["lost"])
    // And where it can, it was.
    let written = try Program.run(
      ["trace", "-o", format, "--summary", "-", "--", "sh", "-c", "true; exit 4"])
    let account = try JSONValue(parsing: try #require(written.errorLines.last))
    #expect(account["delivered"] == account["offered"] && account["lost"] == .integer(0))
  }

  @Test("a summary that can't be written: told, 1, and the command is still waited for")
  func summary() throws {
    let folder = try TemporaryFolder()
    let outcome = try Program.shell(
      "exec $ORDINAL trace -q -o compact --count 1 --summary /dev/full -- "
        + "sh -c 'sleep 0.5; echo done >\"$1\"; exit 3' sh \"$1\" >/dev/null",
      [folder.path("done")])
    expectOneLine(
      outcome, status: 1, saying: ["--summary: can't write /dev/full: No space left on device"])
    #expect(FileManager.default.fileExists(atPath: folder.path("done")))
    let (tiny, _) = try withTinyDisk(
      """
      head -c 65536 /dev/zero >"$2/zeroes"
      exec $ORDINAL trace -q -o compact --summary "$2/summary" -- true >/dev/null
      """)
    expectOneLine(tiny, status: 1, saying: ["No space left on device", "name another file"])
    try expectNothingLeft()
  }

  @Test(
    "what is no trace says so too",
    arguments: ["doctor", "doctor -o json", "--help", "trace --help", "--version"])
  func others(words: String) throws {
    expectOneLine(
      try Program.shell("exec $ORDINAL \(words) >/dev/full"), status: 1,
      saying: ["can't write: No space left on device", "free some space"])
  }
}

/// A memory cgroup of its own, of either version; goes with the value.
private final class MemoryGroup {
  let path: String

  init(limit: Int) throws {
    let name = "ordinal-test-\(UUID().uuidString)"
    let files = FileManager.default
    // Version 2 has the controller where its root lists it; else it is version 1's.
    let lists = try? String(contentsOfFile: "/sys/fs/cgroup/cgroup.controllers", encoding: .utf8)
    let isSecond = lists?.split(whereSeparator: \.isWhitespace).contains("memory") ?? false
    path = (isSecond ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/memory/") + name
    if isSecond {
      let control = URL(fileURLWithPath: "/sys/fs/cgroup/cgroup.subtree_control")
      try Data("+memory".utf8).write(to: control)
    }
    try files.createDirectory(atPath: path, withIntermediateDirectories: false)
    let file = isSecond ? "memory.max" : "memory.limit_in_bytes"
    try Data("\(limit)".utf8).write(to: URL(fileURLWithPath: "\(path)/\(file)"))
  }

  deinit {
    // Empty a moment after its last process has ended.
    for _ in 0..<50 where unsafe rmdir(path) != 0 && errno == EBUSY { usleep(20_000) }
  }
}
