import Causality
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// Feeds `records` in the order given, numbered as they come unless `sequences` says otherwise.
func verified(
  _ records: [RecordBuilder], began: UInt64? = 10, sequences: [UInt64]? = nil,
  gaps: [Gap] = [], missed: UInt64 = 0, horizon: Int = 131_072, isTree: Bool = false
) throws -> CausalityVerifier {
  var verifier = CausalityVerifier(tracingBegan: began, isTree: isTree, horizon: horizon)
  for (index, record) in withParents(records).enumerated() {
    var record = record
    record.header.sequence = sequences?[index] ?? UInt64(index + 1)
    try decoding(record.bytes()) { event in
      if let gap = event.gap { verifier.observe(gap) }
      verifier.observe(event)
    }
  }
  for gap in gaps { verifier.observe(gap) }
  verifier.finish(missed: missed)
  return verifier
}

/// Has each record name the parent that the forks among them tell.
func withParents(_ records: [RecordBuilder]) -> [RecordBuilder] {
  var makers: [ProcessKey: UInt32] = [:]
  for record in records where record.header.kind == EventKind.fork.rawValue {
    let made = record.payload.span.raw
    let (pid, tid) = (made.value(at: 0, as: UInt32.self), made.value(at: 4, as: UInt32.self))
    if pid != tid { continue }
    makers[ProcessKey(pid: pid, start: made.value(at: 8, as: UInt64.self))] = record.header.pid
  }
  return records.map { record in
    var record = record
    let key = ProcessKey(pid: record.header.pid, start: record.header.processStart)
    record.header.parentPID = makers[key] ?? record.header.parentPID
    return record
  }
}

/// A loss of `count` process events.
func loss(_ count: UInt64, after: UInt64? = nil) -> Gap {
  var lost = FamilyCounts()
  lost[.process] = count
  lost[.scheduler] = count
  return Gap(cpu: 0, lost: lost, afterSequence: after)
}

/// Started before tracing began, at 10.
let ancient = ProcessKey(pid: 1, start: 5)
let parent = ProcessKey(pid: 50, start: 100)
let child = ProcessKey(pid: 60, start: 200)

