public import KernelEvents

/// An event whose sequence did not rise above the one delivered before it.
public struct OrderingViolation: Equatable, Sendable {
  /// The highest sequence delivered before.
  public var previous: UInt64
  /// The sequence of the event.
  public var sequence: UInt64

  /// Tells that the event `sequence` came after the event `previous`.
  public init(previous: UInt64, sequence: UInt64) {
    self.previous = previous
    self.sequence = sequence
  }
}

/// An effect that was delivered before its cause, or that no cause can explain.
public struct CausalityViolation: Equatable, Sendable {
  /// What is wrong.
  public enum Rule: String, CaseIterable, Sendable {
    /// A fork made a task of which an event had been delivered already.
    case eventBeforeFork
    /// A second fork made the same task.
    case forkedTwice
    /// A task did something after its own exit.
    case eventAfterExit
    /// A task exited twice.
    case exitedTwice
    /// Two exits say they are the last of one process.
    case secondLastThread
    /// A process forked or ran a program after its last thread's exit.
    case eventAfterLastThread
    /// A child started before its parent.
    case startedBeforeParent
    /// A thread belongs to a process that isn't its maker's.
    case threadOfAnotherProcess
    /// A task that was born after tracing began has no fork, and no loss explains it.
    case missingFork
    /// A task that slept ran again, and nothing woke it.
    case ranWithoutWakeup
  }

  /// What is wrong.
  public var rule: Rule
  /// The process concerned; for the rules of a fork, the one that was made.
  public var process: ProcessKey
  /// The task concerned.
  public var tid: UInt32
  /// The event at which it showed; for ``Rule/missingFork`` the task's first one.
  public var sequence: UInt64

  /// Tells that `rule` does not hold for the task `tid` of `process`, as the event `sequence` shows.
  public init(rule: Rule, process: ProcessKey, tid: UInt32, sequence: UInt64) {
    self.rule = rule
    self.process = process
    self.tid = tid
    self.sequence = sequence
  }
}

extension OrderingViolation: CustomStringConvertible {
  public var description: String { "event \(sequence) was delivered after event \(previous)" }
}

extension CausalityViolation: CustomStringConvertible {
  public var description: String {
    let task = "task \(tid) of process \(process.pid) (start \(process.start))"
    return switch rule {
    case .eventBeforeFork: "event \(sequence): \(task) was forked after an event of its own"
    case .forkedTwice: "event \(sequence): \(task) was forked a second time"
    case .eventAfterExit: "event \(sequence): \(task) acted after its exit"
    case .exitedTwice: "event \(sequence): \(task) exited a second time"
    case .secondLastThread: "event \(sequence): a second last exit, by \(task)"
    case .eventAfterLastThread: "event \(sequence): \(task) acted after the process's last exit"
    case .startedBeforeParent: "event \(sequence): \(task) started before its parent"
    case .threadOfAnotherProcess: "event \(sequence): \(task) is not of its maker's process"
    case .ranWithoutWakeup: "event \(sequence): \(task) slept and ran without being woken"
    case .missingFork: "event \(sequence): \(task) acted, but its fork was never delivered"
    }
  }
}
