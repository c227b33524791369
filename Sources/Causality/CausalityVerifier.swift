public import KernelEvents
import SequencerABI
import SequencerABI

/// An oracle that judges the order of delivered events by what they tell, not by their tickets.
///
/// It is fed every event in the order of delivery, each with its gap first, and knows what must hold
/// whatever made the order: no task acts before the fork that made it or after its exit, no task is
/// made twice, no process ends twice, no child is older than its parent. Tasks are named by pid, tid
/// and start, so that reuse of a pid can't mislead it.
///
/// **Certain and suspect.** Two delivered events that contradict each other are a violation at once.
/// An event whose cause is absent (a task born after tracing began, without its fork) is a suspect:
/// a loss may explain it, and a loss is often told later than it happened. ``finish(missed:)``
/// judges suspects: a gap that began before the suspect, or a skipped program, explains one event
/// for each event lost; what is left is a violation.
///
/// **Bounds.** About 16 MiB at most: 2 × `horizon` tasks and 65 536 suspects. Ended tasks are
/// remembered for at least `horizon / 2` newer ones. What had to be left unjudged is counted in
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
  public var unjudged: UInt64 { droppedSuspects + tasks.forgotten }
  /// Effects without a cause that wait for ``finish(missed:)``.
  public var suspects: Int { pending.count }

  private let tracingBegan: UInt64?
  private let isTree: Bool
  private let kept: Int
  private var tasks: TaskTable
  private var pending: [TaskKey: CausalityViolation] = [:]
  private let pendingLimit = 65_536
  private var droppedSuspects: UInt64 = 0
  private var excused: Set<UInt32> = []
  private var highest: UInt64?
  /// A lost fork explains a task without a maker, a lost wakeup one that runs without being woken.
  private var processLosses = Losses()
  private var schedulerLosses = Losses()

  /// Events lost that may be causes.
  private struct Losses {
    var count: UInt64 = 0
    /// The lowest bound of any gap; a suspect below it can't be explained by a gap.
    var earliest: UInt64?

    mutating func add(_ lost: UInt64, from bound: UInt64) {
      if lost == 0 { return }
      count &+= lost
      earliest = min(earliest ?? .max, bound)
    }

    /// Takes one loss as the explanation of the suspect at `sequence`.
    mutating func explain(_ sequence: UInt64) -> Bool {
      guard count > 0, let earliest, earliest <= sequence else { return false }
      count -= 1
      return true
    }
  }

  /// Makes a verifier.
  ///
  /// - Parameters:
  ///   - tracingBegan: A reading of `CLOCK_MONOTONIC`, in ns, taken after every program was
  ///     attached. Nil where the stream is not whole (filters, an unknown beginning): then only
  ///     contradictions among delivered events count, and nothing is a suspect.
  ///   - isTree: The stream is of one process tree. Others stand in its events of two tasks (who was
  ///     interrupted by a timer of the tree's, who ran before one of it): they need no cause.
  ///   - kept: Violations kept of each kind; all are counted.
  ///   - horizon: Tasks of a generation, see above.
  public init(
    tracingBegan: UInt64?, isTree: Bool = false, kept: Int = 100, horizon: Int = 131_072
  ) {
    self.tracingBegan = tracingBegan
    self.isTree = isTree
    self.kept = kept
    tasks = TaskTable(limit: horizon)
  }

  /// Excuses the process `pid` from having a cause: it was made by one whose events are filtered (the
  /// tracer itself starts its command), or its wakeups are (the tracer's own).
  public mutating func excuse(pid: UInt32) { excused.insert(pid) }

  /// Takes in a place where events were lost.
  public mutating func observe(_ gap: Gap) {
    let bound = gap.afterSequence.map { $0 + 1 } ?? 0
    processLosses.add(gap.lost[.process], from: bound)
    schedulerLosses.add(gap.lost[.scheduler], from: bound)
  }

  /// Takes in the next event delivered. Its own gap is to be observed first.
  public mutating func observe(_ event: DecodedEvent) {
    let sequence = event.sequence
    if let highest, sequence <= highest {
      orderingViolations += 1
      if firstOrderingViolations.count < kept {
        firstOrderingViolations.append(
          OrderingViolation(previous: highest, sequence: sequence))
      }
    } else {
      highest = sequence
    }
    let header = event.header
    let task = TaskKey(pid: header.pid, tid: header.tid, start: header.processStart)
    if let fork = event.fork {
      checkActor(task, sequence)
      checkFork(fork, by: task, sequence)
    } else if let exit = event.exit {
      checkExit(exit, of: task, sequence)
    } else if let exec = event.exec {
      checkExec(oldTID: exec.payload.oldTID, by: task, sequence)
    } else {
      checkOther(event, by: task, sequence)
    }
  }

  /// Checks an event of a family other than processes.
  private mutating func checkOther(
    _ event: DecodedEvent, by task: TaskKey, _ sequence: UInt64
  ) {
    if event.kind == .test { return }
    // The idle tasks were never forked, and are none.
    if task.tid != 0 {
      if event.kind.belongsToDying {
        checkKnown(task, sequence)
      } else {
        checkActor(task, sequence, mayBeStranger: isTree)
      }
    }
    switch event.kind {
    case .switched:
      guard let payload = event.payload(as: SwitchPayload.self) else { return }
      if task.tid != 0 {
        var state = tasks[task] ?? TaskState()
        state.sleeps = payload.previousState != 0 && payload.isPreempted == 0
        tasks[task] = state
      }
      if payload.nextTID != 0 {
        switchIn(
          TaskKey(pid: payload.nextPID, tid: payload.nextTID, start: payload.nextProcessStart),
          sequence)
      }
    case .wakeup, .wakeupNew:
      guard let payload = event.payload(as: WakeupPayload.self), payload.wakeeTID != 0 else {
        return
      }
      let wakee = TaskKey(
        pid: payload.wakeePID, tid: payload.wakeeTID, start: payload.wakeeProcessStart)
      checkKnown(wakee, sequence)
      if var state = tasks[wakee] {
        state.wasWoken = true
        tasks[wakee] = state
      }
    default: return
    }
  }

  /// Checks that a task that begins to run was made, and was woken if it slept.
  private mutating func switchIn(_ task: TaskKey, _ sequence: UInt64) {
    checkKnown(task, sequence)
    guard var state = tasks[task] else { return }
    if state.sleeps, !state.wasWoken, !isTree || state.forkSeen, !excused.contains(task.pid) {
      suspect(.ranWithoutWakeup, task, sequence)
    }
    state.sleeps = false
    state.wasWoken = false
    tasks[task] = state
  }

  /// Notes a task that need not be able to act any more: it runs its last, or others act on it.
  private mutating func checkKnown(_ task: TaskKey, _ sequence: UInt64) {
    if tasks[task] == nil {
      firstSight(of: task, threadStart: nil, sequence, mayBeStranger: isTree)
    }
  }

  /// Judges the suspects; call it when all events and gaps have been observed.
  ///
  /// - Parameter missed: Events whose program the kernel skipped; their places are not known.
  public mutating func finish(missed: UInt64 = 0) {
    var missed = missed
    for suspect in pending.values.sorted(by: { $0.sequence < $1.sequence }) {
      let isExplained =
        suspect.rule == .ranWithoutWakeup
        ? schedulerLosses.explain(suspect.sequence) : processLosses.explain(suspect.sequence)
      if isExplained { continue }
      if missed > 0 {
        missed -= 1
      } else {
        report(suspect.rule, TaskKey(suspect), suspect.sequence)
      }
    }
    pending.removeAll()
  }
}