@Suite("Streams in order")
struct CleanStreamTests {
  private func expectClean(_ verifier: CausalityVerifier, _ location: SourceLocation) {
    #expect(verifier.orderingViolations == 0, sourceLocation: location)
    #expect(
      verifier.causalityViolations == 0, "\(verifier.firstCausalityViolations)",
      sourceLocation: location)
    #expect(verifier.unjudged == 0, sourceLocation: location)
  }

  private func expectClean(
    _ records: [RecordBuilder], began: UInt64? = 10, sequences: [UInt64]? = nil,
    location: SourceLocation = #_sourceLocation
  ) throws {
    expectClean(try verified(records, began: began, sequences: sequences), location)
  }

  @Test("a life from fork to exit, with a pid used again")
  func life() throws {
    let again = ProcessKey(pid: child.pid, start: 900)
    try expectClean([
      .fork(parent: ancient, child: parent), .exec(process: parent),
      .fork(parent: parent, child: child), .exec(process: child), .exec(process: child),
      .exit(process: child), .fork(parent: parent, child: again), .exit(process: again),
      .exit(process: parent),
    ])
  }

  @Test("sequences with holes rise too")
  func holes() throws {
    try expectClean(
      [.fork(parent: ancient, child: child), .exit(process: child)], sequences: [5, 500])
  }

  @Test("processes that ran before tracing began need no fork")
  func before() throws {
    try expectClean([
      .exec(process: ancient), .fork(parent: ancient, child: child),
      .exit(process: ProcessKey(pid: 2, start: 10)),
      .exit(process: ProcessKey(pid: 3, start: 4), tid: 7, threadStart: 6, flags: []),
    ])
  }

  @Test("threads come, go, and have their ids used again")
  func threads() throws {
    try expectClean([
      .fork(parent: ancient, child: parent),
      .fork(parent: parent, child: parent, childTID: 51, threadStart: 110),
      .fork(parent: parent, parentTID: 51, child: parent, childTID: 52, threadStart: 120),
      .exit(process: parent, tid: 51, threadStart: 110, flags: []),
      .fork(parent: parent, parentTID: 52, child: parent, childTID: 51, threadStart: 130),
      .exit(process: parent, tid: 51, threadStart: 130, flags: []),
      .exit(process: parent, tid: 52, threadStart: 120, flags: []),
      .exit(process: parent),
    ])
  }

  @Test("a thread's exit may come after the last one's")
  func lateExit() throws {
    try expectClean([
      .fork(parent: ancient, child: parent),
      .fork(parent: parent, child: parent, childTID: 51, threadStart: 110),
      .exit(process: parent, flags: .lastThread),
      .exit(process: parent, tid: 51, threadStart: 110, flags: []),
    ])
  }

  @Test("a leader that exits first, and a last thread that isn't the leader")
  func leaderFirst() throws {
    try expectClean([
      .fork(parent: ancient, child: parent),
      .fork(parent: parent, child: parent, childTID: 51, threadStart: 110),
      .exit(process: parent, flags: []),
      .fork(parent: parent, parentTID: 51, child: child),
      .exit(process: parent, tid: 51, threadStart: 110, flags: .lastThread),
    ])
  }

  @Test("an exec by a thread other than the leader takes over the leader's id")
  func execByThread() throws {
    try expectClean([
      .fork(parent: ancient, child: parent),
      .fork(parent: parent, child: parent, childTID: 51, threadStart: 110),
      .exit(process: parent, flags: []),
      .exec(process: parent, oldTID: 51),
      .fork(parent: parent, child: child),
      .fork(parent: parent, child: parent, childTID: 51, threadStart: 300),
      .exit(process: parent, tid: 51, threadStart: 300, flags: []),
      .exit(process: parent, flags: .lastThread),
    ])
  }

  @Test("a thread of a process from before may exec, fork and end")
  func oldThreads() throws {
    try expectClean([
      .fork(parent: ancient, parentTID: 9, child: child),
      .exit(process: ancient, flags: []),
      .exec(process: ancient, oldTID: 9),
      .exit(process: ancient, flags: .lastThread),
    ])
  }

  @Test("a stream with filters or an unknown beginning has no suspects")
  func partial() throws {
    try expectClean(
      [
        .exec(process: child), .exit(process: child),
        .fork(parent: parent, parentTID: 77, child: ancient),
      ].dropLast() + [.exit(process: parent, tid: 78, threadStart: 500, flags: [])], began: nil)
  }

  @Test("a command that the tracer started is excused")
  func excused() throws {
    var verifier = CausalityVerifier(tracingBegan: 10)
    verifier.excuse(pid: child.pid)
    try decoding(RecordBuilder.exec(process: child).bytes()) { verifier.observe($0) }
    verifier.finish()
    #expect(verifier.causalityViolations == 0)
  }

  @Test("records of the test programs are looked at for their order only")
  func testRecords() throws {
    try expectClean([RecordBuilder(kind: .test), RecordBuilder(kind: .test)])
  }
}

@Suite("Streams of the scheduler in order")
struct SchedulerStreamTests {
  static let idle = ProcessKey(pid: 0, start: 0)
  static let born = RecordBuilder.fork(parent: ancient, child: parent)

  static let streams: [(String, [RecordBuilder])] = [
    (
      "sleep, wakeup, run",
      [
        born, .switched(from: parent, state: 1, to: idle), .wakeup(by: idle, of: parent),
        .switched(from: idle, to: parent),
      ]
    ),
    (
      "a waker that comes between the decision to sleep and the switch",
      [
        born, .wakeup(by: idle, of: parent), .switched(from: parent, state: 1, to: idle),
        .switched(from: idle, to: parent),
      ]
    ),
    (
      "preempted, whatever state it was about to take",
      [
        born, .switched(from: parent, state: 1, isPreempted: true, to: idle),
        .switched(from: idle, to: parent),
      ]
    ),
    (
      "yielded",
      [born, .switched(from: parent, to: idle), .switched(from: idle, to: parent)]
    ),
    (
      "the tail of dying: wakes its parent, is switched out and in and out again",
      [
        born, .fork(parent: parent, child: child), .exit(process: child),
        .wakeup(by: child, of: parent), .switched(from: child, to: parent),
        .switched(from: parent, to: child), .switched(from: child, state: 0x80, to: idle),
      ]
    ),
    ("the idle tasks have no maker", [.switched(from: idle, to: idle)]),
  ]

