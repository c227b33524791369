import EventFormats
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("The process tree")
struct ProcessTreeTests {
  private let shell = ProcessKey(pid: 10, start: 1000)
  private let make = ProcessKey(pid: 20, start: 2000)
  private let compiler = ProcessKey(pid: 21, start: 3000)
  private let linker = ProcessKey(pid: 22, start: 4000)

  private func tree(_ records: [RecordBuilder], limit: Int = 100) throws -> ProcessTree {
    var tree = ProcessTree(limit: limit)
    for record in records { try decoding(record.bytes()) { tree.add($0) } }
    return tree
  }

  private func drawn(_ tree: ProcessTree) -> String {
    var buffer = OutputBuffer()
    buffer.append(tree: tree)
    return String(decoding: buffer.array, as: UTF8.self)
  }

  @Test("who made whom, what each ran, how each ended")
  func golden() throws {
    var tree = try tree([
      .fork(parent: shell, child: make, comm: "bash", childComm: "bash"),
      .exec(process: make, arguments: Array("make\0-j2\0all the\0".utf8), count: 3, comm: "make"),
      .fork(parent: make, child: compiler, childComm: "make"),
      .exec(process: compiler, arguments: Array("sh\0".utf8), count: 1, comm: "sh"),
      .exec(process: compiler, arguments: Array("cc\0a.c\0".utf8), count: 2, comm: "cc"),
      .fork(parent: compiler, child: compiler, childTID: 99, threadStart: 5000),
      .fork(parent: make, child: linker, childComm: "ma\u{1B}ke"),
      .exit(process: compiler, tid: 99, threadStart: 5000, flags: []),
      .exit(process: compiler, status: 1 << 8, runtime: 2_500_000),
      .exit(process: linker, status: 0x8B, runtime: 100),
      .exec(process: ProcessKey(pid: 5, start: 1), arguments: [], count: 7, comm: "old"),
    ])
    var lost = FamilyCounts()
    lost[.process] = 2
    tree.add(Gap(cpu: 0, lost: lost))
    let expected = """
      10 [bash]  (running)
      └─ 20 make -j2 'all the'  (running)
         ├─ 21 cc a.c  (code 1, ran 2.5ms, 1 thread more, 2 execs)
         └─ 22 [ma\\x1bke]  (SIGSEGV, core, ran 100ns)
      5 old  (running)
      2 events were lost: processes may be missing

      """
    #expect(drawn(tree) == expected)
    #expect(tree[compiler]?.parent == make)
    #expect(tree[compiler]?.execs == 2)
    #expect(tree[compiler]?.threads == 1)
    #expect(tree[linker]?.status == WaitStatus(rawValue: 0x8B))
    #expect(tree[shell]?.status == nil)
  }

  @Test("branches go on beside the children of an earlier sibling")
  func branches() throws {
    let tree = try tree([
      .fork(parent: shell, child: make, childComm: "b"),
      .fork(parent: make, child: compiler, childComm: "c"),
      .fork(parent: shell, child: linker, childComm: "d"),
    ])
    let expected = """
      10 [parent]  (running)
      ├─ 20 [b]  (running)
      │  └─ 21 [c]  (running)
      └─ 22 [d]  (running)

      """
    #expect(drawn(tree) == expected)
  }

  @Test("-o tree draws the same, at the end only")
  func format() throws {
    var writer = EventWriter(.tree)
    var buffer = OutputBuffer()
    var context = FormattingContext(clock: ClockOffset(nanoseconds: 0), cgroups: nil)
    try decoding(RecordBuilder.fork(parent: shell, child: make).bytes()) {
      writer.write($0, context: &context, into: &buffer)
    }
    let isEmpty = buffer.isEmpty
    #expect(isEmpty)
    writer.finish(into: &buffer)
    #expect(
      String(decoding: buffer.array, as: UTF8.self)
        == "10 [parent]  (running)\n└─ 20 [child]  (running)\n")
  }

  @Test("a process that is seen first by an exec finds its parent by pid")
  func parentByPID() throws {
    var exec = RecordBuilder.exec(process: make)
    exec.header.parentPID = shell.pid
    let tree = try tree([.exec(process: shell), exec])
    #expect(tree[make]?.parent == shell)
  }

  @Test("a reused pid is another process")
  func reuse() throws {
    let again = ProcessKey(pid: make.pid, start: 9000)
    let tree = try tree([
      .fork(parent: shell, child: make), .exit(process: make, status: 0),
      .fork(parent: shell, child: again),
    ])
    #expect(tree.count == 3)
    #expect(tree[make]?.status == WaitStatus(rawValue: 0))
    #expect(tree[again]?.status == nil)
  }

  @Test("long command lines are cut and say so")
  func longCommandLine() throws {
    let long = [UInt8](repeating: 0x78, count: 4000)
    let tree = try tree([.exec(arguments: Array("x\0".utf8) + long + [0], count: 2)])
    let process = try #require(tree[ProcessKey(pid: 100, start: 1_000_000_000)])
    #expect(process.commandLine?.count == ProcessTree.commandLineLimit)
    #expect(process.isCommandLineCut)
    #expect(drawn(tree).contains("xxx …  (running)"))
  }

  @Test("memory is bounded: the ended go first, and are counted")
  func bounded() throws {
    var records: [RecordBuilder] = []
    for pid in UInt32(1000)..<3000 {
      let child = ProcessKey(pid: pid, start: UInt64(pid))
      records.append(.fork(parent: shell, child: child))
      if pid % 2 == 0 { records.append(.exit(process: child)) }
    }
    let tree = try tree(records, limit: 50)
    #expect(tree.count == 50)
    // The shell itself goes where none has ended, and comes back with its next fork.
    #expect(tree.evicted >= 2001 - 50)
    #expect(tree[ProcessKey(pid: 2999, start: 2999)] != nil)
    #expect(drawn(tree).hasSuffix("more processes are not shown: the tree keeps 50\n"))
  }

  @Test("the living stay while there are ended ones to drop")
  func livingStay() throws {
    var records: [RecordBuilder] = []
    for pid in UInt32(1000)..<3000 {
      let child = ProcessKey(pid: pid, start: UInt64(pid))
      records += [.fork(parent: shell, child: child), .exit(process: child)]
    }
    #expect(try tree(records, limit: 50)[shell] != nil)
  }

  @Test("a chain as long as the limit is drawn without deep recursion")
  func chain() throws {
    var records: [RecordBuilder] = []
    for pid in UInt32(1)..<5000 {
      records.append(
        .fork(
          parent: ProcessKey(pid: pid, start: UInt64(pid)),
          child: ProcessKey(pid: pid + 1, start: UInt64(pid + 1))))
    }
    let text = drawn(try tree(records, limit: 6000))
    #expect(text.split(separator: "\n").count == 5000)
    #expect(text.utf8.count < 5000 * 400)
  }

  @Test("forks in a circle don't hang it")
  func circle() throws {
    let tree = try tree([
      .fork(parent: shell, child: make), .fork(parent: make, child: shell),
      .fork(parent: make, child: make),
    ])
    #expect(drawn(tree).split(separator: "\n").count == 2)
  }
}