extension CausalityVerifier {
  /// Checks that `task` may act: fork, or run a program.
  private mutating func checkActor(
    _ task: TaskKey, _ sequence: UInt64, mayBeStranger: Bool = false
  ) {
    if tasks[task.leader]?.processEnded == true {
      return report(.eventAfterLastThread, task, sequence)
    }
    guard var state = tasks[task] else {
      return firstSight(of: task, threadStart: nil, sequence, mayBeStranger: mayBeStranger)
    }
    guard state.exited else { return }
    // Its thread id may have been given again, or a leader's have been taken over in an exec, and
    // the event that tells so be lost.
    suspect(.eventAfterExit, task, sequence)
    state.exited = false
    state.threadStart = 0
    state.forkSeen = false
    tasks[task] = state
  }

  private mutating func checkFork(
    _ fork: ForkPayload, by parent: TaskKey, _ sequence: UInt64
  ) {
    let child = TaskKey(pid: fork.childPID, tid: fork.childTID, start: fork.childProcessStart)
    if fork.childThreadStart < parent.start { report(.startedBeforeParent, child, sequence) }
    if fork.isThread, child.pid != parent.pid || child.start != parent.start {
      report(.threadOfAnotherProcess, child, sequence)
    }
    if let state = tasks[child] {
      let same = !fork.isThread || state.threadStart == fork.childThreadStart
      if state.forkSeen {
        if same { return report(.forkedTwice, child, sequence) }
      } else if same {
        pending[child] = nil
        report(.eventBeforeFork, child, sequence)
        var known = state
        known.forkSeen = true
        known.threadStart = fork.childThreadStart
        tasks[child] = known
        return
      } else if !state.exited, state.threadStart == 0, bornSinceTracing(fork.childThreadStart) {
        // A thread acted under this id and no exit of it came: it was this one, or one before it
        // whose exit is lost.
        pending[child] = nil
        suspect(.eventBeforeFork, child, sequence)
      }
    }
    tasks[child] = TaskState(threadStart: fork.childThreadStart, forkSeen: true)
  }