  @Test("is clean", arguments: streams.indices)
  func clean(index: Int) throws {
    let verifier = try verified(Self.streams[index].1)
    #expect(verifier.firstCausalityViolations.isEmpty, "\(Self.streams[index].0)")
  }

  @Test("a lost wakeup explains a task that runs without one, a lost fork does not")
  func losses() throws {
    let stream: [RecordBuilder] = [
      Self.born, .switched(from: parent, state: 1, to: Self.idle),
      .switched(from: Self.idle, to: parent),
    ]
    let explained = stream + [RecordBuilder.exit(process: parent).with(lost: [.scheduler: 1])]
    #expect(try verified(explained).causalityViolations == 0)
    let unexplained = stream + [RecordBuilder.exit(process: parent).with(lost: [.process: 1])]
    #expect(try verified(unexplained).causalityViolations == 1)
  }
}

@Suite("Streams out of order")
struct ViolationTests {
  typealias Rule = CausalityViolation.Rule

  static let thread51 = RecordBuilder.fork(
    parent: parent, child: parent, childTID: 51, threadStart: 110)
  static let idle = ProcessKey(pid: 0, start: 0)
  static let born = RecordBuilder.fork(parent: ancient, child: parent)

  static let cases: [(Rule, [RecordBuilder])] = [
    (.eventBeforeFork, [born, .exec(process: child), .fork(parent: parent, child: child)]),
    (.eventBeforeFork, [born, .exit(process: child), .fork(parent: parent, child: child)]),
    (
      .eventBeforeFork,
      [
        born, .fork(parent: child, child: ProcessKey(pid: 70, start: 300)),
        .fork(parent: parent, child: child),
      ]
    ),
    (
      .eventBeforeFork,
      [born, .exit(process: parent, tid: 51, threadStart: 110, flags: []), thread51]
    ),
    (.eventBeforeFork, [born, .fork(parent: parent, parentTID: 51, child: child), thread51]),
    (
      .forkedTwice,
      [born, .fork(parent: parent, child: child), .fork(parent: parent, child: child)]
    ),
    (.forkedTwice, [born, thread51, thread51]),
    (
      .eventAfterExit,
      [
        born, thread51, .exit(process: parent, tid: 51, threadStart: 110, flags: []),
        .fork(parent: parent, parentTID: 51, child: child),
      ]
    ),
    (.eventAfterExit, [born, thread51, .exit(process: parent, flags: []), .exec(process: parent)]),
    (
      .exitedTwice,
      [
        born, thread51, .exit(process: parent, tid: 51, threadStart: 110, flags: []),
        .exit(process: parent, tid: 51, threadStart: 110, flags: []),
      ]
    ),
    (
      .exitedTwice,
      [born, thread51, .exit(process: parent, flags: []), .exit(process: parent, flags: [])]
    ),
    (.secondLastThread, [born, .exit(process: parent), .exit(process: parent)]),
    (
      .secondLastThread,
      [
        born, thread51, .exit(process: parent),
        .exit(process: parent, tid: 51, threadStart: 110, flags: .lastThread),
      ]
    ),
    (.eventAfterLastThread, [born, .exit(process: parent), .exec(process: parent)]),
    (
      .eventAfterLastThread,
      [born, .exit(process: parent), .fork(parent: parent, child: child)]
    ),
    (
      .startedBeforeParent,
      [born, .fork(parent: parent, child: ProcessKey(pid: 60, start: 99))]
    ),
    (
      .threadOfAnotherProcess,
      [born, .fork(parent: parent, child: child, childTID: 61, threadStart: 300)]
    ),
    (.missingFork, [.exec(process: child)]),
    (.missingFork, [.exit(process: child)]),
    (.missingFork, [.fork(parent: child, child: ProcessKey(pid: 70, start: 300))]),
    (.missingFork, [born, .exit(process: parent, tid: 51, threadStart: 110, flags: [])]),
    (
      .missingFork, [.exit(process: ancient, tid: 51, threadStart: 110, flags: [])]
    ),
    (
      .missingFork,
      [
        born, thread51, .exit(process: parent, tid: 51, threadStart: 111, flags: []),
      ]
    ),
    (
      .missingFork, [.switched(from: idle, to: child), .switched(from: child, to: idle)]
    ),
    (.missingFork, [.wakeup(by: idle, of: child, isNew: true)]),
    (
      .eventBeforeFork,
      [
        born, .wakeup(by: parent, of: child, isNew: true), .fork(parent: parent, child: child),
      ]
    ),
    (
      .ranWithoutWakeup,
      [
        born, .switched(from: parent, state: 1, to: idle), .switched(from: idle, to: parent),
      ]
    ),
    (
      // The wakeup comes behind the switch that it causes.
      .ranWithoutWakeup,
      [
        born, .wakeup(by: idle, of: parent), .switched(from: idle, to: parent),
        .switched(from: parent, state: 2, to: idle), .switched(from: idle, to: parent),
        RecordBuilder.wakeup(by: idle, of: parent).on(cpu: 1),
      ]
    ),
    (
      .eventAfterLastThread,
      [born, .exit(process: parent), .wakeup(by: parent, of: idle, isNew: true)]
    ),
  ]

