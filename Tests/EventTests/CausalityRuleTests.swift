import Causality
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// Judges `records` as a whole stream with exact times, in the order given.
func judged(
  _ records: [RecordBuilder], gaps: [Gap] = [], missed: UInt64 = 0, began: UInt64? = 10,
  isExact: Bool = true
) throws -> CausalityVerifier {
  var verifier = CausalityVerifier(
    tracingBegan: began, hasExactClock: isExact, kept: 1000)
  for (index, record) in records.enumerated() {
    var record = record
    record.header.sequence = UInt64(index + 1)
    try decoding(record.bytes()) { event in
      if let gap = event.gap { verifier.observe(gap) }
      verifier.observe(event)
    }
  }
  for gap in gaps { verifier.observe(gap) }
  verifier.finish(missed: missed)
  return verifier
}

/// Streams that one rule alone finds wrong, each beside a true one.
struct RuleCase: Sendable {
  var rule: CausalityRule
  /// A loss of this family explains it; nil where nothing does.
  var family: EventFamily?
  var truth: [RecordBuilder]
  var wrong: [RecordBuilder]
}

/// The rules that ``ViolationTests`` has no cases of.
enum RuleCases {
  static let idle = StoryTask.idle
  static let root = StoryTask.main(ancient)
  static let one = StoryTask.main(parent)
  static let two = StoryTask.main(child)
  static let thread = StoryTask(process: parent, tid: 51)

  /// Gives each record a time of its own, a parent, and a CPU where it has none.
  static func timed(_ records: [RecordBuilder]) -> [RecordBuilder] {
    withParents(records).enumerated().map { index, record in
      record.on(cpu: record.header.cpu, at: 10_000 + UInt64(index) * 1000)
    }
  }

  static let born: [RecordBuilder] = [
    .fork(parent: ancient, child: parent).on(cpu: 0),
    .wakes(root, one, on: 0, isNew: true).on(cpu: 0),
    .fork(parent: ancient, child: child).on(cpu: 0),
    .wakes(root, two, on: 1, isNew: true).on(cpu: 0),
  ]
  static let runs: [RecordBuilder] =
    born + [
      RecordBuilder.switched(root, one, state: 0).on(cpu: 0),
      RecordBuilder.switched(idle, two, state: 0).on(cpu: 1),
    ]
  private static func enter(_ task: StoryTask, _ call: UInt16 = 0) -> RecordBuilder {
    .enters(task, call).on(cpu: task == two ? 1 : 0)
  }
  private static func leave(_ task: StoryTask, _ call: UInt16 = 0) -> RecordBuilder {
    .leaves(task, call).on(cpu: task == two ? 1 : 0)
  }

  private static func make(
    _ rule: CausalityRule, _ family: EventFamily?, _ truth: [RecordBuilder],
    _ wrong: [RecordBuilder]
  ) -> RuleCase {
    RuleCase(rule: rule, family: family, truth: timed(truth), wrong: timed(wrong))
  }

  static let all: [RuleCase] = scheduler + calls + lives + times

  static let scheduler: [RuleCase] = [
    make(
      .switchedFromAnother, .scheduler,
      runs + [
        RecordBuilder.switched(one, root, state: 0).on(cpu: 0),
        RecordBuilder.switched(root, one, state: 0).on(cpu: 0), enter(one), enter(two),
      ],
      runs + [
        enter(two), RecordBuilder.switched(root, idle, state: 0).on(cpu: 0),
      ] + [enter(one).on(cpu: 2)]),
    make(
      .actedOffCPU, .scheduler, runs + [enter(one), enter(two)],
      runs + [enter(one), RecordBuilder.enters(two, 0).on(cpu: 0), leave(one).on(cpu: 3)]),
    make(
      .ranTwiceAtOnce, .scheduler, runs + [enter(one), enter(two)],
      runs + [
        enter(one), enter(two), RecordBuilder.switched(two, idle, state: 1).on(cpu: 1),
        RecordBuilder.migrates(idle, one, from: 0, to: 1).on(cpu: 1),
        RecordBuilder.switched(idle, one, state: 0).on(cpu: 1),
      ]),
    make(
      .ranOnAnotherCPU, .scheduler,
      runs + [
        enter(one), enter(two), RecordBuilder.switched(one, root, state: 0).on(cpu: 0),
        RecordBuilder.migrates(root, one, from: 0, to: 1).on(cpu: 0),
        RecordBuilder.switched(two, one, state: 1).on(cpu: 1),
      ],
      runs + [
        enter(one), enter(two), RecordBuilder.switched(one, root, state: 0).on(cpu: 0),
        RecordBuilder.switched(two, one, state: 1).on(cpu: 1),
      ]),
    make(
      .missingExit, .process,
      runs + [
        enter(two), RecordBuilder.exit(process: parent).on(cpu: 0),
        RecordBuilder.switched(one, root, state: 0x80).on(cpu: 0),
      ],
      runs + [
        enter(one), enter(two), RecordBuilder.switched(one, root, state: 0x80).on(cpu: 0),
      ]),
    make(
      .actedAfterDeath, .scheduler,
      runs + [
        enter(two), RecordBuilder.exit(process: parent).on(cpu: 0),
        RecordBuilder.wakes(one, root, on: 0).on(cpu: 0),
        RecordBuilder.switched(one, root, state: 0x80).on(cpu: 0),
      ],
      runs + [
        enter(two), RecordBuilder.exit(process: parent).on(cpu: 0),
        RecordBuilder.switched(one, root, state: 0x80).on(cpu: 0),
        RecordBuilder.wakes(one, root, on: 0).on(cpu: 2),
      ]),
  ]

