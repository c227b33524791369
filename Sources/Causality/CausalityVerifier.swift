public import KernelEvents
import SequencerABI

/// An oracle that judges the order of delivered events by what they tell, not by their tickets.
///
/// It is fed every event in the order of delivery, each with its gap first, and knows what must hold
/// whatever made the order: no task acts before the fork that made it or after its exit, no CPU's time falls, no
/// CPU is switched from a task that it didn't run, and so on (``CausalityRule``; docs/verify.md). Tasks are
/// named by pid, tid and start, so that reuse of a pid can't mislead it.
///
/// **Certain and suspect.** Two delivered events that contradict each other whatever lies between them are a
/// violation at once. An event that a lost one could explain is a suspect: a loss is often told later than
/// it happened. ``finish(missed:)`` judges suspects. Where a cause is absent (a task born after tracing began,
/// without its fork) each lost event explains one; where two events contradict each other unless
/// something came between, any loss of its family between the two explains it.
///
/// **Bounds.** About 40 MiB at most: `horizon` tasks and 131 072 suspects. Ended tasks are
/// remembered for at least `horizon / 4` newer ones. What had to be left unjudged is counted in
/// ``unjudged``. Not for concurrent use.
public struct CausalityVerifier {
  /// Events whose sequence did not rise.
  public private(set) var orderingViolations: UInt64 = 0
  /// Effects before their causes, and, after ``finish(missed:)``, effects without.
  public private(set) var causalityViolations: UInt64 = 0
  /// The first of the ordering violations.
  public private(set) var firstOrderingViolations: [OrderingViolation] = []
  /// The first of the causality violations.
  public private(set) var firstCausalityViolations: [CausalityViolation] = []
  /// Suspects that were dropped, and living tasks that were forgotten, for want of memory.
  public var unjudged: UInt64 { suspects.dropped + tasks.forgotten }
  /// Effects without a cause that wait for ``finish(missed:)``.
  public var suspectCount: Int { suspects.count }

  let tracingBegan: UInt64?
  let isTree: Bool
  let hasExactClock: Bool
  private let kept: Int
  private var counts = [UInt64](repeating: 0, count: CausalityRule.allCases.count)
  private var highest: EventMark?

  var tasks: TaskTable
  var cpus: [CPUState] = []
  var suspects = Suspects()
  var places = LossPlaces()
  private var excusedPIDs: Set<UInt32> = []
  /// A lost fork explains a task without a maker, a lost wakeup one that runs without being woken.
  private var processLosses = LossBudget()
  private var schedulerLosses = LossBudget()

  // What few events tell of.
  var signals = PendingSignals()
  var locks = AwaitedLocks()
  var credentials = LastIdentities()
  var namespaces = LastIdentities()

  /// Makes a verifier.
  ///
  /// - Parameters:
  ///   - tracingBegan: A reading of `CLOCK_MONOTONIC`, in ns, taken after every program was
  ///     attached. Nil where the stream is not whole (filters, an unknown beginning): then only
  ///     contradictions among delivered events count, and nothing is a suspect.
  ///   - isTree: The stream is of one process tree. Others stand in its events of two tasks (who was
  ///     interrupted by a timer of the tree's, who ran before one of it): they need no cause.
  ///   - hasExactClock: The events' times are precise ones, not those of the last tick.
  ///   - kept: Violations kept of each kind; all are counted.
  ///   - horizon: Tasks that are known at a time, see above.
  public init(
    tracingBegan: UInt64?, isTree: Bool = false, hasExactClock: Bool = false, kept: Int = 100,
    horizon: Int = 131_072
  ) {
    self.tracingBegan = tracingBegan
    self.isTree = isTree
    self.hasExactClock = hasExactClock
    self.kept = kept
    tasks = TaskTable(limit: horizon)
  }

  /// Violations of `rule` so far.
  public func count(of rule: CausalityRule) -> UInt64 { counts[rule.index] }

  /// Excuses the process `pid` from having a cause: it was made by one whose events are filtered (the
  /// tracer itself starts its command), or its wakeups are (the tracer's own). A recording's tracer is
  /// to be excused before its first event.
  public mutating func excuse(pid: UInt32) { excusedPIDs.insert(pid) }

  /// Takes in a place where events were lost.
  public mutating func observe(_ gap: Gap) {
    let bound = gap.afterSequence.map { $0 &+ 1 } ?? 0
    processLosses.add(gap.lost[.process], from: bound)
    schedulerLosses.add(gap.lost[.scheduler], from: bound)
    var families: UInt32 = 0
    for family in EventFamily.allCases where gap.lost[family] > 0 { families |= family.bit }
    // Told without a record: what was lost came before what is delivered next.
    let last = gap.beforeSequence ?? (highest.map { $0.sequence &+ 1 } ?? 0)
    places.add(families: families, first: bound, last: last)
  }