  @Test("each rule is found, once", arguments: Array(cases.indices))
  func rules(index: Int) throws {
    let (rule, records) = Self.cases[index]
    let verifier = try verified(records)
    #expect(verifier.firstCausalityViolations.map(\.rule) == [rule])
    #expect(verifier.causalityViolations == 1)
    #expect(verifier.orderingViolations == 0)
  }

  @Test("every rule has a case")
  func complete() {
    #expect(Set((Self.cases + RuleCases.all.map { ($0.rule, []) }).map(\.0)) == Set(Rule.allCases))
  }

  @Test("a violation names its task and its event")
  func content() throws {
    let verifier = try verified([
      Self.born, Self.thread51, .exit(process: parent, tid: 51, threadStart: 110, flags: []),
      .exit(process: parent, tid: 51, threadStart: 110, flags: []),
    ])
    #expect(
      verifier.firstCausalityViolations.map {
        [$0.effect.sequence, $0.earlier?.sequence, UInt64($0.tid), UInt64($0.process.pid)]
      } == [[3, 2, 51, 50]])
    #expect(
      verifier.firstCausalityViolations[0].description
        == "event 3: task 51 of process 50 (start 100) exited a second time; event 2")
    #expect(
      verifier.firstCausalityViolations[0].fullDescription
        == "exitedTwice: task 51 of process 50 (start 100) exited a second time: "
        + "3 exit (cpu 3, task 51 at 5.000000000 s); against 2 exit (cpu 3, task 51 at 5.000000000 s)"
    )
  }

  /// Cases that a loss may explain. Beside the absent forks: a leader that exits twice may have been
  /// taken over in an exec that is lost, and a thread that acts before its fork may be an earlier
  /// one under the same id.
  static let suspects = cases.indices.filter { index in
    switch cases[index].0 {
    case .missingFork, .eventAfterExit, .ranWithoutWakeup: true
    case .exitedTwice: cases[index].1.last?.header.tid == parent.pid
    case .eventBeforeFork:
      cases[index].1.contains { $0.header.tid == 51 && $0.header.kind == EventKind.fork.rawValue }
    default: false
    }
  }

  @Test(
    "contradictions among delivered events count whatever is filtered or lost",
    arguments: cases.indices.filter { !suspects.contains($0) })
  func certain(index: Int) throws {
    let (rule, records) = Self.cases[index]
    for verifier in [
      try verified(records, began: nil), try verified(records, gaps: [loss(100)], missed: 100),
    ] {
      #expect(verifier.firstCausalityViolations.map(\.rule) == [rule])
    }
  }

  @Test("of a process tree others need no cause, its own tasks do")
  func strangers() throws {
    let others: [RecordBuilder] = [
      Self.born, .wakeup(by: ancient, of: parent, isNew: true, wakeeCPU: 3),
      .switched(from: child, state: 1, to: parent), .switched(from: parent, to: child),
      .wakeup(by: child, of: parent),
    ]
    #expect(try verified(others, isTree: true).causalityViolations == 0)
    #expect(try verified(others).causalityViolations == 1)
    let own: [RecordBuilder] = [
      Self.born, .switched(from: parent, state: 1, to: Self.idle),
      .switched(from: Self.idle, to: parent),
    ]
    let verifier = try verified(own, isTree: true)
    #expect(verifier.firstCausalityViolations.map(\.rule) == [.ranWithoutWakeup])
    let early = try verified(
      [Self.born, .wakeup(by: parent, of: child), .fork(parent: parent, child: child)], isTree: true
    )
    #expect(early.firstCausalityViolations.map(\.rule) == [.eventBeforeFork])
  }

  @Test("an absent cause is explained by a loss, also one that is told later", arguments: suspects)
  func explained(index: Int) throws {
    let records = Self.cases[index].1
    #expect(try verified(records, gaps: [loss(1)]).causalityViolations == 0)
    // A loss after the event 0 can't explain that event itself.
    let unexplained: UInt64 =
      try verified(records).firstCausalityViolations[0].sequence == 0 ? 1 : 0
    #expect(
      try verified(records, gaps: [loss(1, after: 0)]).causalityViolations == unexplained)
    #expect(try verified(records, missed: 1).causalityViolations == 0)
    var other = FamilyCounts()
    other[.file] = 9
    #expect(try verified(records, gaps: [Gap(cpu: 0, lost: other)]).causalityViolations == 1)
    #expect(try verified(records, gaps: [loss(9, after: 50)]).causalityViolations == 1)
  }

  @Test("a loss of so many events explains no more than so many absent causes")
  func budget() throws {
    let orphans = (0..<5).map { number in
      RecordBuilder.exec(process: ProcessKey(pid: 1000 + UInt32(number), start: 400))
    }
    #expect(try verified(orphans).causalityViolations == 5)
    #expect(try verified(orphans, gaps: [loss(3)]).causalityViolations == 2)
    #expect(try verified(orphans, gaps: [loss(2)], missed: 2).causalityViolations == 1)
    #expect(try verified(orphans, gaps: [loss(2), loss(3)]).causalityViolations == 0)
  }

  @Test("a gap inside a record counts as well")
  func gapInRecord() throws {
    let records: [RecordBuilder] = [
      .exec(process: child), RecordBuilder.exit(process: child).with(lost: [.process: 1]),
    ]
    #expect(try verified(records).causalityViolations == 0)
  }

  @Test(
    "sequences that don't rise",
    arguments: [
      ([1, 2, 3], 0), ([1, 1], 1), ([2, 1], 1), ([1, 5, 3, 4, 6], 2), ([9, 1, 2, 3], 3),
      ([1, 3, 2, 4], 1),
    ] as [([UInt64], UInt64)])
  func ordering(sequences: [UInt64], expected: UInt64) throws {
    let records = sequences.map { _ in RecordBuilder(kind: .test) }
    let verifier = try verified(records, sequences: sequences)
    #expect(verifier.orderingViolations == expected)
    #expect(verifier.firstOrderingViolations.count == Int(expected))
    if expected > 0 {
      #expect(verifier.firstOrderingViolations[0].description.contains("was delivered after"))
    }
  }

  @Test("all are counted, the first are kept")
  func kept() throws {
    var verifier = CausalityVerifier(tracingBegan: 10, kept: 3)
    for _ in 0..<10 {
      try decoding(RecordBuilder.fork(child: child).bytes()) { verifier.observe($0) }
    }
    #expect(verifier.causalityViolations > 3)
    #expect(verifier.firstCausalityViolations.count == 3)
    #expect(verifier.orderingViolations == 9)
    #expect(verifier.firstOrderingViolations.count == 3)
  }
}
