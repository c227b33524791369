import Foundation
import Sequencer
import TestSupport
import Testing

@Suite("ordinal tree and ordinal report")
struct LivesCommandTests {
  private let folder: TemporaryFolder
  private let file: String

  /// The recorder's clock is this machine's.
  private static let begin = monotonicNow()

  init() throws {
    folder = try TemporaryFolder()
    file = folder.file("build.ordinal")
    try LifeStream.build(400, begin: LivesCommandTests.begin).record(to: file)
  }

  private func permissions(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test("tree draws the recording, folded, with its machine in the heading; nothing on stderr")
  func tree() throws {
    let (status, output, errors) = try ordinal(["tree", file])
    #expect(status == 0)
    #expect(errors.isEmpty)
    #expect(output.hasPrefix("build.ordinal  ci-7  Linux 6.18.0  x86_64  "))
    #expect(output.contains("\n305 processes: "))
    #expect(output.contains("make -j8 all"))
    #expect(output.contains("× "))
    #expect(!output.contains("\u{1B}"))
  }

  @Test("tree takes segments packed or not alike")
  func packed() throws {
    let packed = folder.file("packed/build.ordinal")
    try FileManager.default.createDirectory(
      atPath: folder.file("packed"), withIntermediateDirectories: true)
    try LifeStream.build(400, begin: LivesCommandTests.begin).record(to: packed, isPacked: true)
    func rows(_ path: String) throws -> [Substring] {
      try ordinal(["tree", path, "--all"]).output.split(separator: "\n").dropFirst(3)
        .map { $0.dropFirst(16) }
    }
    #expect(try rows(packed) == rows(file))
  }

  @Test("tree's options choose and fold")
  func options() throws {
    let all = try ordinal(["tree", file, "--all"]).output
    #expect(all.split(separator: "\n").count == 305 + 3)
    let found = try ordinal(["tree", file, "--search", "src/part7.c", "--all"]).output
    #expect(found.contains("; 2 matches"))
    let failed = try ordinal(["tree", file, "--failed", "--all"]).output
    #expect(failed.contains("code 1") && !failed.contains("as -o"))
    let subtree = try ordinal(["tree", file, "--subtree", "1001", "--depth", "0"]).output
    #expect(subtree.contains("… 303 processes more"))
    let folded = try ordinal(["tree", file, "--fold", "1000"]).output
    #expect(!folded.contains("×"))
    let redacted = try ordinal(["tree", file, "--redact", "src/*", "--all"]).output
    #expect(redacted.contains("cc1 -O2 -quiet") && !redacted.contains("-quiet src/"))
    let absolute = try ordinal(["tree", file, "--absolute"]).output
    #expect(absolute.contains("Z ") && !absolute.contains("+0.0"))
    let limited = try ordinal(["tree", file, "--limit", "10"]).output
    #expect(limited.contains("the tree keeps 10 (--limit)"))
  }

  @Test(
    "bad input is one line that says what to do; exit status 2",
    arguments: [
      (["--subtree", "x"], "names no process"), (["--subtree", "1@y"], "start in ns"),
      (["--subtree", "4000000"], "there is no process 4000000"),
      (["--fold", "1"], "give 2 or more"), (["--fold", "4", "--all"], "leave out"),
      (["--depth", "-1"], "give 0 or more"), (["--search", ""], "give a text"),
      (["--limit", "1"], "give a number from 2"), (["--redact", ""], "give a pattern"),
    ])
  func badInput(arguments: [String], words: String) throws {
    let (status, output, errors) = try ordinal(["tree", file] + arguments)
    #expect(status == 2)
    #expect(output.isEmpty)
    #expect(errors.split(separator: "\n").count == 1)
    #expect(errors.hasPrefix("ordinal: ") && errors.contains(words), "\(errors)")
  }

  @Test("what is no recording is told by both", arguments: ["tree", "report"])
  func noRecording(command: String) throws {
    let other = folder.file("other")
    try Data(repeating: 0x41, count: 5000).write(to: URL(fileURLWithPath: other))
    let rest = command == "report" ? ["-o", folder.file("page.html")] : []
    for path in [other, folder.file("absent")] {
      let (status, _, errors) = try ordinal([command, path] + rest)
      #expect(status == 2)
      #expect(errors.split(separator: "\n").count == 1, "\(errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("page.html")))
  }

  @Test("a recording that was cut is shown up to there, and both say that it was")
  func cut() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    let cut = folder.file("cut.ordinal")
    try bytes.prefix(bytes.count - 40_000).write(to: URL(fileURLWithPath: cut))
    let (_, output, errors) = try ordinal(["tree", cut])
    #expect(errors.contains("cut.ordinal: at offset"))
    #expect(output.contains("cut.ordinal: at offset"))
    let page = folder.file("cut.html")
    _ = try ordinal(["report", cut, "-o", page])
    #expect(try readFile(page).contains("cut.ordinal: at offset"))
  }

  @Test("report writes one page, for its owner alone, and says where")
  func report() throws {
    let page = folder.file("page.html")
    let (status, output, errors) = try ordinal(["report", file, "-o", page])
    #expect(status == 0)
    #expect(output.isEmpty)
    #expect(errors == "ordinal: wrote \(page)\n")
    #expect(try permissions(page) == 0o600)
    let text = try readFile(page)
    #expect(text.hasPrefix("<!doctype html>"))
    #expect(text.hasSuffix("</script>\n</body></html>\n"))
    #expect(text.contains("<td>--uid 1000</td>"))
    // Again, over the old one, whose wider rights don't stay.
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: page)
    #expect(try ordinal(["report", file, "-q", "-o", page]).errors.isEmpty)
    #expect(try permissions(page) == 0o600)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "build.ordinal", "page.html",
      ])
  }

  @Test("report writes to standard output, and hides and filters what was asked for")
  func standardOutput() throws {
    let (status, output, errors) = try ordinal(
      ["report", file, "-o", "-", "--redact", "src/*", "--comm", "cc1"])
    #expect(status == 0)
    #expect(errors.isEmpty)
    #expect(output.hasPrefix("<!doctype html>"))
    #expect(output.contains("cc1 -O2 -quiet") && !output.contains("-quiet src/"))
    #expect(!output.contains("as -o"))
  }

  @Test("report refuses to write where it must not, before it reads")
  func badTargets() throws {
    let before = try Data(contentsOf: URL(fileURLWithPath: file))
    for (path, words, status) in [
      (file, "is the recording itself", 2), (folder.path, "is a folder", 2),
      (folder.file("none/page.html"), "can't write into", 2), ("", "give a path", 2),
      ("/dev/full", "No space left", 1),
    ] {
      let outcome = try ordinal(["report", file, "-o", path])
      #expect(outcome.status == Int32(status), "\(path)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
  }

  @Test("a reader that goes away ends tree quietly; a full disk is told")
  func output() throws {
    let program = try BuildFolder.program("ordinal")
    let gone = try run(
      "/bin/sh", ["-c", "'\(program)' tree '\(file)' --all | head -n 1 >/dev/null"])
    #expect(gone.text.isEmpty)
    let full = try run("/bin/sh", ["-c", "'\(program)' tree '\(file)' >/dev/full; echo $?"])
    #expect(full.text.hasPrefix("ordinal: can't write: No space left"))
    #expect(full.text.hasSuffix("\n1\n"))
  }
}
