/// A group of event kinds that is enabled, counted and lost together.
///
/// The raw value indexes the per-CPU counters, so it stays below ``EventFamily/count``.
public enum EventFamily: UInt8, Sendable, CaseIterable {
  case process = 1
  case signal = 2
  case credentials = 3
  case scheduler = 4
  case syscall = 5
  case file = 6
  case network = 7
  case futex = 8
  case bpf = 9
  case module = 10
  case namespace = 11
  case lock = 12
  case ptrace = 13
  case mount = 14
  /// Self-describing records of the test programs; never produced by `ordinal trace`.
  case test = 15

  /// The number of counters kept for families.
  @inlinable public static var count: Int { 16 }
  /// The family's bit in a mask of families.
  @inlinable public var bit: UInt32 { 1 &<< UInt32(rawValue) }
}

/// What a record tells. The high byte is the ``EventFamily``.
public enum EventKind: UInt16, Sendable, CaseIterable {
  /// A task was created (process or thread): payload ``ForkPayload``.
  case fork = 0x0101
  /// A task runs a new program: payload ``ExecPayload`` and its strings.
  case exec = 0x0102
  /// A task ended: payload ``ExitPayload``.
  case exit = 0x0103
  /// A signal was generated: payload ``SignalGeneratePayload``.
  case signalGenerate = 0x0201
  /// A signal was delivered: payload ``SignalDeliverPayload``.
  case signalDeliver = 0x0202
  /// A task's credentials changed, or a new task has others than its creator: payload
  /// ``CredentialsPayload``.
  case credentials = 0x0301
  /// A CPU went from one task to another: payload ``SwitchPayload``.
  case switched = 0x0401
  /// A task was woken: payload ``WakeupPayload``.
  case wakeup = 0x0402
  /// A new task was woken for the first time: payload ``WakeupPayload``.
  case wakeupNew = 0x0403
  /// A task was given to another CPU: payload ``MigratePayload``.
  case migrate = 0x0404
  /// A system call began: payload ``SyscallEnterPayload``.
  case syscallEnter = 0x0501
  /// A system call ended: payload ``SyscallExitPayload``.
  case syscallExit = 0x0502
  /// A task calls on a futex: payload ``FutexPayload``.
  case futexEnter = 0x0801
  /// A task comes back from a call on a futex: payload ``FutexPayload``.
  case futexExit = 0x0802
  /// A task waits for a kernel lock: payload ``LockPayload``.
  case lockWait = 0x0C01
  /// A wait for a kernel lock ends: payload ``LockPayload``.
  case lockAcquired = 0x0C02
  /// A file was opened for writing or created, or could not be: payload ``FileActPayload``.
  case fileOpen = 0x0601
  /// A name of a file was taken away: payload ``FileActPayload``.
  case fileUnlink = 0x0602
  /// A file was given another name: payload ``FileActPayload``.
  case fileRename = 0x0603
  /// A file's mode was changed: payload ``FileActPayload``.
  case fileMode = 0x0604
  /// A file's owner or group was changed: payload ``FileActPayload``.
  case fileOwner = 0x0605
  /// A TCP socket went from one state to another: payload ``SocketPayload``.
  case tcpState = 0x0701
  /// A socket was connected, or could not be: payload ``SocketPayload``.
  case netConnect = 0x0702
  /// A connection was accepted, or could not be: payload ``SocketPayload``.
  case netAccept = 0x0703
  /// A socket was given its own address, or could not be: payload ``SocketPayload``.
  case netBind = 0x0704
  /// A socket was made to listen, or could not be: payload ``SocketPayload``.
  case netListen = 0x0705
  /// bpf() was called: payload ``BPFPayload``.
  case bpf = 0x0901
  /// A module was loaded: payload ``ModulePayload`` and its name.
  case moduleLoad = 0x0A01
  /// A module was freed: payload ``ModulePayload`` and its name.
  case moduleFree = 0x0A02
  /// A system call of modules ended: payload ``ModuleCallPayload`` and its strings.
  case moduleCall = 0x0A03
  /// A task's namespaces changed, or a new task has others than its creator: payload
  /// ``NamespacePayload``.
  case namespace = 0x0B01
  /// ptrace() was called: payload ``PtracePayload``.
  case ptrace = 0x0D01
  /// A process read or wrote the memory of another: payload ``ProcessMemoryPayload``.
  case processMemory = 0x0D02
  /// A system call of mounts ended: payload ``MountPayload`` and its strings.
  case mount = 0x0E01
  /// A test program's own record: payload chosen by the test.
  case test = 0x0F01

  /// The family the kind is counted under: its high byte.
  @inlinable public var family: EventFamily {
    // Every raw value above begins with a family's; a test goes through all of them.
    EventFamily(rawValue: UInt8(truncatingIfNeeded: rawValue &>> 8)) ?? .test
  }
}
