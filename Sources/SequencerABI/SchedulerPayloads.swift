/// Payload of ``EventKind/switched``: one slot with its header, which tells of the task that leaves the
/// CPU. Task 0 is the CPU's idle task.
///
/// Source: `__schedule()` in kernel/sched/core.c, tracepoint `sched_switch`.
public struct SwitchPayload: BitwiseCopyable, Sendable {
  /// Name of the task that leaves.
  public var comm: TaskComm
  /// Its state: 0 it stays runnable, else bits of `TASK_…` (include/linux/sched.h).
  public var previousState: UInt32
  /// Its priority as the kernel counts: 0–99 real time, 100–139 the others, lower is first.
  public var previousPriority: Int32
  /// Thread-group id of the task that comes.
  public var nextPID: UInt32
  /// Thread id of the task that comes.
  public var nextTID: UInt32
  /// Start of its process, ns of `CLOCK_MONOTONIC`.
  public var nextProcessStart: UInt64
  /// Its priority.
  public var nextPriority: Int32
  /// 1: the task that leaves was preempted.
  public var isPreempted: UInt32
  /// Name of the task that comes.
  public var nextComm: TaskComm
}

/// Payload of ``EventKind/wakeup`` and ``EventKind/wakeupNew``: one slot with its header, which tells of
/// the task that ran on the waker's CPU (in an interrupt: whoever was interrupted).
///
/// Source: `try_to_wake_up()` and `wake_up_new_task()` in kernel/sched/core.c, tracepoints
/// `sched_waking` and `sched_wakeup_new`.
public struct WakeupPayload: BitwiseCopyable, Sendable {
  /// Name of the running task.
  public var comm: TaskComm
  /// Thread-group id of the task that is woken.
  public var wakeePID: UInt32
  /// Its thread id.
  public var wakeeTID: UInt32
  /// Start of its process, ns of `CLOCK_MONOTONIC`.
  public var wakeeProcessStart: UInt64
  /// The CPU it last ran on, or was made for.
  public var wakeeCPU: UInt32
  /// Its priority, see ``SwitchPayload/previousPriority``.
  public var wakeePriority: Int32
  /// Its name.
  public var wakeeComm: TaskComm
  public var reserved: UInt64
}

/// Payload of ``EventKind/migrate``: one slot with its header, which tells of the running task.
///
/// Source: `set_task_cpu()` in kernel/sched/core.c, tracepoint `sched_migrate_task`.
public struct MigratePayload: BitwiseCopyable, Sendable {
  /// Name of the running task.
  public var comm: TaskComm
  /// Thread-group id of the task that goes to another CPU.
  public var taskPID: UInt32
  /// Its thread id.
  public var taskTID: UInt32
  /// Start of its process, ns of `CLOCK_MONOTONIC`.
  public var taskProcessStart: UInt64
  /// The CPU it was on.
  public var fromCPU: UInt32
  /// The CPU it goes to.
  public var toCPU: UInt32
  /// Its name.
  public var taskComm: TaskComm
  /// Its priority, see ``SwitchPayload/previousPriority``.
  public var taskPriority: Int32
  public var reserved: UInt32
}
