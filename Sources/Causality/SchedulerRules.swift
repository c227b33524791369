import KernelEvents
import SequencerABI

// What must hold of CPUs and of tasks that come and go on them.

extension CausalityVerifier {
  /// TASK_DEAD of include/linux/sched.h: it is never switched in again.
  private static var taskDead: UInt32 { 0x80 }

  /// Checks that the event's task is the one that its CPU runs, by the last switch there.
  mutating func checkRunning(_ event: DecodedEvent, _ mark: EventMark, _ task: TaskKey) {
    let cpu = Int(mark.cpu)
    if cpus[cpu].runningTID == task.tid || !cpus[cpu].isKnown || !isWhole || isTree { return }
    checkRunningAnother(event, mark, task)
  }

  private mutating func checkRunningAnother(
    _ event: DecodedEvent, _ mark: EventMark, _ task: TaskKey
  ) {
    let cpu = Int(mark.cpu)
    let state = cpus[cpu]
    switch event.kind {
    case .lockWait, .lockAcquired:
      // Between the switch's tracepoint and the switch itself there are locks.
      if state.previousTID == task.tid { return }
    default: break
    }
    if task.pid == state.runningPID, task.isLeader || state.runningTID == state.runningPID {
      // A thread that runs a program takes its leader's id, and gives it its own, before that is told
      // (de_thread(), fs/exec.c).
      cpus[cpu].runningTID = task.tid
      return
    }
    // Switches between the tracer and an idle task are no events.
    if task.isIdle || isExcused(task.pid), state.runningTID == 0 || isExcused(state.runningPID) {
      return
    }
    report(
      event.kind == .switched ? .switchedFromAnother : .actedOffCPU, task, mark,
      against: state.switched, unlessLost: EventFamily.scheduler.bit,
      orSilent: ProcessKey(pid: state.runningPID, start: state.runningStart))
    cpus[cpu].runningPID = task.pid
    cpus[cpu].runningTID = task.tid
    cpus[cpu].runningStart = task.start
  }

  mutating func checkSwitch(
    _ payload: SwitchPayload, from task: TaskKey, at place: Int32, _ mark: EventMark
  ) {
    let cpu = Int(mark.cpu)
    cpus[cpu].isKnown = true
    cpus[cpu].previousTID = task.tid
    cpus[cpu].runningPID = payload.nextPID
    cpus[cpu].runningTID = payload.nextTID
    cpus[cpu].runningStart = payload.nextProcessStart
    cpus[cpu].switched = mark
    if place >= 0 {
      if payload.previousState & CausalityVerifier.taskDead != 0 {
        checkDeath(of: task, at: place, mark)
      }
      let sleeps = payload.previousState != 0 && payload.isPreempted == 0
      var flags = tasks.entries[Int(place)].flags
      flags.subtract([.running, .sleeps])
      if sleeps { flags.insert(.sleeps) }
      if payload.previousState & CausalityVerifier.taskDead != 0 {
        flags.insert(.dead)
        flags.remove(.placed)
      } else {
        // Here it is, whatever was lost.
        flags.insert(.placed)
        tasks.entries[Int(place)].cpu = mark.cpu
      }
      tasks.entries[Int(place)].flags = flags
      tasks.entries[Int(place)].switched = mark
    }
    if payload.nextTID != 0 {
      switchIn(
        TaskKey(pid: payload.nextPID, tid: payload.nextTID, start: payload.nextProcessStart),
        mark, keeping: place)
    }
  }

  /// Checks that a task that is switched out for the last time has exited.
  private mutating func checkDeath(of task: TaskKey, at place: Int32, _ mark: EventMark) {
    let flags = tasks.entries[Int(place)].flags
    // One that is older than the trace may have exited before it.
    if flags.contains(.exited) || !flags.contains(.forkSeen) { return }
    let process = process(of: task, at: place)
    if process >= 0, isChangingIDs(tasks.entries[Int(process)].flags) { return }
    suspect(.missingExit, task, mark, against: tasks.entries[Int(place)].origin)
  }

  /// Whether a process's leader is gone: then a thread may take its id, and give it its own, before that
  /// is told (de_thread(), fs/exec.c).
  private func isChangingIDs(_ process: TaskFlags) -> Bool {
    process.contains(.exited) && !process.contains(.ended)
  }