  static let calls: [RuleCase] = [
    make(
      .callInsideCall, .syscall, born + [enter(one), leave(one), enter(one)],
      born + [enter(one), enter(one, 1)]),
    make(
      .callInsideCall, .futex,
      born + [.futex(one, isExit: false), .futex(one, isExit: true), .futex(one, isExit: false)],
      born + [.futex(one, isExit: false), .futex(one, isExit: false)]),
    make(
      .otherCallEnded, .syscall, born + [enter(one), leave(one), enter(one, 59), leave(one, 11)],
      born + [enter(one), leave(one, 1)]),
    make(
      .lockNotWaitedFor, .lock,
      born + [
        .lock(one, 8, isEnd: false), .lock(one, 8, isEnd: false), .lock(one, 9, isEnd: false),
        .lock(one, 9, isEnd: true), .lock(one, 8, isEnd: true),
      ],
      born + [.lock(one, 8, isEnd: false), .lock(one, 9, isEnd: true)]),
    make(
      .deliveredNotGenerated, .signal,
      born + [
        .signals(two, one, 10, code: -6), .takes(one, 10, code: -6), .takes(one, 9, code: 0),
        .takes(one, 10, code: 0),
      ],
      born + [
        .signals(two, one, 10, code: -6), .takes(one, 10, code: -6), .takes(one, 10, code: -6),
      ]),
    make(
      .credentialsDiffer, .credentials,
      born + [
        .changes(one, uid: 0, to: 5), .changes(one, uid: 5, to: 6), .exec(process: parent),
        .changes(one, uid: 0, to: 1),
      ],
      born + [.changes(one, uid: 0, to: 5), .changes(one, uid: 0, to: 6)]),
    make(
      .namespacesDiffer, .namespace,
      born + [.enters(one, net: 1, to: 2), .enters(one, net: 2, to: 3)],
      born + [.enters(one, net: 1, to: 2), .enters(one, net: 3, to: 4)]),
  ]

  private static func named(_ record: RecordBuilder, parent: UInt32) -> RecordBuilder {
    var record = record
    record.header.parentPID = parent
    return record
  }
  private static let grandchild = ProcessKey(pid: 70, start: 300)
  private static let three = StoryTask.main(grandchild)
  private static let family3 =
    born + [
      .fork(parent: parent, child: grandchild).on(cpu: 0),
      .wakes(one, three, on: 0, isNew: true).on(cpu: 0),
    ]

  static let lives: [RuleCase] = [
    make(
      .threadOutlivedExec, .process,
      born + [
        .fork(parent: parent, child: parent, childTID: 51, threadStart: 110), enter(thread),
        leave(thread), .exit(process: parent, tid: 51, threadStart: 110, flags: []),
        .exec(process: parent),
      ],
      born + [
        .fork(parent: parent, child: parent, childTID: 51, threadStart: 110),
        .exec(process: parent), enter(thread),
      ]),
    reparented(.reparentedEarly, truth: [0, 1, 2, 3], wrong: [1, 2, 3]),
    parentGone,
  ]

