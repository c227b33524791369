/// A process and one of its tasks, for events of two tasks.
public struct TaskReference: BitwiseCopyable, Sendable {
  /// Thread-group id, in the initial pid namespace; 0: no task.
  public var pid: UInt32
  /// Thread id, in the initial pid namespace.
  public var tid: UInt32
  /// Start of the process, ns of `CLOCK_MONOTONIC`.
  public var processStart: UInt64
  /// Name of the task.
  public var comm: TaskComm
  /// No task.
  @inlinable public init() {
    pid = 0
    tid = 0
    processStart = 0
    comm = TaskComm()
  }
}

/// Everything of a task's credentials that rights depend on; ids are of the initial user namespace.
///
/// 96 bytes, a multiple of 8: kept as words between the two ends of a call.
public struct FullCredentials: BitwiseCopyable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  public var effectiveUID: UInt32
  public var effectiveGID: UInt32
  public var savedUID: UInt32
  public var savedGID: UInt32
  public var fileSystemUID: UInt32
  public var fileSystemGID: UInt32
  /// SECBIT_ flags of linux/securebits.h.
  public var secureBits: UInt32
  /// Inode number of the user namespace, as `/proc/PID/ns/user` shows it.
  public var userNamespace: UInt32
  /// Supplementary groups that the task has.
  public var groupCount: UInt32
  public var reserved: UInt32
  /// Capability sets as bit masks, bit n = capability n of linux/capability.h.
  public var inheritable: UInt64
  public var permitted: UInt64
  public var effective: UInt64
  public var bounding: UInt64
  public var ambient: UInt64
  /// Where the kernel keeps the list of groups, so that a new list of equal length is told from the old
  /// one; never told itself, and 0 in a record.
  public var groupList: UInt64
}

/// Payload of ``EventKind/credentials``: three slots with its header.
///
/// The header tells of the task that made the change; the call's number travels in it:
/// ``RecordFlags/detail``, with ``SyscallDetail``. Source: `task->cred` at `sys_enter` and `sys_exit`, and
/// of a new task at `task_newtask`.
public struct CredentialsPayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// The task whose credentials these are: the acting one, or the new one that it made.
  public var task: TaskReference
  /// 1: a new list of supplementary groups was put in place, whatever their number.
  public var groupsReplaced: UInt32
  public var reserved: UInt32
  public var before: FullCredentials
  public var after: FullCredentials
}

/// The namespaces of a task, by the inode numbers that `/proc/PID/ns` shows; 0: the kernel has no such
/// namespaces.
public struct NamespaceSet: BitwiseCopyable, Sendable {
  public var mount: UInt32
  public var uts: UInt32
  public var ipc: UInt32
  public var network: UInt32
  public var cgroup: UInt32
  public var user: UInt32
  /// The one that the task's own id is of: no call changes it, only birth.
  public var pid: UInt32
  public var pidForChildren: UInt32
  public var time: UInt32
  public var timeForChildren: UInt32
}

/// Payload of ``EventKind/namespace``: two slots with its header, which is as with
/// ``CredentialsPayload``.
///
/// Source: `task->nsproxy` and `task->cred->user_ns` at `sys_enter` and `sys_exit`, and of a new task
/// at `task_newtask`.
public struct NamespacePayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// The task whose namespaces these are: the acting one, or the new one that it made.
  public var task: TaskReference
  public var before: NamespaceSet
  public var after: NamespaceSet
}

/// Payload of ``EventKind/ptrace``: two slots with its header.
///
/// Source: `ptrace()` in kernel/ptrace.c, read at `sys_enter` and `sys_exit`.
public struct PtracePayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// `PTRACE_…` of linux/ptrace.h.
  public var request: UInt32
  /// The id that the caller gave, in its own pid namespace.
  public var askedPID: UInt32
  public var address: UInt64
  public var data: UInt64
  /// What the call returns: −4095 … −1 is an errno, below 0.
  public var result: Int64
  /// The task that traces.
  public var tracer: TaskReference
  /// The task that is traced; all 0 where the caller does not trace the one that it asked for.
  public var target: TaskReference
}

/// Payload of ``EventKind/processMemory``: one slot with its header, which carries the call's number.
///
/// Source: `process_vm_rw()` in mm/process_vm_access.c, read at `sys_exit`.
public struct ProcessMemoryPayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// The id that the caller gave, in its own pid namespace.
  public var askedPID: UInt32
  /// 1: process_vm_writev(), 0: process_vm_readv().
  public var isWrite: UInt32
  /// Bytes that were copied; −4095 … −1 is an errno, below 0.
  public var result: Int64
  /// Ranges of the other process that the caller named.
  public var remoteCount: UInt64
  /// Start of the first of them; 0 where it could not be read.
  public var remoteAddress: UInt64
  public var reserved0: UInt64
  public var reserved1: UInt64
}

