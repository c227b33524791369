public import SequencerABI

extension EventFamily {
  /// The family's name in output and on the command line (`--events`).
  public var name: StaticString {
    switch self {
    case .process: "process"
    case .signal: "signal"
    case .credentials: "cred"
    case .scheduler: "sched"
    case .syscall: "syscall"
    case .file: "file"
    case .network: "net"
    case .futex: "futex"
    case .bpf: "bpf"
    case .module: "module"
    case .namespace: "namespace"
    case .lock: "lock"
    case .ptrace: "ptrace"
    case .mount: "mount"
    case .test: "test"
    }
  }

  /// The family named `name`, as ``name`` spells it; nil if there is none.
  public init?(name: String) {
    guard let family = EventFamily.allCases.first(where: { $0.name.description == name })
    else { return nil }
    self = family
  }

  /// The families whose bits are set.
  ///
  /// - Parameter mask: ``SequencerABI/EventFamily/bit``s, joined.
  /// - Returns: those known among them.
  public static func families(in mask: UInt32) -> Set<EventFamily> {
    Set(EventFamily.allCases.filter { mask & $0.bit != 0 })
  }
}

extension EventKind {
  /// The kind's name in output: the `type` of a JSON line.
  public var name: StaticString {
    switch self {
    case .fork: "fork"
    case .exec: "exec"
    case .exit: "exit"
    case .signalGenerate: "signal_generate"
    case .signalDeliver: "signal_deliver"
    case .switched: "sched_switch"
    case .wakeup: "sched_wakeup"
    case .wakeupNew: "sched_wakeup_new"
    case .migrate: "sched_migrate"
    case .syscallEnter: "syscall_enter"
    case .syscallExit: "syscall_exit"
    case .futexEnter: "futex_enter"
    case .futexExit: "futex_exit"
    case .lockWait: "lock_wait"
    case .lockAcquired: "lock_acquired"
    case .fileOpen: "file_open"
    case .fileUnlink: "file_unlink"
    case .fileRename: "file_rename"
    case .fileMode: "file_chmod"
    case .fileOwner: "file_chown"
    case .tcpState: "tcp_state"
    case .netConnect: "net_connect"
    case .netAccept: "net_accept"
    case .netBind: "net_bind"
    case .netListen: "net_listen"
    case .credentials: "cred"
    case .namespace: "namespace"
    case .ptrace: "ptrace"
    case .processMemory: "process_vm"
    case .bpf: "bpf"
    case .moduleLoad: "module_load"
    case .moduleFree: "module_free"
    case .moduleCall: "module_call"
    case .mount: "mount"
    case .test: "test"
    }
  }
}
