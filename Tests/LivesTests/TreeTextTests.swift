import EventFormats
import KernelEvents
import ProcessLives
import SequencerABI
import TestSupport
import Testing

@Suite("The drawn tree of a recording")
struct TreeTextTests {
  private let shell = ProcessKey(pid: 900, start: 3_000_000_000)

  @Test("a small tree has a row a process: start, length, end, pid, arguments, uid")
  func golden() throws {
    let text = try drawn(.build(10))
    let expected = """
      build.ordinal  ci-7  Linux 6.18.0  x86_64  2026-11-18T11:06:50.000000000Z  31.3ms
      8 processes: 6 ended with code 0, 1 failed, 1 running at the end

                 START      RAN  END            PROCESS
             -7.000000        -  running        900 [bash]  (uid 1000)
             +0.000000   31.3ms  code 2         └─ 1001 make -j8 all
             +0.000643   11.6ms  code 0            ├─ 1002 /bin/sh -c 'cc -O2 -c src/part0.c && touch \\'done <0>\\''
             +0.000859   11.4ms  code 0            │  ├─ 1003 /usr/bin/cc1 -O2 -quiet src/part0.c
             +0.001193   11.0ms  code 0            │  └─ 1004 as -o part0.o
             +0.001543   27.8ms  code 0            └─ 1005 /bin/sh -c 'cc -O2 -c src/part1.c && touch \\'done <1>\\''
             +0.001853   27.4ms  code 0               ├─ 1006 /usr/bin/cc1 -O2 -quiet src/part1.c
             +0.002059   27.2ms  code 0               └─ 1007 as -o part1.o

      """
    #expect(text == expected)
  }

  @Test("100,000 processes fit a screen or two by themselves, and none is forgotten")
  func large() throws {
    let text = try drawn(.build(130_000, width: 40))
    let rows = text.split(separator: "\n")
    #expect(rows.count < 60)
    #expect(text.hasPrefix("build.ordinal"))
    // Each row is one process, or says of how many it is: together they are all.
    #expect(processes(in: text) == 98_585)
    #expect(text.contains("98,585 processes"))
    #expect(text.contains("--all gives each its row"))
  }

  /// Processes that the rows of a drawing stand for.
  private func processes(in text: String) -> Int {
    var sum = 0
    for line in text.split(separator: "\n").drop(while: { !$0.hasSuffix("PROCESS") }).dropFirst() {
      let row = line.drop { $0 != "─" && !$0.isLetter && !$0.isNumber && $0 != "×" && $0 != "…" }
      let isRow = line.hasPrefix("   ") && !row.isEmpty
      guard isRow else { continue }
      for mark in ["× ", "… "] {
        if let range = line.range(of: mark) {
          let number = line[range.upperBound...].prefix { $0.isNumber || $0 == "," }
          sum += (Int(number.filter(\.isNumber)) ?? 1) - 1
          break
        }
      }
      sum += 1
    }
    return sum
  }

  @Test("--all gives each process a row, of 1,000 as of many")
  func all() throws {
    let text = try drawn(.build(1000)) { $0.folding = .none }
    #expect(text.split(separator: "\n").count == 760 + 3)
    #expect(!text.contains("×"))
    #expect(!text.contains("--all"))
  }