  /// Checks that a task that begins to run was made, was woken if it slept, and can be here.
  private mutating func switchIn(_ task: TaskKey, _ mark: EventMark, keeping kept: Int32) {
    let cpu = Int(mark.cpu)
    let place = checkKnown(task, at: tasks.find(task), mark, keeping: kept, mayBeGone: true)
    cpus[cpu].hint = place
    let entry = tasks.entries[Int(place)]
    var flags = entry.flags
    if flags.contains(.sleeps), !flags.contains(.woken), !isTree || isOfTree(flags),
      !flags.contains(.excused)
    {
      suspect(
        .ranWithoutWakeup, task, mark,
        against: entry.switched.ifAny == nil ? entry.origin : entry.switched)
    }
    let process = process(of: task, at: place)
    let ofProcess = process >= 0 ? tasks.entries[Int(process)].flags : []
    if flags.contains(.dead), !task.isLeader || ofProcess.contains(.ended) {
      report(
        .actedAfterDeath, task, mark, against: entry.switched,
        unlessLost: EventFamily.process.bit | EventFamily.scheduler.bit)
    }
    flags.subtract([.sleeps, .woken, .running, .placed, .dead])
    if !isChangingIDs(ofProcess) {
      if isWholeTask(entry) { checkPlace(entry, task, mark) }
      flags.formUnion([.running, .placed])
    }
    tasks.entries[Int(place)].flags = flags
    tasks.entries[Int(place)].cpu = mark.cpu
    tasks.entries[Int(place)].switched = mark
  }

  /// The times in which a CPU ran a process of which no event is ever delivered: some machines' kernels
  /// call no tracepoint while their keeper's process runs, not even in the interrupts of that time.
  ///
  /// A CPU that came back from such a process shows that it is one; that it was about to do something as the
  /// stream ended shows nothing.
  func silences() -> LossPlaces {
    var silent: Set<ProcessKey> = []
    var places = suspects.silences {
      if silent.contains($0) { return true }
      if isSilent($0) { silent.insert($0) }
      return silent.contains($0)
    }
    if places.isEmpty { return places }
    for cpu in cpus where cpu.first.ifAny != nil {
      // It may have run where it isn't known what did.
      places.add(families: .max, first: 0, last: cpu.first.sequence)
      if silent.contains(ProcessKey(pid: cpu.runningPID, start: cpu.runningStart)) {
        places.add(families: .max, first: cpu.switched.sequence, last: .max)
      }
    }
    return places
  }

  private func isSilent(_ process: ProcessKey) -> Bool {
    let place = tasks.find(TaskKey(pid: process.pid, tid: process.pid, start: process.start))
    // An idle task is no process, and acts in interrupts alone.
    return process.pid != 0 && !isExcused(process.pid)
      && (place < 0 || !tasks.entries[Int(place)].flags.contains(.someActed))
  }

  private mutating func checkPlace(_ entry: TaskEntry, _ task: TaskKey, _ mark: EventMark) {
    if entry.flags.contains(.running) {
      report(
        .ranTwiceAtOnce, task, mark, against: entry.switched,
        unlessLost: EventFamily.scheduler.bit,
        orSilent: ProcessKey(pid: task.pid, start: task.start))
    }
    if entry.flags.contains(.placed), entry.cpu != mark.cpu {
      report(
        .ranOnAnotherCPU, task, mark, against: entry.switched,
        unlessLost: EventFamily.scheduler.bit)
    }
  }

  mutating func checkWakeup(
    _ payload: WakeupPayload, isNew: Bool, _ mark: EventMark, keeping kept: Int32
  ) {
    if payload.wakeeTID == 0 { return }
    let wakee = TaskKey(
      pid: payload.wakeePID, tid: payload.wakeeTID, start: payload.wakeeProcessStart)
    let place = checkKnown(wakee, at: tasks.find(wakee), mark, keeping: kept, mayBeGone: false)
    tasks.entries[Int(place)].flags.insert(.woken)
    if isNew {
      tasks.entries[Int(place)].flags.insert(.placed)
      tasks.entries[Int(place)].cpu = UInt16(truncatingIfNeeded: payload.wakeeCPU)
    }
  }

  /// Notes where a task is to run.
  mutating func noteMigration(_ payload: MigratePayload) {
    let place = tasks.find(
      TaskKey(pid: payload.taskPID, tid: payload.taskTID, start: payload.taskProcessStart))
    if place < 0 { return }
    tasks.entries[Int(place)].flags.insert(.placed)
    tasks.entries[Int(place)].cpu = UInt16(truncatingIfNeeded: payload.toCPU)
  }
}