  private mutating func checkExec(oldTID: UInt32, by task: TaskKey, _ sequence: UInt64) {
    let caller = TaskKey(pid: task.pid, tid: oldTID, start: task.start)
    checkActor(caller, sequence)
    guard caller != task else { return }
    // A thread other than the leader ran a program: it goes on under the leader's id, whose former
    // task has exited; its own id is given up.
    var former = tasks[caller] ?? TaskState()
    former.exited = true
    tasks[caller] = former
    var leader = tasks[task] ?? TaskState()
    leader.exited = false
    tasks[task] = leader
  }

  private mutating func checkExit(_ exit: ExitPayload, of task: TaskKey, _ sequence: UInt64) {
    let isLeader = task.pid == task.tid
    if exit.flags.contains(.lastThread), tasks[task.leader]?.processEnded == true {
      return report(.secondLastThread, task, sequence)
    }
    if let state = tasks[task] {
      if state.exited, state.threadStart == exit.threadStart {
        // A leader may have been taken over in an exec that is lost; then it exits once more.
        if isLeader {
          suspect(.exitedTwice, task, sequence)
        } else {
          report(.exitedTwice, task, sequence)
        }
      } else if state.threadStart != 0, state.threadStart != exit.threadStart {
        // Another task under the same id, whose fork did not come.
        firstSight(of: task, threadStart: exit.threadStart, sequence)
      }
    } else {
      firstSight(of: task, threadStart: exit.threadStart, sequence)
    }
    var state = tasks[task] ?? TaskState()
    state.exited = true
    state.threadStart = exit.threadStart
    tasks[task] = state
    guard exit.flags.contains(.lastThread) else { return }
    // Threads that exit at the same time may still be delivered; nothing else may.
    var leader = tasks[task.leader] ?? TaskState()
    leader.processEnded = true
    tasks[task.leader] = leader
  }

  /// Notes a task whose fork has not been delivered.
  private mutating func firstSight(
    of task: TaskKey, threadStart: UInt64?, _ sequence: UInt64, mayBeStranger: Bool = false
  ) {
    // A thread's own start is later than its process's: a process born since proves it too.
    if !mayBeStranger, bornSinceTracing(threadStart ?? task.start),
      task.start > tasks.forgottenUntil,
      !excused.contains(task.pid)
    {
      suspect(.missingFork, task, sequence)
    }
    var state = tasks[task] ?? TaskState()
    state.forkSeen = false
    state.exited = false
    state.threadStart = threadStart ?? (task.pid == task.tid ? task.start : 0)
    tasks[task] = state
  }

  private func bornSinceTracing(_ start: UInt64) -> Bool {
    tracingBegan.map { start > $0 } ?? false
  }

  private mutating func suspect(
    _ rule: CausalityViolation.Rule, _ task: TaskKey, _ sequence: UInt64
  ) {
    guard tracingBegan != nil else { return }
    // One a task: an earlier one waits to be judged already.
    if pending[task] != nil { return }
    if pending.count >= pendingLimit {
      droppedSuspects += 1
    } else {
      pending[task] = violation(rule, task, sequence)
    }
  }

  private mutating func report(
    _ rule: CausalityViolation.Rule, _ task: TaskKey, _ sequence: UInt64
  ) {
    causalityViolations += 1
    if firstCausalityViolations.count < kept {
      firstCausalityViolations.append(violation(rule, task, sequence))
    }
  }

  private func violation(
    _ rule: CausalityViolation.Rule, _ task: TaskKey, _ sequence: UInt64
  ) -> CausalityViolation {
    CausalityViolation(
      rule: rule, process: ProcessKey(pid: task.pid, start: task.start), tid: task.tid,
      sequence: sequence)
  }
}

extension EventKind {
  /// Whether a task may do this after its exit was told: what the kernel does on the way from there to the
  /// last switch (do_exit() in kernel/exit.c: its parent's SIGCHLD, its sockets closed, its locks, the
  /// switches), and what an interrupt does in its time.
  var belongsToDying: Bool {
    switch self {
    case .signalGenerate, .switched, .wakeup, .migrate, .lockWait, .lockAcquired, .tcpState: true
    default: false
    }
  }
}

extension TaskKey {
  fileprivate init(_ violation: CausalityViolation) {
    self.init(
      pid: violation.process.pid, tid: violation.tid, start: violation.process.start)
  }
}