  @Test("alike siblings fold, with what is below them; unlike ones stay")
  func fold() throws {
    var stream = LifeStream()
    for pid in UInt32(1)...5 {
      let child = stream.fork(shell, 1000 + pid * 10)
      stream.exec(child, "sort", "file\(pid)")
      let below = stream.fork(child, 1001 + pid * 10)
      stream.wait(1_000_000 * UInt64(pid))
      stream.exit(below, code: 3)
      stream.exit(child, code: pid == 3 ? 1 : 0)
    }
    let text = try drawn(stream) { $0.folding = .alike(2) }
    #expect(
      text.contains("all code 0     ├─ × 4 sort  (median 4.0ms, longest 5.0ms, last at +0.010000)"))
    #expect(text.contains("all code 3     │  └─ × 4 [sh]  (median 4.0ms"))
    #expect(text.contains("code 1         └─ 1030 sort file3\n"))
    #expect(text.contains("code 3            └─ 1031 [sh]\n"))
    #expect(try drawn(stream) { $0.folding = .alike(5) }.contains("×") == false)
  }

  @Test("a fold of one command tells its arguments")
  func oneCommand() throws {
    var stream = LifeStream()
    for pid in UInt32(1)...3 {
      let child = stream.fork(shell, 1000 + pid)
      stream.exec(child, "sleep", "0.1")
      stream.exit(child)
    }
    #expect(try drawn(stream) { $0.folding = .alike(2) }.contains("× 3 sleep 0.1  (median 0ns"))
  }

  @Test("a fold of several ends tells them, the failures first in sight")
  func mixed() throws {
    var stream = LifeStream()
    for pid in UInt32(0)..<600 {
      let child = stream.fork(shell, 1000 + pid)
      stream.exec(child, "job\(pid % 200)", "\(pid)")
      stream.exit(child, code: pid % 200 == 7 && pid > 200 ? 1 : 0)
    }
    let text = try drawn(stream)
    #expect(text.contains("2 failed"))
    #expect(text.contains("× 3 job7  (2 code 1, 1 code 0, median"))
  }

  @Test("many programs below one parent: the largest are shown, the rest is counted")
  func manyPrograms() throws {
    var stream = LifeStream()
    for pid in UInt32(0)..<2000 {
      let child = stream.fork(shell, 1000 + pid)
      stream.exec(child, "program\(pid % 1000)", "\(pid)")
      stream.exit(child, code: pid == 1999 ? 1 : 0)
    }
    let text = try drawn(stream)
    #expect(text.split(separator: "\n").count < 300)
    #expect(text.contains("processes more"))
    #expect(processes(in: text) == 2001)
  }

  @Test("a chain of 20,000 is cut by depth, with what is below counted")
  func chain() throws {
    var stream = LifeStream()
    var last = shell
    for pid in UInt32(0)..<20_000 { last = stream.fork(last, 1000 + pid, comm: "c\(pid % 7)") }
    let text = try drawn(stream)
    #expect(text.split(separator: "\n").count < 60)
    #expect(processes(in: text) == 20_001)
    let shallow = try drawn(stream) {
      $0.folding = .none
      $0.depth = 2
    }
    #expect(shallow.contains("└─ … 19,998 processes more, 1 child and what is below\n"))
    #expect(try drawn(stream) { $0.folding = .none }.split(separator: "\n").count == 20_004)
  }

  @Test("search finds names and arguments, also across a blank, and keeps the ancestors only")
  func search() throws {
    let stream = LifeStream.build(100)
    let text = try drawn(stream) { $0.search = Array("-quiet src/part7.c".utf8) }
    #expect(text.contains("; 1 match\n"))
    #expect(text.contains("900 [bash]"))
    #expect(text.contains("make -j8 all"))
    #expect(text.contains("/usr/bin/cc1 -O2 -quiet src/part7.c"))
    #expect(!text.contains("as -o"))
    #expect(processes(in: text) == 4)
    #expect(try drawn(stream) { $0.search = Array("cc1".utf8) }.contains("; 25 matches\n"))
    let nothing = try drawn(stream) { $0.search = Array("no such thing".utf8) }
    #expect(nothing.hasSuffix("; 0 matches\n\nno process matches\n"))
  }

  @Test("--failed keeps failures and their ancestors")
  func failed() throws {
    let text = try drawn(.build(100)) {
      $0.failedOnly = true
      $0.folding = .none
    }
    #expect(text.contains("code 1"))
    #expect(text.contains("cc1 -O2 -quiet src/part17.c"))
    #expect(!text.contains("as -o"))
    #expect(processes(in: text) == 4)
  }

  @Test("a subtree is drawn alone; of a pid used twice the one that is meant")
  func subtree() throws {
    var stream = LifeStream()
    let first = stream.fork(shell, 50, comm: "first")
    stream.exit(first)
    stream.wait(1000)
    let second = stream.fork(shell, 50, comm: "second")
    _ = stream.fork(second, 51, comm: "below")
    let text = try drawn(stream) { $0.subtree = second }
    #expect(!text.contains("[first]"))
    #expect(!text.contains("900"))
    #expect(text.contains("  50 [second]"))
    #expect(text.contains("└─ 51 [below]"))
    let other = try drawn(stream) { $0.subtree = first }
    #expect(other.contains("  50 [first]"))
    #expect(!other.contains("below"))
  }

  @Test("changes of uid and of the effective uid are told where they begin")
  func uids() throws {
    var stream = LifeStream()
    let child = stream.fork(shell, 50)
    var after = Credentials()
    after.uid = 1000
    after.effectiveUID = 0
    stream.add(.exec(process: child, comm: "sudo", after: after))
    var root = after
    root.uid = 0
    stream.add(
      .exec(process: child, arguments: Array("id\0".utf8), count: 1, comm: "id", after: root))
    _ = stream.fork(child, 51)
    let text = try drawn(stream)
    #expect(text.contains("900 [sh]  (uid 1000)\n"))
    #expect(text.contains("50 id  (uid 1000→0, 2 execs)\n"))
    let setuid = ProcessKey(pid: 60, start: 5)
    var other = LifeStream()
    other.add(.exec(process: setuid, comm: "su", after: after))
    #expect(try drawn(other).contains("(uid 1000, euid 0)"))
  }

  @Test("what was lost is said, and nobody is said to run who may have ended")
  func lost() throws {
    var stream = LifeStream()
    let child = stream.fork(shell, 50)
    stream.wait(2_000_000)
    stream.add(RecordBuilder.exec(process: child).with(lost: [.process: 3, .signal: 2]))
    // The pid comes again without an end of the one before.
    stream.wait(2_000_000)
    _ = stream.fork(shell, 50, comm: "again")
    stream.wait(2_000_000)
    stream.add(RecordBuilder.exec(process: ProcessKey(pid: 7, start: 9)).with(lost: [.process: 1]))
    let text = try drawn(stream)
    #expect(text.contains("end lost       ├─ 50 echo hi"))
    #expect(text.contains("no end seen    └─ 50 [again]"))
    #expect(!text.contains("running"))
    #expect(
      text.hasSuffix(
        "6 events were lost from +0.002000 to +0.006000: processes may be missing, and ends not seen\n"
      ))
  }

  @Test("past the limit the ended go, and are told")
  func limit() throws {
    let text = try drawn(.build(1000), limit: 100)
    #expect(text.contains("760 processes: 748 ended with code 0, 11 failed, 1 running at the end"))
    #expect(
      text.contains("660 processes that ended first are not shown: the tree keeps 100 (--limit)"))
  }

  @Test("hostile names and arguments can't act on a terminal")
  func hostile() throws {
    var stream = LifeStream()
    let child = stream.fork(shell, 50, comm: "\u{1B}]0;x\u{7}")
    stream.add(
      .exec(
        process: child,
        arguments: [0x1B, 0x5B, 0x32, 0x4A, 0xFF, 0x0A, 0] + Array("a\u{202E}b\0".utf8), count: 2,
        comm: "\r\n\u{1B}c"))
    for change in [{ (_: inout TreeOptions) in }, { $0.folding = .none }, { $0.width = 40 }] {
      var facts = someFacts()
      facts.name = "x\u{1B}[31m\n"
      facts.faults = ["bad\u{9B}"]
      let text = try drawn(stream, facts: facts, change)
      for scalar in text.unicodeScalars {
        #expect(scalar == "\n" || scalar.value >= 0x20 && scalar.value != 0x7F)
        #expect(!(0x80...0x9F).contains(scalar.value) && scalar.value != 0x202E)
      }
    }
    let coloured = try drawn(stream) { $0.colour = true }
    #expect(coloured.contains("\u{1B}[1m"))
    #expect(!coloured.contains("\u{1B}c") && !coloured.contains("\u{1B}]"))
  }

  @Test("lines are cut at the width, never within a character, and colours still end")
  func width() throws {
    var stream = LifeStream()
    let child = stream.fork(shell, 50)
    stream.exec(child, "überlänge", String(repeating: "ä", count: 200))
    for width in [60, 80, 133] {
      let text = try drawn(stream) { $0.width = width }
      let row = try #require(text.split(separator: "\n").first { $0.contains("überlä") })
      #expect(row.count == width)
      #expect(row.hasSuffix("…"))
      #expect(!text.contains("\u{FFFD}"))
    }
  }

  @Test("times of day are UTC")
  func absolute() throws {
    let text = try drawn(.build(10)) { $0.absoluteTimes = true }
    #expect(text.contains("2026-11-18T11:06:50.000643"))
    #expect(!text.contains("+0.0"))
  }

  @Test("the same stream gives the same drawing")
  func deterministic() throws {
    let stream = LifeStream.build(5000)
    for change in [{ (_: inout TreeOptions) in }, { $0.folding = .none }, { $0.failedOnly = true }]
    {
      #expect(try drawn(stream, change) == drawn(stream, change))
    }
  }

  @Test("a stream without processes says what to record")
  func empty() throws {
    #expect(
      try drawn(LifeStream()).hasSuffix("no process was recorded: record the family process\n"))
  }
}
