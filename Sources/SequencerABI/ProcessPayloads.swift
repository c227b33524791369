/// A task's name as the kernel keeps it: 16 bytes, NUL-terminated.
public struct TaskComm: BitwiseCopyable, Sendable {
  public var low: UInt64
  public var high: UInt64
  @inlinable public init() {
    low = 0
    high = 0
  }
}

/// Payload of ``EventKind/fork``: one slot with its header.
///
/// The header tells of the task that called clone(); this tells of the new task. Source:
/// `copy_process()` in kernel/fork.c, tracepoint `task_newtask`.
public struct ForkPayload: BitwiseCopyable, Sendable {
  /// Thread-group id of the new task; equal to the header's `pid` for a thread.
  public var childPID: UInt32
  /// Thread id of the new task.
  public var childTID: UInt32
  /// Start of the new task's process, ns of `CLOCK_MONOTONIC`.
  public var childProcessStart: UInt64
  /// Start of the new task itself, ns of `CLOCK_MONOTONIC`.
  public var childThreadStart: UInt64
  /// The flags given to clone(), as the kernel saw them.
  public var cloneFlags: UInt64
  /// Name of the task that called clone().
  public var parentComm: TaskComm
  /// Name of the new task.
  public var childComm: TaskComm
}

/// Payload of ``EventKind/exit``: one slot with its header.
///
/// Source: `do_exit()` in kernel/exit.c, tracepoint `sched_process_exit`.
public struct ExitPayload: BitwiseCopyable, Sendable {
  /// The status as wait() of the parent encodes it: signal in bits 0–6, core flag 0x80, exit code
  /// in bits 8–15. For the last thread the process's status, else the thread's own.
  public var waitStatus: UInt32
  /// A set of ``ExitFlags``.
  public var exitFlags: UInt32
  /// Start of the exiting task, ns of `CLOCK_MONOTONIC`.
  public var threadStart: UInt64
  /// Nanoseconds from the start of the process (last thread) or of the task (any other) to now.
  public var runtime: UInt64
  /// Name of the exiting task.
  public var comm: TaskComm
  public var reserved0: UInt64
  public var reserved1: UInt64
}

/// The bits of ``ExitPayload/exitFlags``.
public struct ExitFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The last thread of its process; exactly one exit of a process has it.
  @inlinable public static var lastThread: ExitFlags { ExitFlags(rawValue: 1 << 0) }
  /// The status is the group's (exit_group() or a fatal signal), not the leader's own.
  @inlinable public static var groupExit: ExitFlags { ExitFlags(rawValue: 1 << 1) }
}

/// A task's identity and capabilities at one moment; numbers of the initial user namespace.
public struct Credentials: BitwiseCopyable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  public var effectiveUID: UInt32
  public var effectiveGID: UInt32
  /// Capability sets as bit masks, bit n = capability n of linux/capability.h.
  public var permitted: UInt64
  public var effective: UInt64
  @inlinable public init() {
    uid = 0
    gid = 0
    effectiveUID = 0
    effectiveGID = 0
    permitted = 0
    effective = 0
  }
}

/// The fixed part of the payload of ``EventKind/exec``; three byte strings follow it directly:
/// the path as executed, the working directory, and the argument block (`arg_start..arg_end` of
/// the committed `mm`: arguments with a NUL after each).
///
/// Source: `exec_binprm()` in fs/exec.c, tracepoint `sched_process_exec`.
public struct ExecPayload: BitwiseCopyable, Sendable {
  /// Thread id of the caller before the exec; differs from the header's `tid` where a thread
  /// other than the leader called execve().
  public var oldTID: UInt32
  /// A set of ``ExecFlags``.
  public var execFlags: UInt32
  /// Inode of the file that is mapped (for a script: its interpreter).
  public var inode: UInt64
  /// Device of that file as the kernel encodes it: major << 20 | minor.
  public var device: UInt32
  /// The number of arguments the new program was given, `args[0]` included.
  public var argumentCount: UInt32
  /// Bytes of the path that follow.
  public var pathLength: UInt16
  /// Bytes of the working directory that follow, as path components from the leaf to the root,
  /// each with a NUL after it; 0 where it could not be had.
  public var workingDirectoryLength: UInt16
  /// Bytes of the argument block that follow.
  public var argumentsLength: UInt32
  /// Bytes the argument block has in the process.
  public var argumentsTotal: UInt32
  public var reserved: UInt32
  /// Name of the task after the exec.
  public var comm: TaskComm
  /// Credentials before the exec; valid if `execFlags` has ``ExecFlags/credentialsBefore``.
  public var before: Credentials
  /// Credentials after the exec.
  public var after: Credentials

  /// Bytes of the path kept at most.
  @inlinable public static var pathLimit: Int { 1024 }
  /// Bytes of the working directory kept at most.
  @inlinable public static var workingDirectoryLimit: Int { 512 }
  /// Bytes of the argument block kept at most.
  @inlinable public static var argumentsLimit: Int { 4096 }
}

/// The bits of ``ExecPayload/execFlags``.
public struct ExecFlags: OptionSet, Sendable {
  public let rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `before` is valid (the kernel has the tracepoint `sched_prepare_exec`, 6.9 and newer).
  @inlinable public static var credentialsBefore: ExecFlags { ExecFlags(rawValue: 1 << 0) }
  /// The path was longer than ``ExecPayload/pathLimit``.
  @inlinable public static var pathTruncated: ExecFlags { ExecFlags(rawValue: 1 << 1) }
  /// The arguments were longer than ``ExecPayload/argumentsLimit``.
  @inlinable public static var argumentsTruncated: ExecFlags { ExecFlags(rawValue: 1 << 2) }
  /// The working directory was longer or deeper than what is kept.
  @inlinable public static var workingDirectoryTruncated: ExecFlags { ExecFlags(rawValue: 1 << 3) }
}
