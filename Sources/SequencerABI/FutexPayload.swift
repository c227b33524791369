/// Payload of ``EventKind/futexEnter`` and ``EventKind/futexExit``: one slot with its header; the call's number
/// travels as with ``SyscallEnterPayload``.
///
/// There is no tracepoint in kernel/futex: these are the calls' entry and return, tracepoints `sys_enter` and
/// `sys_exit`.
public struct FutexPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// The futex's address in the caller; of futex_waitv() and futex_requeue() that of the list of futexes.
  public var address: UInt64
  /// The second futex of a requeue or a wake-op; 0 for others.
  public var secondAddress: UInt64
  /// What the call returns; 0 on entry.
  public var result: Int64
  /// `FUTEX_…` without its flags; 255 for futex_waitv().
  public var operation: UInt32
  /// `FUTEX_PRIVATE_FLAG` and `FUTEX_CLOCK_REALTIME`, for futex() only.
  public var flags: UInt32
  /// The value waited on, or how many to wake.
  public var value: UInt32
  public var reserved: UInt32

  /// The operation of futex_waitv(), which futex() has no number for.
  @inlinable public static var waitv: UInt32 { 255 }
}
