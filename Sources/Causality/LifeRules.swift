import KernelEvents
import SequencerABI

// What must hold of lives: forks, execs, exits, and who may act in between.

extension CausalityVerifier {
  /// Checks that `task` may act.
  ///
  /// - Returns: its place, made where it wasn't known.
  mutating func checkMayAct(
    _ task: TaskKey, at place: Int32, _ mark: EventMark, mayBeStranger: Bool = false
  ) -> Int32 {
    let process = process(of: task, at: place)
    if process >= 0, tasks.entries[Int(process)].flags.contains(.ended) {
      report(.eventAfterLastThread, task, mark, against: tasks.entries[Int(process)].end)
      return place
    }
    guard place >= 0, tasks.entries[Int(place)].flags.contains(.seen) else {
      return firstSight(of: task, at: place, threadStart: nil, mark, mayBeStranger: mayBeStranger)
    }
    guard tasks.entries[Int(place)].flags.contains(.exited) else { return place }
    // Its thread id may have been given again, or a leader's have been taken over in an exec, and
    // the event that tells so be lost.
    suspect(.eventAfterExit, task, mark, against: tasks.entries[Int(place)].exit)
    tasks.entries[Int(place)].flags.subtract([.exited, .forkSeen])
    tasks.entries[Int(place)].threadStart = 0
    tasks.setEnded(place, false)
    return place
  }

  /// Notes a task that need not be able to act any more: it runs its last, or others act on it.
  ///
  /// A thread's own process may be gone by then, and what it names as its start be anything: its last
  /// words prove no birth.
  mutating func checkKnown(
    _ task: TaskKey, at place: Int32, _ mark: EventMark, keeping kept: Int32 = -1,
    mayBeGone: Bool
  ) -> Int32 {
    if place >= 0, tasks.entries[Int(place)].flags.contains(.seen) { return place }
    return firstSight(
      of: task, at: place, threadStart: nil, mark,
      mayBeStranger: isTree || mayBeGone && !task.isLeader, keeping: kept)
  }

  /// Notes a task whose fork has not been delivered.
  mutating func firstSight(
    of task: TaskKey, at place: Int32, threadStart: UInt64?, _ mark: EventMark,
    mayBeStranger: Bool = false, keeping kept: Int32 = -1
  ) -> Int32 {
    // A thread's own start is later than its process's: a process born since proves it too.
    if !mayBeStranger, bornSinceTracing(threadStart ?? task.start),
      task.start > tasks.forgottenUntil, !isExcused(task.pid)
    {
      suspect(.missingFork, task, mark)
    }
    let place = place >= 0 ? place : enter(task, keeping: (kept, -1))
    tasks.setEnded(place, false)
    let index = Int(place)
    tasks.entries[index].flags.subtract([.forkSeen, .exited])
    tasks.entries[index].flags.insert(.seen)
    tasks.entries[index].threadStart = threadStart ?? (task.isLeader ? task.start : 0)
    tasks.entries[index].origin = mark
    return place
  }

  mutating func checkFork(
    _ fork: ForkPayload, by parent: TaskKey, at place: Int32, _ header: RecordHeader,
    _ mark: EventMark
  ) {
    let maker = checkMayAct(parent, at: place, mark)
    noteActed(parent, at: maker)
    let child = TaskKey(pid: fork.childPID, tid: fork.childTID, start: fork.childProcessStart)
    let origin = maker >= 0 ? tasks.entries[Int(maker)].origin : .none
    if fork.childThreadStart < parent.start {
      report(.startedBeforeParent, child, mark, against: origin)
    }
    if startsAfter(mark, fork.childThreadStart) {
      report(.startedAfterEvent, child, mark, against: .none)
    }
    if fork.isThread, child.pid != parent.pid || child.start != parent.start {
      report(.threadOfAnotherProcess, child, mark, against: origin)
    }
    var made = tasks.find(child)
    if made >= 0, tasks.entries[Int(made)].flags.contains(.seen) {
      let entry = tasks.entries[Int(made)]
      let isSame = !fork.isThread || entry.threadStart == fork.childThreadStart
      if entry.flags.contains(.forkSeen) {
        if isSame { return report(.forkedTwice, child, mark, against: entry.origin) }
      } else if isSame {
        suspects.remove(child)
        report(.eventBeforeFork, child, mark, against: entry.origin)
        tasks.entries[Int(made)].flags.insert(.forkSeen)
        tasks.entries[Int(made)].threadStart = fork.childThreadStart
        tasks.entries[Int(made)].origin = mark
        return
      } else if !entry.flags.contains(.exited), entry.threadStart == 0,
        bornSinceTracing(fork.childThreadStart)
      {
        // A thread acted under this id and no exit of it came: it was this one, or one before it
        // whose exit is lost.
        suspects.remove(child)
        suspect(.eventBeforeFork, child, mark, against: entry.origin)
      }
    }
    // A new task sleeps until it is woken for the first time.
    if made >= 0 {
      let isExcused = tasks.entries[Int(made)].flags.intersection(.excused)
      tasks.reset(made, flags: isExcused.union([.seen, .forkSeen, .sleeps]))
    } else {
      made = enter(child, keeping: (maker, -1))
      tasks.entries[Int(made)].flags.formUnion([.seen, .forkSeen, .sleeps])
    }
    tasks.entries[Int(made)].threadStart = fork.childThreadStart
    tasks.entries[Int(made)].origin = mark
    forgetIdentities(of: child)
    noteParent(of: made, child, fork, by: parent, at: maker, header)
  }

