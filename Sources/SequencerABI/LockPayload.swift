/// Payload of ``EventKind/lockWait`` and ``EventKind/lockAcquired``: one slot with its header, which tells of
/// the task that waits (in an interrupt: whoever was interrupted).
///
/// Source: tracepoints `contention_begin` and `contention_end` (include/trace/events/lock.h): a kernel lock was
/// not free. The quick ways of locks do not pass there.
public struct LockPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// The lock's address in the kernel.
  public var lock: UInt64
  /// ``EventKind/lockWait``: what kind of lock, and for what: `LCB_F_…`. Else 0.
  public var flags: UInt32
  /// ``EventKind/lockAcquired``: 0, or below 0 where the wait was given up. Else 0.
  public var result: Int32
}