  /// A child goes to init. The first event that says so may stand before its parent's exit.
  private static func reparented(
    _ rule: CausalityRule, truth: [Int], wrong: [Int]
  ) -> RuleCase {
    let start = timed(family3)
    func pick(_ places: [Int]) -> [RecordBuilder] {
      let steps = [
        RecordBuilder.exit(process: parent), named(enter(three), parent: 1),
        named(leave(three), parent: 1), named(enter(three), parent: 1),
      ]
      return start
        + places.map { steps[$0] }.enumerated().map { index, step in
          step.on(cpu: 0, at: 100_000 + UInt64(index) * 1000)
        }
    }
    return RuleCase(
      rule: rule, family: .process, truth: pick([1] + [0] + [2, 3]), wrong: pick(wrong))
  }

  private static var parentGone: RuleCase {
    let end =
      family3 + [
        RecordBuilder.switched(root, one, state: 0).on(cpu: 0),
        RecordBuilder.exit(process: parent).on(cpu: 0),
        RecordBuilder.switched(one, three, state: 0x80).on(cpu: 0),
      ]
    let changes = RecordBuilder.changes(three, uid: 0, to: 1).on(cpu: 0, at: 900_000)
    return RuleCase(
      rule: .parentGone, family: .process, truth: timed(end) + [named(changes, parent: 1)],
      wrong: timed(end) + [named(changes, parent: parent.pid)])
  }

  static let times: [RuleCase] = [
    RuleCase(
      rule: .cpuTimeFell, family: nil,
      // An interrupt on top of the call's program, and one on top of that.
      truth: timed(born) + [
        enter(one).on(cpu: 2, at: 60_000), .signals(one, two, 10, code: -6).on(cpu: 2, at: 50_000),
        .wakes(one, two, on: 1).on(cpu: 2, at: 40_000), leave(one).on(cpu: 2, at: 60_000),
      ],
      wrong: timed(born) + [
        .wakes(one, two, on: 1).on(cpu: 2, at: 60_000), enter(one).on(cpu: 2, at: 50_000),
      ]),
    RuleCase(
      rule: .taskTimeFell, family: nil,
      truth: timed(born) + [
        enter(one).on(cpu: 2, at: 60_000), leave(one).on(cpu: 3, at: 61_000),
      ],
      wrong: timed(born) + [
        enter(one).on(cpu: 2, at: 61_000), leave(one).on(cpu: 3, at: 30_000),
      ]),
    RuleCase(
      rule: .repeatedEvent, family: nil,
      truth: timed(born) + [
        .wakes(one, two, on: 1).on(cpu: 2, at: 60_000),
        .wakes(one, root, on: 1).on(cpu: 2, at: 60_000),
      ],
      wrong: timed(born) + [
        .wakes(one, two, on: 1).on(cpu: 2, at: 60_000),
        .wakes(one, two, on: 1).on(cpu: 2, at: 60_000),
      ]),
    RuleCase(
      rule: .startedAfterEvent, family: nil,
      truth: timed([.fork(parent: ancient, child: ProcessKey(pid: 80, start: 9_000))]),
      wrong: timed([.fork(parent: ancient, child: ProcessKey(pid: 80, start: 90_000))])),
  ]
}

@Suite("Rules, each with what it alone finds")
struct CausalityRuleTests {
  @Test("what is true is clean", arguments: RuleCases.all.indices)
  func truth(index: Int) throws {
    let verifier = try judged(RuleCases.all[index].truth)
    #expect(verifier.firstCausalityViolations.map(\.fullDescription) == [])
  }

  @Test(
    "what is wrong is found, by its rule alone, with both events", arguments: RuleCases.all.indices)
  func wrong(index: Int) throws {
    let item = RuleCases.all[index]
    let verifier = try judged(item.wrong)
    #expect(
      verifier.firstCausalityViolations.map(\.rule) == [item.rule],
      "\(verifier.firstCausalityViolations.map(\.fullDescription))")
    #expect(verifier.count(of: item.rule) == 1)
    let violation = try #require(verifier.firstCausalityViolations.first)
    #expect(violation.fullDescription.hasPrefix(item.rule.rawValue + ": task "))
    #expect((violation.earlier == nil) == (item.rule == .startedAfterEvent))
    if let earlier = violation.earlier { #expect(earlier.sequence < violation.sequence) }
  }

