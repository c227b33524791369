import KernelEvents
import SequencerABI

// What must hold of parents: an event names the process's real parent. It is the maker, until that has died.

extension CausalityVerifier {
  private static var cloneParent: UInt64 { 0x8000 }

  /// Notes whose child a new task is (copy_process(), kernel/fork.c).
  mutating func noteParent(
    of made: Int32, _ child: TaskKey, _ fork: ForkPayload, by parent: TaskKey, at maker: Int32,
    _ header: RecordHeader
  ) {
    if fork.isThread {
      let process = processEntered(of: child, at: made)
      tasks.entries[Int(process)].flags.insert(.threaded)
      return
    }
    if fork.cloneFlags & CausalityVerifier.cloneParent == 0 {
      tasks.entries[Int(made)].parentPID = parent.pid
      tasks.entries[Int(made)].parentStart = parent.start
      tasks.entries[Int(made)].flags.insert(.parentKnown)
      return
    }
    // A sibling of its maker.
    let process = process(of: parent, at: maker)
    guard process >= 0, tasks.entries[Int(process)].flags.contains(.parentKnown),
      tasks.entries[Int(process)].parentPID == header.parentPID
    else { return }
    tasks.entries[Int(made)].parentPID = tasks.entries[Int(process)].parentPID
    tasks.entries[Int(made)].parentStart = tasks.entries[Int(process)].parentStart
    tasks.entries[Int(made)].flags.insert(.parentKnown)
  }

  /// Checks the parent that an event names.
  ///
  /// A process goes to another parent when the thread that made it passes exit_notify() (kernel/exit.c) and no
  /// thread of that process is left that isn't exiting; so an exit of the former parent was delivered. But a
  /// record's header is filled behind its claim: an event may name the new parent and stand before that exit.
  /// The task's next event can't.
  mutating func checkParent(
    _ kind: EventKind, _ task: TaskKey, at place: Int32, _ process: Int32, _ header: RecordHeader,
    _ mark: EventMark
  ) {
    let pid = tasks.entries[Int(process)].parentPID
    if header.parentPID == pid {
      switch kind.family {
      case .scheduler, .syscall, .futex, .lock: return
      default: return checkParentLives(task, at: place, process, mark)
      }
    }
    let parent = parent(of: process)
    if parent >= 0, !tasks.entries[Int(parent)].flags.contains(.someExited) {
      guard tasks.entries[Int(place)].flags.contains(.parentInDoubt) else {
        tasks.entries[Int(place)].flags.insert(.parentInDoubt)
        return
      }
      if isWholeTask(tasks.entries[Int(process)]) {
        report(
          .reparentedEarly, task, mark, against: tasks.entries[Int(process)].origin,
          unlessLost: EventFamily.process.bit)
      }
    }
    // Which process of that pid it is now is not known.
    tasks.entries[Int(process)].flags.remove(.parentKnown)
  }

  /// A parent with one thread, which was switched out for the last time, has given its children away.
  private mutating func checkParentLives(
    _ task: TaskKey, at place: Int32, _ process: Int32, _ mark: EventMark
  ) {
    let parent = parent(of: process)
    guard parent >= 0 else { return }
    let entry = tasks.entries[Int(parent)]
    guard entry.flags.contains([.dead, .forkSeen]), !entry.flags.contains(.threaded),
      isWholeTask(tasks.entries[Int(process)])
    else { return }
    report(.parentGone, task, mark, against: entry.switched, unlessLost: EventFamily.process.bit)
    tasks.entries[Int(process)].flags.remove(.parentKnown)
  }

  private func parent(of process: Int32) -> Int32 {
    let entry = tasks.entries[Int(process)]
    return tasks.find(
      TaskKey(pid: entry.parentPID, tid: entry.parentPID, start: entry.parentStart))
  }
}
