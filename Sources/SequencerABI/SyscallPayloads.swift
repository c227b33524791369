/// Payload of ``EventKind/syscallEnter``: one slot with its header.
///
/// The number travels in the header: ``RecordFlags/detail``, with ``SyscallDetail``. Source:
/// `syscall_trace_enter()` in kernel/entry/common.c, tracepoint `sys_enter`.
public struct SyscallEnterPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// The six argument registers, used by the call or not.
  public var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
}

/// Payload of ``EventKind/syscallExit``: one slot with its header; the number travels as with
/// ``SyscallEnterPayload``.
///
/// Source: `syscall_exit_work()` in kernel/entry/common.c, tracepoint `sys_exit`.
public struct SyscallExitPayload: BitwiseCopyable, Sendable {
  /// Name of the task.
  public var comm: TaskComm
  /// What the call returns: −4095 … −1 is an errno, below 0.
  public var result: Int64
}

/// What ``RecordFlags/detail`` holds for a system call: its number, and whose table the number is of.
public enum SyscallDetail {
  /// Numbers that can be told: 0 ..< this.
  @inlinable public static var numberLimit: UInt32 { 1 << 10 }
  /// The caller is a 32-bit program (i386 on x86-64, arm on arm64).
  @inlinable public static var compat: UInt16 { 1 << 11 }

  /// The detail of call `number`.
  @inlinable @inline(__always)
  public static func detail(number: UInt32, isCompat: Bool) -> UInt16 {
    UInt16(truncatingIfNeeded: number & (numberLimit &- 1)) | (isCompat ? compat : 0)
  }
  /// The number that a detail tells.
  @inlinable public static func number(_ detail: UInt16) -> UInt32 {
    UInt32(detail) & (numberLimit &- 1)
  }
}
