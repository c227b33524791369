import KernelEvents
import SequencerABI

// What must hold of times, whatever is filtered or lost.

extension CausalityVerifier {
  /// Nanoseconds by which the clock of one CPU, read without a lock, may be behind that of another.
  private static var slack: UInt64 { 10_000 }

  /// Whether a start of a task is later than an event that knows of it. Starts are always exact.
  func startsAfter(_ mark: EventMark, _ start: UInt64) -> Bool {
    hasExactClock && mark.timestamp != 0 && start > mark.timestamp
      && start - mark.timestamp > CausalityVerifier.slack
  }

  /// Checks an event's time against its CPU's before.
  mutating func checkClock(_ event: DecodedEvent, _ mark: EventMark, _ task: TaskKey) {
    if mark.timestamp == 0 { return }
    let cpu = Int(mark.cpu)
    // The one wakeup that no lock keeps interrupts from.
    let isOfItself =
      event.kind == .wakeup
      && event.payload(as: WakeupPayload.self).map { $0.wakeeTID == task.tid } ?? false
    if let earlier = cpus[cpu].take(mark, event.kind, isOfItself: isOfItself) {
      report(.cpuTimeFell, task, mark, against: earlier)
    }
    guard hasExactClock else { return }
    if let earlier = cpus[cpu].takeContent(mark, event.payload) {
      report(.repeatedEvent, task, mark, against: earlier)
    }
    // A thread that dies may have lost its process, and then names anything.
    if startsAfter(mark, task.start), task.isLeader || !event.kind.belongsToDying {
      report(.startedAfterEvent, task, mark, against: .none)
    }
  }

  /// Checks an event's time against its task's on another CPU.
  mutating func checkTaskTime(_ task: TaskKey, at place: Int32, _ mark: EventMark) {
    if mark.timestamp == 0 { return }
    let latest = tasks.entries[Int(place)].latest
    if latest.timestamp > mark.timestamp {
      // On one CPU the CPU's rule says it.
      if latest.cpu == mark.cpu || latest.timestamp - mark.timestamp <= CausalityVerifier.slack {
        return
      }
      report(.taskTimeFell, task, mark, against: latest)
    }
    tasks.entries[Int(place)].latest = mark
  }
}
