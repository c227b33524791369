import Foundation
import JSONSchemaValidation
import Testing

/// `ordinal export` of recordings made here.
@Suite("export", .tags(.kernel), .serialized)
struct ExportKernelTests {
  private let folder: TemporaryFolder

  init() throws {
    try NeedsRoot.check()
    folder = try TemporaryFolder()
  }

  private func record(_ script: String, events: String = "process") throws -> String {
    let path = folder.path("run.ordinal")
    let outcome = try Program.run(
      ["record", "-q", "-o", path, "--events", events, "--", "sh", "-c", script])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return path
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
  }

  @Test("json is what replay prints; each format is whole, for its owner alone")
  func formats() throws {
    let recording = try record("sh -c 'exit 3'; sleep 0.01 & wait", events: "process,sched,signal")
    let replayed = try Program.run(["replay", "-q", "-o", "json", recording])
    #expect(replayed.status == 0, "\(replayed.errors)")
    for format in ["json", "csv", "sqlite", "perfetto"] {
      let path = folder.path(format)
      let outcome = try Program.run(["export", recording, "--format", format, "-o", path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("\(replayed.lines.count) events and 0 gaps in \(path)"))
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      #expect((attributes[.size] as? Int ?? 0) > 1000)
    }
    #expect(try names() == ["csv", "json", "perfetto", "run.ordinal", "sqlite"])
    let json = try Data(contentsOf: URL(fileURLWithPath: folder.path("json")))
    #expect(Array(json) == replayed.output)
    let csv = try String(contentsOfFile: folder.path("csv"), encoding: .utf8)
    #expect(csv.split(separator: "\n").count == replayed.lines.count + 1)
    for (format, magic) in [("sqlite", "SQLite format 3\0"), ("perfetto", "\n")] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path(format)))
      #expect(bytes.starts(with: Data(magic.utf8)), "\(format)")
    }
    // A pipe is written as it comes, and filters are replay's.
    let piped = try Program.run(
      ["export", "-q", recording, "--format", "json", "-o", "-", "--events", "process"])
    #expect(piped.status == 0 && piped.errors.isEmpty)
    let lines = replayed.lines.filter { line in
      ["fork", "exec", "exit"].contains { line.contains("\"type\":\"\($0)\"") }
    }
    #expect(piped.lines == lines)
  }

  @Test("what is there is replaced with --force only")
  func force() throws {
    let recording = try record("true")
    let path = folder.path("out")
    try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
    let words = ["export", recording, "--format", "sqlite", "-o", path]
    expectOneLine(
      try Program.run(words), status: 2, saying: ["is there already", "--force"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("mine".utf8))
    #expect(try Program.run(words + ["--force", "-q"]).status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count > 1000)
    #expect(try names() == ["out", "run.ordinal"])
  }

  @Test("a signal ends it at once and leaves nothing", arguments: ["perfetto", "sqlite", "csv"])
  func interrupted(format: String) throws {
    let recording = try record("dd if=/dev/zero of=/dev/null bs=1 count=30000", events: "syscall")
    let outcome = try Program.shell(
      """
      cd "$1" || exit 1
      "$ORDINAL" export "$2" --format "$3" -o out &
      while :; do
        set -- .ordinal-*.partial
        if [ -e "$1" ]; then break; fi
        if ! kill -0 $!; then exit 1; fi
      done
      kill -TERM $!
      wait $!
      """, [folder.url.path, recording, format])
    #expect(outcome.status == 128 + 15)
    #expect(outcome.errors == "ordinal: interrupted; nothing was kept\n")
    #expect(try names() == ["run.ordinal"])
  }

  @Test("a reader that is slow does not hold up the end")
  func blocked() throws {
    let recording = try record("dd if=/dev/zero of=/dev/null bs=1 count=3000", events: "syscall")
    let outcome = try Program.shell(
      """
      mkfifo "$1/pipe" || exit 1
      exec 3<>"$1/pipe"
      timeout -s HUP 1 "$ORDINAL" export -q "$2" --format json -o "$1/pipe" 3>&-
      """, [folder.url.path, recording])
    #expect(outcome.status == 124)
    #expect(outcome.errors == "ordinal: interrupted\n")
  }

  @Test("a full disk is told, with status 1, and leaves nothing")
  func full() throws {
    let recording = try record("dd if=/dev/zero of=/dev/null bs=1 count=3000", events: "syscall")
    for format in ["sqlite", "json"] {
      let outcome = try Program.shell(
        """
        ulimit -f 64
        "$ORDINAL" export "$1" --format "$2" -o "$3"
        """, [recording, format, folder.path("out")])
      expectOneLine(outcome, status: 1, saying: ["can't write", "out", "elsewhere"])
      #expect(try names() == ["run.ordinal"])
    }
  }
}