  /// Takes in that records are missing that the stream had: they could not be read, or a file is damaged.
  ///
  /// - Parameters:
  ///   - first: the lowest sequence that may be missing.
  ///   - last: the highest one.
  ///   - count: how many events they are at most.
  public mutating func observeMissing(from first: UInt64, through last: UInt64, count: UInt64) {
    processLosses.add(count, from: first)
    schedulerLosses.add(count, from: first)
    places.add(families: .max, first: first, last: max(last, first) &+ 1)
  }

  /// Takes in the next event delivered. Its own gap is to be observed first.
  public mutating func observe(_ event: DecodedEvent) {
    let header = event.header
    let mark = EventMark(header)
    checkOrder(mark)
    if event.kind == .test { return }
    let cpu = Int(header.cpu)
    while cpu >= cpus.count { cpus.append(CPUState()) }
    let task = TaskKey(pid: header.pid, tid: header.tid, start: header.processStart)
    if cpus[cpu].first.ifAny == nil { cpus[cpu].first = mark }
    let place = tasks.find(task, hint: cpus[cpu].hint)
    checkClock(event, mark, task)
    checkRunning(event, mark, task)
    if place >= 0, !task.isIdle {
      checkTaskTime(task, at: place, mark)
      checkProcess(event.kind, task, at: place, header, mark)
    }
    switch event.kind {
    case .fork: if let fork = event.fork { checkFork(fork, by: task, at: place, header, mark) }
    case .exit: if let exit = event.exit { checkExit(exit, of: task, at: place, mark) }
    case .exec: if let exec = event.exec { checkExec(exec.payload.oldTID, by: task, mark) }
    default: checkOther(event, by: task, at: place, mark)
    }
  }

  /// Checks an event of a family other than processes.
  private mutating func checkOther(
    _ event: DecodedEvent, by task: TaskKey, at known: Int32, _ mark: EventMark
  ) {
    // The idle tasks were never forked, and are none.
    var place = known
    if task.isIdle {
      place = -1
    } else if event.kind.belongsToDying {
      place = checkKnown(task, at: place, mark, mayBeGone: true)
    } else {
      place = checkMayAct(task, at: place, mark, mayBeStranger: isTree)
    }
    cpus[Int(mark.cpu)].hint = place
    noteActed(task, at: place)
    switch event.kind {
    case .switched:
      guard let payload = event.payload(as: SwitchPayload.self) else { return }
      checkSwitch(payload, from: task, at: place, mark)
    case .wakeup, .wakeupNew:
      guard let payload = event.payload(as: WakeupPayload.self) else { return }
      checkWakeup(payload, isNew: event.kind == .wakeupNew, mark, keeping: place)
    case .migrate:
      guard let payload = event.payload(as: MigratePayload.self) else { return }
      noteMigration(payload)
    case .signalGenerate:
      guard let payload = event.payload(as: SignalGeneratePayload.self) else { return }
      noteGenerated(payload, mark)
    default:
      if place >= 0 { checkOwn(event, task, at: place, mark) }
    }
  }

  /// Checks what a task other than an idle one does itself.
  private mutating func checkOwn(
    _ event: DecodedEvent, _ task: TaskKey, at place: Int32, _ mark: EventMark
  ) {
    switch event.kind {
    case .syscallEnter: checkCallBegins(task, at: place, event.flags.detail, mark)
    case .syscallExit: checkCallEnds(task, at: place, event.flags.detail, mark)
    case .futexEnter: checkFutexBegins(task, at: place, mark)
    case .futexExit: tasks.entries[Int(place)].flags.remove(.inFutex)
    case .lockWait, .lockAcquired:
      guard let payload = event.payload(as: LockPayload.self) else { return }
      checkLock(payload, isEnd: event.kind == .lockAcquired, task, at: place, mark)
    case .signalDeliver:
      guard let payload = event.payload(as: SignalDeliverPayload.self) else { return }
      checkDelivered(payload, to: task, at: place, mark)
    case .credentials: checkCredentials(event, task, mark)
    case .namespace: checkNamespaces(event, task, mark)
    default: return
    }
  }

  /// Judges the suspects; call it when all events and gaps have been observed.
  ///
  /// - Parameter missed: Events whose program the kernel skipped; their places are not known.
  public mutating func finish(missed: UInt64 = 0) {
    let found = suspects.settle(
      missed: missed, process: &processLosses, scheduler: &schedulerLosses, places: places,
      silences: silences())
    for violation in found { add(violation) }
  }