  mutating func checkExec(_ oldTID: UInt32, by task: TaskKey, _ mark: EventMark) {
    let caller = TaskKey(pid: task.pid, tid: oldTID, start: task.start)
    let place = checkMayAct(caller, at: tasks.find(caller), mark)
    // What a program may do on its way: other numbers of calls, other credentials.
    forgetIdentities(of: caller)
    forgetIdentities(of: task)
    if place >= 0 { tasks.entries[Int(place)].flags.subtract([.inCall, .inFutex]) }
    var leader = place
    if caller != task {
      // A thread other than the leader ran a program: it goes on under the leader's id, whose former
      // task has exited; its own id is given up.
      if place >= 0 {
        tasks.entries[Int(place)].flags.insert(.exited)
        tasks.entries[Int(place)].exit = mark
        tasks.setEnded(place, true)
      }
      leader = tasks.find(task)
      if leader < 0 { leader = enter(task, keeping: (place, -1)) }
      tasks.setEnded(leader, false)
      let index = Int(leader)
      if tasks.entries[index].origin.ifAny == nil { tasks.entries[index].origin = mark }
      tasks.entries[index].flags.insert(.seen)
      tasks.entries[index].flags.subtract([
        .exited, .dead, .sleeps, .running, .placed, .inCall, .inFutex, .parentInDoubt,
      ])
    }
    if leader >= 0 {
      noteActed(task, at: leader)
      tasks.entries[Int(leader)].exec = mark
    }
  }

  mutating func checkExit(
    _ exit: ExitPayload, of task: TaskKey, at known: Int32, _ mark: EventMark
  ) {
    var place = known
    var process = process(of: task, at: place)
    if exit.flags.contains(.lastThread), process >= 0,
      tasks.entries[Int(process)].flags.contains(.ended)
    {
      let end = tasks.entries[Int(process)].end
      return report(.secondLastThread, task, mark, against: end)
    }
    if place >= 0, tasks.entries[Int(place)].flags.contains(.seen) {
      let entry = tasks.entries[Int(place)]
      if entry.flags.contains(.exited), entry.threadStart == exit.threadStart {
        // A leader may have been taken over in an exec that is lost; then it exits once more.
        if task.isLeader {
          suspect(.exitedTwice, task, mark, against: entry.exit)
        } else {
          report(.exitedTwice, task, mark, against: entry.exit)
        }
      } else if entry.threadStart != 0, entry.threadStart != exit.threadStart {
        // Another task under the same id, whose fork did not come.
        place = firstSight(of: task, at: place, threadStart: exit.threadStart, mark)
      }
    } else {
      place = firstSight(of: task, at: place, threadStart: exit.threadStart, mark)
    }
    tasks.entries[Int(place)].flags.insert(.exited)
    tasks.entries[Int(place)].threadStart = exit.threadStart
    tasks.entries[Int(place)].exit = mark
    noteActed(task, at: place)
    process = processEntered(of: task, at: place)
    tasks.entries[Int(process)].flags.insert(.someExited)
    // A leader's entry is its process's, which goes on.
    if !task.isLeader { tasks.setEnded(place, true) }
    forgetIdentities(of: task)
    guard exit.flags.contains(.lastThread) else { return }
    // Threads that exit at the same time may still be delivered; nothing else may.
    tasks.entries[Int(process)].flags.insert(.ended)
    tasks.entries[Int(process)].end = mark
    tasks.setEnded(process, true)
  }

  /// Checks what a known task does against what is known of its process.
  mutating func checkProcess(
    _ kind: EventKind, _ task: TaskKey, at place: Int32, _ header: RecordHeader,
    _ mark: EventMark
  ) {
    let process = process(of: task, at: place)
    let flags = tasks.entries[Int(place)].flags
    let isOver = process >= 0 && tasks.entries[Int(process)].flags.contains(.ended)
    // A leader's id may be taken over in an exec, and that is told later.
    if flags.contains(.dead), !task.isLeader || isOver {
      report(
        .actedAfterDeath, task, mark, against: tasks.entries[Int(place)].switched,
        unlessLost: EventFamily.process.bit | EventFamily.scheduler.bit)
      tasks.entries[Int(place)].flags.remove(.dead)
    }
    if process < 0 || flags.contains(.exited) { return }
    if tasks.entries[Int(process)].flags.contains(.parentKnown) {
      checkParent(kind, task, at: place, process, header, mark)
    }
    if task.isLeader || kind == .exit || kind.belongsToDying { return }
    let exec = tasks.entries[Int(process)].exec
    if exec.ifAny != nil, tasks.entries[Int(place)].origin.sequence < exec.sequence,
      isWholeTask(tasks.entries[Int(place)])
    {
      report(
        .threadOutlivedExec, task, mark, against: exec, unlessLost: EventFamily.process.bit)
      tasks.entries[Int(place)].origin = mark
    }
  }
}
