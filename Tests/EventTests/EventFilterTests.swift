import KernelEvents
import Sequencer
import SequencerABI
import TestSupport
import Testing

@Suite("Filters of a recording")
struct EventFilterTests {
  private static let shell = ProcessKey(pid: 100, start: 1_000)
  private static let child = ProcessKey(pid: 200, start: 2_000)
  private static let grandchild = ProcessKey(pid: 300, start: 3_000)
  private static let stranger = ProcessKey(pid: 900, start: 500)

  private func passes(
    _ filter: inout EventFilter, _ record: RecordBuilder, cgroup: String? = nil
  ) throws -> Bool {
    try decoding(record.bytes()) { event in filter.passes(event) { cgroup.map { Array($0.utf8) } } }
  }

  /// An event of a process that tells nothing of others.
  private func act(
    of process: ProcessKey, parent: UInt32 = 1, uid: UInt32 = 1000, comm: String = "task"
  ) -> RecordBuilder {
    var record = RecordBuilder.exec(process: process, comm: comm)
    record.header.parentPID = parent
    record.header.uid = uid
    return record
  }

  @Test("Without a filter everything passes")
  func none() throws {
    var filter = EventFilter()
    #expect(try passes(&filter, act(of: EventFilterTests.shell)))
    #expect(!filter.needsCgroups)
  }