  @Test(
    "a loss of the family explains it, one of another family doesn't",
    arguments: RuleCases.all.indices)
  func losses(index: Int) throws {
    let item = RuleCases.all[index]
    for family in EventFamily.allCases where family != .test {
      var lost = FamilyCounts()
      lost[family] = 1
      let gap = Gap(cpu: 0, lost: lost, afterSequence: nil)
      let count = try judged(item.wrong, gaps: [gap]).causalityViolations
      if family == item.family { #expect(count == 0) }
      if family == .file { #expect(count == 1) }
      if item.family == nil { #expect(count == 1, "whatever was lost") }
    }
    let missed = try judged(item.wrong, missed: 1).causalityViolations
    #expect(missed == (item.family == nil ? 1 : 0))
  }

  @Test("of a stream that isn't whole only times are judged", arguments: RuleCases.all.indices)
  func partial(index: Int) throws {
    let item = RuleCases.all[index]
    let count = try judged(item.wrong, began: nil).causalityViolations
    #expect(count == (item.family == nil ? 1 : 0))
  }

  @Test("times of a tick, or none, repeat and are behind starts")
  func coarse() throws {
    for item in RuleCases.times where item.rule != .cpuTimeFell && item.rule != .taskTimeFell {
      #expect(try judged(item.wrong, isExact: false).causalityViolations == 0)
    }
    for item in RuleCases.times {
      let untimed = item.wrong.map { $0.on(cpu: $0.header.cpu, at: 0) }
      #expect(try judged(untimed).causalityViolations == 0)
    }
  }

  @Test("a process of which nothing is ever told explains what its CPU shows")
  func silent() throws {
    // What `two` does on its CPU is hidden: the CPU comes back from it out of nowhere, and so does a wakeup.
    let records = RuleCases.timed(
      RuleCases.born + [
        RecordBuilder.switched(.idle, RuleCases.one, state: 0).on(cpu: 0),
        RecordBuilder.switched(RuleCases.one, RuleCases.two, state: 1).on(cpu: 0),
        RecordBuilder.switched(.idle, RuleCases.one, state: 0).on(cpu: 0),
      ])
    #expect(try judged(records).causalityViolations == 0)
    let told = RuleCases.timed(records + [RecordBuilder.enters(RuleCases.two, 0).on(cpu: 1)])
    #expect(try judged(told).count(of: .switchedFromAnother) == 1)
    #expect(try judged(told).count(of: .ranWithoutWakeup) == 1)
  }

  @Test("of a tree a task that has exited is followed no more")
  func deadOfTree() throws {
    let (one, two, idle) = (RuleCases.one, RuleCases.two, StoryTask.idle)
    let records = RuleCases.timed(
      RuleCases.runs + [
        RecordBuilder.exit(process: parent).on(cpu: 0),
        // It went away unseen, and comes back after another one of the tree.
        RecordBuilder.switched(two, one, state: 1).on(cpu: 1),
        RecordBuilder.switched(one, idle, state: 0x80).on(cpu: 1),
      ])
    #expect(try verified(records, isTree: true).causalityViolations == 0)
    #expect(try verified(records).count(of: .ranTwiceAtOnce) == 1)
  }

  @Test("the tracer's own coming and going is no event")
  func tracer() throws {
    let tracer = StoryTask.main(ProcessKey(pid: 5, start: 4))
    let records = RuleCases.timed(
      RuleCases.runs + [
        RecordBuilder.enters(RuleCases.two, 0).on(cpu: 1),
        RecordBuilder.switched(RuleCases.one, .idle, state: 1).on(cpu: 0),
        RecordBuilder.wakes(tracer, RuleCases.one, on: 0).on(cpu: 0),
        RecordBuilder.switched(tracer, RuleCases.one, state: 1).on(cpu: 0),
        RecordBuilder.switched(RuleCases.one, tracer, state: 0).on(cpu: 0),
        RecordBuilder.wakes(.idle, RuleCases.root, on: 0).on(cpu: 0),
      ])
    var verifier = CausalityVerifier(tracingBegan: 10, hasExactClock: true)
    verifier.excuse(pid: 5)
    for (index, record) in records.enumerated() {
      var record = record
      record.header.sequence = UInt64(index + 1)
      try decoding(record.bytes()) { verifier.observe($0) }
    }
    verifier.finish()
    #expect(verifier.firstCausalityViolations.map(\.fullDescription) == [])
  }
}
