/// What a ``CausalityVerifier`` finds wrong. docs/verify.md says what each rests on.
public enum CausalityRule: String, CaseIterable, Sendable {
  // Lives.

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
  /// A process did something after its last thread's exit.
  case eventAfterLastThread
  /// A child started before its parent.
  case startedBeforeParent
  /// A thread belongs to a process that isn't its maker's.
  case threadOfAnotherProcess
  /// A task that was born after tracing began has no fork, and no loss explains it.
  case missingFork
  /// A task was switched out for the last time, has no exit, and no loss explains it.
  case missingExit
  /// A thread did something after another one's exec, which ends all others.
  case threadOutlivedExec
  /// A process has another parent, and no thread of the former has exited.
  case reparentedEarly
  /// A process names a parent that was switched out for the last time.
  case parentGone

  // Time.

  /// The time of a CPU's events fell.
  case cpuTimeFell
  /// The time of a task's events fell.
  case taskTimeFell
  /// An event is the one before it on its CPU once more.
  case repeatedEvent
  /// A process started after an event of its own.
  case startedAfterEvent

  // The scheduler.

  /// A task that slept, or was new, ran and nothing woke it.
  case ranWithoutWakeup
  /// A CPU was switched from another task than it was switched to before.
  case switchedFromAnother
  /// A task did something on a CPU that runs another.
  case actedOffCPU
  /// A task was switched in while it ran.
  case ranTwiceAtOnce
  /// A task was switched in on a CPU that it wasn't given to.
  case ranOnAnotherCPU
  /// A task did something after its last switch.
  case actedAfterDeath

  // Calls, locks, signals, identities.

  /// A call began inside another one.
  case callInsideCall
  /// Another call ended than the one that had begun.
  case otherCallEnded
  /// A wait for a lock ended that had not begun.
  case lockNotWaitedFor
  /// A signal was delivered that was not generated.
  case deliveredNotGenerated
  /// A task's credentials before a change aren't those after the last one.
  case credentialsDiffer
  /// A task's namespaces before a change aren't those after the last one.
  case namespacesDiffer

  /// What the task concerned did, as a line has it behind the task's name.
  var predicate: String {
    switch self {
    case .eventBeforeFork: "was forked after an event of its own"
    case .forkedTwice: "was forked a second time"
    case .eventAfterExit: "acted after its exit"
    case .exitedTwice: "exited a second time"
    case .secondLastThread: "is the process's last to exit a second time"
    case .eventAfterLastThread: "acted after the process's last exit"
    case .startedBeforeParent: "started before its parent"
    case .threadOfAnotherProcess: "is not of its maker's process"
    case .missingFork: "acted, but its fork was never delivered"
    case .missingExit: "died, but its exit was never delivered"
    case .threadOutlivedExec: "acted after another thread's exec"
    case .reparentedEarly: "has another parent before the former's exit"
    case .parentGone: "has a parent that has died"
    case .cpuTimeFell: "acted before what its CPU did before"
    case .taskTimeFell: "acted before what it did before"
    case .repeatedEvent: "did what its CPU did before, at the same moment"
    case .startedAfterEvent: "acted before its process's start"
    case .ranWithoutWakeup: "slept and ran without being woken"
    case .switchedFromAnother: "left a CPU that ran another"
    case .actedOffCPU: "acted on a CPU that ran another"
    case .ranTwiceAtOnce: "was switched in while it ran"
    case .ranOnAnotherCPU: "ran on a CPU it was not given to"
    case .actedAfterDeath: "acted after its last switch"
    case .callInsideCall: "began a call inside another"
    case .otherCallEnded: "ended another call than it had begun"
    case .lockNotWaitedFor: "ended a wait that it had not begun"
    case .deliveredNotGenerated: "took a signal that nobody generated"
    case .credentialsDiffer: "has other credentials than its last change gave it"
    case .namespacesDiffer: "has other namespaces than its last change gave it"
    }
  }
}