/// Payload of ``EventKind/bpf``: one slot with its header.
///
/// Source: `__sys_bpf()` in kernel/bpf/syscall.c, read at `sys_exit`; what a returned descriptor stands
/// for is read from `struct bpf_prog` and `struct bpf_map`.
public struct BPFPayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// `BPF_…` of enum bpf_cmd, linux/bpf.h.
  public var command: UInt16
  /// What is told below: ``BPFObjectKind``.
  public var object: UInt16
  /// Its id.
  public var id: UInt32
  /// What the call returns: −4095 … −1 is an errno, below 0.
  public var result: Int64
  /// Its name, as far as its maker gave one.
  public var name: TaskComm
  /// `BPF_PROG_TYPE_…` or `BPF_MAP_TYPE_…`.
  public var type: UInt32
  /// Instructions of a program, entries of a map at most.
  public var count: UInt32
  /// Of a map.
  public var keySize: UInt32
  /// Of a map.
  public var valueSize: UInt32
}

/// What a descriptor of bpf() stands for.
public enum BPFObjectKind: UInt16, Sendable, CaseIterable {
  /// The call gave none that is looked at.
  case none = 0
  case program = 1
  case map = 2
}

/// The fixed part of the payload of ``EventKind/moduleLoad`` and ``EventKind/moduleFree``; the module's
/// name follows.
///
/// Source: tracepoints `module_load` and `module_free`, kernel/module/main.c.
public struct ModulePayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// `TAINT_…` bits that the module brings.
  public var taints: UInt64
  /// Bytes of the name.
  public var nameLength: UInt16
  public var reserved0: UInt16
  public var reserved1: UInt32

  /// Bytes of a name at most: MODULE_NAME_LEN.
  @inlinable public static var nameLimit: Int { 56 }
}

/// The fixed part of the payload of ``EventKind/moduleCall``; two strings follow it directly: the name
/// that delete_module() was given, and the parameters that init_module() and finit_module() were.
///
/// Source: the calls of kernel/module/main.c, read at `sys_exit`; the header carries the call's number.
public struct ModuleCallPayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// What the call returns: −4095 … −1 is an errno, below 0.
  public var result: Int64
  /// `MODULE_INIT_…` of finit_module(), `O_…` of delete_module().
  public var flags: UInt32
  /// The descriptor of finit_module(); −1 for the other calls.
  public var descriptor: Int32
  /// Bytes of the image of init_module().
  public var imageLength: UInt64
  public var nameLength: UInt16
  public var parametersLength: UInt16
  public var reserved: UInt32

  /// Bytes of a name at most.
  @inlinable public static var nameLimit: Int { 64 }
  /// Bytes of parameters at most.
  @inlinable public static var parametersLimit: Int { 256 }
}

/// The fixed part of the payload of ``EventKind/mount``; four strings follow it directly: source, target,
/// type of file system, key.
///
/// The header carries the call's number, which says what the fields mean. Source: the calls of
/// fs/namespace.c and fs/fsopen.c, read at `sys_exit`.
public struct MountPayload: BitwiseCopyable, Sendable {
  /// Name of the acting task.
  public var comm: TaskComm
  /// What the call returns: −4095 … −1 is an errno, below 0.
  public var result: Int64
  /// The call's flags; of fsconfig() its command.
  public var flags: UInt64
  /// Attributes that are set (`MOUNT_ATTR_…`): of fsmount() and mount_setattr().
  public var attributesSet: UInt64
  /// Attributes that are cleared: of mount_setattr().
  public var attributesCleared: UInt64
  /// The descriptor that the source lies under, or that is worked on; −100 (AT_FDCWD) the current directory.
  public var sourceDescriptor: Int32
  /// The descriptor that the target lies under.
  public var targetDescriptor: Int32
  public var sourceLength: UInt16
  public var targetLength: UInt16
  public var typeLength: UInt16
  public var keyLength: UInt16

  /// Bytes of source and target at most, each.
  @inlinable public static var pathLimit: Int { 512 }
  /// Bytes of type and key at most, each.
  @inlinable public static var wordLimit: Int { 64 }
}