  @Test("Families")
  func families() throws {
    var filter = EventFilter()
    filter.families = [.scheduler]
    #expect(try !passes(&filter, act(of: EventFilterTests.shell)))
    #expect(
      try passes(
        &filter, .switched(from: EventFilterTests.shell, to: EventFilterTests.stranger)))
  }

  @Test("A process by its pid, its children not")
  func process() throws {
    var filter = EventFilter()
    filter.processes = [100]
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    #expect(try passes(&filter, act(of: shell)))
    #expect(try passes(&filter, .fork(parent: shell, child: child)))
    #expect(try !passes(&filter, act(of: child, parent: 100)))
    #expect(try !passes(&filter, .fork(parent: child, child: shell)))
  }

  @Test("Uids and cgroups")
  func uidsAndCgroups() throws {
    var filter = EventFilter()
    filter.uids = [0, 33]
    #expect(try passes(&filter, act(of: EventFilterTests.shell, uid: 33)))
    #expect(try !passes(&filter, act(of: EventFilterTests.shell, uid: 1000)))
    filter = EventFilter()
    filter.cgroups = [Array("/a/b".utf8), Array("/c".utf8)]
    #expect(filter.needsCgroups)
    for (path, isInside) in [
      ("/a/b", true), ("/a/b/c", true), ("/a/bc", false), ("/a", false), ("/c/x", true),
      ("/", false),
    ] {
      #expect(
        try passes(&filter, act(of: EventFilterTests.shell), cgroup: path) == isInside, "\(path)")
    }
    #expect(try !passes(&filter, act(of: EventFilterTests.shell), cgroup: nil))
    filter.cgroups = [Array("/".utf8)]
    #expect(try passes(&filter, act(of: EventFilterTests.shell), cgroup: "/any"))
  }

  @Test("Kinds are joined by and, several of a kind by or")
  func joined() throws {
    var filter = EventFilter()
    filter.processes = [100, 200]
    filter.uids = [1000]
    filter.comms = [CommGlob("sh"), CommGlob("b*")]
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    #expect(try passes(&filter, act(of: shell, comm: "sh")))
    #expect(try passes(&filter, act(of: child, comm: "bash")))
    #expect(try !passes(&filter, act(of: child, comm: "cat")))
    #expect(try !passes(&filter, act(of: child, uid: 0, comm: "bash")))
    #expect(try !passes(&filter, act(of: EventFilterTests.stranger, comm: "sh")))
  }

  @Test("Of an event of two tasks one must pass, and all kinds")
  func twoTasks() throws {
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    let wakeup = RecordBuilder.wakeup(by: shell, of: child, comm: "waker", wakeeComm: "wakee")
    let cases: [(pids: Set<UInt32>, comms: [String], passes: Bool)] = [
      ([100], [], true), ([200], [], true), ([300], [], false), ([], ["waker"], true),
      ([], ["wakee"], true), ([], ["none"], false), ([100], ["waker"], true),
      ([200], ["wakee"], true),
      // The kernel asks each task for itself: the one's pid and the other's name are nobody's.
      ([100], ["wakee"], false), ([200], ["waker"], false),
    ]
    for (pids, comms, isWanted) in cases {
      var filter = EventFilter()
      filter.processes = pids
      filter.comms = comms.map { CommGlob($0) }
      #expect(try passes(&filter, wakeup) == isWanted, "\(pids) \(comms)")
    }
    // Of the second one the record tells no uid.
    var filter = EventFilter()
    filter.processes = [200]
    filter.uids = [1000]
    #expect(try !passes(&filter, wakeup))
  }

  @Test("System calls by name: only those, other families as they are")
  func syscalls() throws {
    var filter = EventFilter()
    filter.syscalls = ["openat"]
    #expect(try passes(&filter, act(of: EventFilterTests.shell)))
    for (call, isWanted) in [("openat", true), ("getpid", false)] {
      let number = try #require(SyscallABI.ofEvents.number(of: call))
      let record = RecordBuilder.of(
        .syscallExit, by: EventFilterTests.shell, name("sh") + bytesOf(Int64(0)),
        flags: .detail(SyscallDetail.detail(number: number, isCompat: false)))
      #expect(try passes(&filter, record) == isWanted, "\(call)")
    }
  }

  // MARK: Trees

  @Test("A tree: the root, forks that were seen, and their forks")
  func tree() throws {
    let (shell, child, grandchild) = (
      EventFilterTests.shell, EventFilterTests.child, EventFilterTests.grandchild
    )
    var filter = EventFilter()
    filter.trees = [100]
    #expect(try !passes(&filter, act(of: child, parent: 50)))
    var other = EventFilter()
    other.trees = [100]
    #expect(try passes(&other, .fork(parent: shell, child: child)))
    // Its parent died; it stays in the tree.
    #expect(try passes(&other, .fork(parent: child, child: grandchild)))
    #expect(try passes(&other, .exit(process: child)))
    #expect(try passes(&other, act(of: grandchild, parent: 1)))
    #expect(try !passes(&other, act(of: EventFilterTests.stranger)))
    // The tail of dying is still its own.
    #expect(try passes(&other, .switched(from: child, to: EventFilterTests.stranger)))
  }

  @Test("A child whose fork was not seen is known by its parent")
  func unseenFork() throws {
    let (shell, child, grandchild) = (
      EventFilterTests.shell, EventFilterTests.child, EventFilterTests.grandchild
    )
    var filter = EventFilter()
    filter.trees = [100]
    #expect(try passes(&filter, act(of: shell)))
    #expect(try passes(&filter, act(of: child, parent: 100)))
    #expect(try passes(&filter, act(of: grandchild, parent: 200)))
    // Older than its parent: that pid was another's when it was born.
    #expect(try !passes(&filter, act(of: ProcessKey(pid: 800, start: 10), parent: 100)))
  }

  @Test("A pid that is given again is another process")
  func reuse() throws {
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    let reused = ProcessKey(pid: 200, start: 50_000)
    for isEndSeen in [true, false] {
      var filter = EventFilter()
      filter.trees = [100]
      #expect(try passes(&filter, .fork(parent: shell, child: child)))
      if isEndSeen { #expect(try passes(&filter, .exit(process: child))) }
      #expect(try !passes(&filter, act(of: reused, parent: 50)))
      #expect(
        try !passes(&filter, .fork(parent: reused, child: ProcessKey(pid: 201, start: 60_000))))
      // Neither are that one's children, by their parent's pid.
      #expect(try !passes(&filter, act(of: ProcessKey(pid: 202, start: 61_000), parent: 200)))
      #expect(try passes(&filter, act(of: shell)))
    }
  }

  @Test("An event of two tasks passes where the second one is of the tree")
  func secondOfTree() throws {
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    var filter = EventFilter()
    filter.trees = [100]
    let wakeup = RecordBuilder.wakeup(by: EventFilterTests.stranger, of: child)
    #expect(try !passes(&filter, wakeup))
    #expect(try passes(&filter, .fork(parent: shell, child: child)))
    #expect(try passes(&filter, wakeup))
  }

  @Test("Threads are their process's; a last thread's exit ends it, another's does not")
  func threads() throws {
    let (shell, child) = (EventFilterTests.shell, EventFilterTests.child)
    var filter = EventFilter()
    filter.trees = [100]
    #expect(try passes(&filter, .fork(parent: shell, child: child)))
    #expect(
      try passes(
        &filter,
        .fork(parent: child, child: child, childTID: 201, threadStart: 2_500, flags: 0x10000)))
    #expect(try passes(&filter, .exit(process: child, tid: 201, threadStart: 2_500, flags: [])))
    #expect(try passes(&filter, act(of: EventFilterTests.grandchild, parent: 200)))
  }

  @Test("A family that is not wanted is followed all the same")
  func followsUnwanted() throws {
    var filter = EventFilter()
    filter.trees = [100]
    filter.families = [.scheduler]
    #expect(
      try !passes(&filter, .fork(parent: EventFilterTests.shell, child: EventFilterTests.child)))
    #expect(
      try passes(&filter, .switched(from: EventFilterTests.child, to: EventFilterTests.stranger)))
  }

  @Test("Trees stay bounded: pids no kernel gives are not followed, and ended ones are forgotten")
  func bounded() throws {
    var filter = EventFilter()
    filter.trees = [100]
    let beyond = ProcessKey(pid: 4_194_305, start: 5_000)
    #expect(try passes(&filter, .fork(parent: EventFilterTests.shell, child: beyond)))
    #expect(try !passes(&filter, act(of: beyond, parent: 1)))
  }
}