  private mutating func checkOrder(_ mark: EventMark) {
    if let highest, mark.sequence <= highest.sequence {
      orderingViolations += 1
      if firstOrderingViolations.count < kept {
        firstOrderingViolations.append(OrderingViolation(earlier: highest, effect: mark))
      }
    } else {
      highest = mark
    }
  }

  private mutating func add(_ violation: CausalityViolation) {
    causalityViolations += 1
    counts[violation.rule.index] += 1
    if firstCausalityViolations.count < kept { firstCausalityViolations.append(violation) }
  }
}

// What the rules' files use.
extension CausalityVerifier {
  /// Whether suspects are of use, so that what only they need is looked at.
  var isWhole: Bool { tracingBegan != nil }

  func bornSinceTracing(_ start: UInt64) -> Bool { tracingBegan.map { start > $0 } ?? false }

  func isExcused(_ pid: UInt32) -> Bool { !excusedPIDs.isEmpty && excusedPIDs.contains(pid) }

  /// Whether all events of the task are in the stream.
  func isWholeTask(_ entry: TaskEntry) -> Bool {
    isWhole && !entry.flags.contains(.excused) && (!isTree || isOfTree(entry.flags))
  }

  /// Whether a task is one of the tree's, by its fork; a task that has exited is followed no more.
  func isOfTree(_ flags: TaskFlags) -> Bool {
    flags.contains(.forkSeen) && !flags.contains(.exited)
  }

  /// Makes an entry, in which an excused process is marked.
  mutating func enter(_ task: TaskKey, keeping kept: (Int32, Int32) = (-1, -1)) -> Int32 {
    let place = tasks.insert(task, keeping: kept)
    if isExcused(task.pid) { tasks.entries[Int(place)].flags.insert(.excused) }
    return place
  }

  /// Notes that an event of the task's own was delivered.
  mutating func noteActed(_ task: TaskKey, at place: Int32) {
    if place < 0 || tasks.entries[Int(place)].flags.contains(.acted) { return }
    tasks.entries[Int(place)].flags.insert(.acted)
    let process = processEntered(of: task, at: place)
    tasks.entries[Int(process)].flags.insert(.someActed)
  }

  /// The place of the entry of a task's process; -1 where there is none.
  mutating func process(of task: TaskKey, at place: Int32) -> Int32 {
    if task.isLeader { return place >= 0 ? place : tasks.find(task) }
    let hint = place >= 0 ? tasks.entries[Int(place)].leader : -1
    let leader = tasks.find(task.leader, hint: hint)
    if place >= 0, leader != hint { tasks.entries[Int(place)].leader = leader }
    return leader
  }

  /// The same, made where it isn't known.
  mutating func processEntered(of task: TaskKey, at place: Int32) -> Int32 {
    let leader = process(of: task, at: place)
    return leader >= 0 ? leader : enter(task.leader, keeping: (place, -1))
  }

  /// Two delivered events contradict each other.
  mutating func report(
    _ rule: CausalityRule, _ task: TaskKey, _ mark: EventMark, against earlier: EventMark
  ) {
    add(violation(rule, task, mark, earlier))
  }

  /// A cause is absent; one lost event may be it.
  mutating func suspect(
    _ rule: CausalityRule, _ task: TaskKey, _ mark: EventMark, against earlier: EventMark = .none
  ) {
    guard isWhole else { return }
    let violation = violation(rule, task, mark, earlier)
    suspects.add(task, violation)
  }

  /// Two delivered events contradict each other unless one of `families` was lost between them.
  mutating func report(
    _ rule: CausalityRule, _ task: TaskKey, _ mark: EventMark, against earlier: EventMark,
    unlessLost families: UInt32, orSilent silent: ProcessKey? = nil
  ) {
    guard isWhole else { return }
    let from = earlier.ifAny?.sequence ?? 0
    if places.hasLoss(of: families, after: from, upTo: mark.sequence) { return }
    let violation = violation(rule, task, mark, earlier)
    suspects.add(violation, unlessLost: families, from: from, orSilent: silent)
  }

  private func violation(
    _ rule: CausalityRule, _ task: TaskKey, _ mark: EventMark, _ earlier: EventMark
  ) -> CausalityViolation {
    CausalityViolation(
      rule: rule, process: ProcessKey(pid: task.pid, start: task.start), tid: task.tid,
      effect: mark, earlier: earlier.ifAny)
  }
}

extension CausalityRule {
  private static let indices = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
  /// Its place among all.
  var index: Int { CausalityRule.indices[self] ?? 0 }
}
