/// A Swift file to be written, with its tables.
struct TableFile {
  var name: String
  var tables: [Table]

  /// All that is made.
  static let all = [
    TableFile(name: "SyscallNames.swift", tables: syscalls),
    TableFile(name: "NumberNames+Tables.swift", tables: numbers),
    TableFile(name: "FlagNames+Tables.swift", tables: flags),
  ]

  private static let syscalls = [
    syscalls("syscallX86_64", "x86-64", "asm/unistd_64.h", .x86_64),
    syscalls("syscallI386", "32-bit x86", "asm/unistd_32.h", .i386),
    syscalls("syscallARM64", "arm64", "asm/unistd.h", .arm64),
  ]

  private static func syscalls(
    _ member: String, _ name: String, _ header: String, _ architecture: Architecture
  ) -> Table {
    Table(
      member: member, summary: "The system calls of \(name)", headers: [header],
      architecture: architecture, prefix: "__NR_", strip: "__NR_", not: ["__NR_syscalls"])
  }

  private static let numbers = [
    Table(
      member: "signal", summary: "The standard signals, 1 to 31", headers: ["asm/signal.h"],
      prefix: "SIG", notPrefixes: ["SIG_"], not: ["SIGIOT", "SIGPOLL", "SIGUNUSED", "SIGRTMAX"],
      range: 1...31),
    Table(
      member: "errno", summary: "The errors of system calls", headers: ["asm/errno.h"],
      prefix: "E", not: ["EWOULDBLOCK", "EDEADLOCK", "EFSBADCRC", "EFSCORRUPTED"]),
    Table(
      member: "capability", summary: "The capabilities, by the number of their bit",
      headers: ["linux/capability.h"], prefix: "CAP_", not: ["CAP_LAST_CAP"]),
    ptrace("ptraceX86", "x86-64", .x86_64),
    ptrace("ptraceARM64", "arm64", .arm64),
    Table(
      member: "fileSystemCommand", summary: "The commands of fsconfig()",
      headers: ["linux/mount.h"], source: .enumerators(of: "fsconfig_command"),
      prefix: "FSCONFIG_"),
    bpf("bpfCommand", "commands of bpf()", "bpf_cmd", not: ["BPF_PROG_RUN"]),
    bpf("bpfProgramType", "types of BPF programs", "bpf_prog_type"),
    bpf(
      "bpfMapType", "types of BPF maps", "bpf_map_type",
      not: [
        "BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED", "BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED",
      ]),
    bpf("bpfAttachType", "places where BPF programs are attached", "bpf_attach_type"),
    Table(
      member: "addressFamily", summary: "The families of socket addresses",
      headers: ["sys/socket.h"], package: "libc6-dev", prefix: "AF_",
      not: ["AF_LOCAL", "AF_FILE", "AF_ROUTE", "AF_MAX"]),
    Table(
      member: "socketType",
      summary: "The types of sockets, less the flags (``FlagNames/socketType``)",
      headers: ["sys/socket.h"], package: "libc6-dev",
      source: .enumerators(of: "__socket_type"), prefix: "SOCK_", range: 0...15),
    Table(
      member: "tcpState", summary: "The states of TCP sockets", headers: ["linux/bpf.h"],
      source: .enumerators(of: nil), prefix: "BPF_TCP_", strip: "BPF_",
      not: ["BPF_TCP_MAX_STATES"]),
    Table(
      member: "futexOperation",
      summary: "The operations of futex(), less the flags (``FlagNames/futexFlags``)",
      headers: ["linux/futex.h"], prefix: "FUTEX_", notPrefixes: ["FUTEX_OP_", "FUTEX_ROBUST_"],
      notSuffixes: ["_PRIVATE"], not: ["FUTEX_32"], range: 0...127),
    Table(
      member: "openAccessMode",
      summary: "The access modes of open(): the lowest two bits of its flags",
      headers: ["asm/fcntl.h"], prefix: "O_", only: ["O_RDONLY", "O_WRONLY", "O_RDWR"]),
    code("signalCode", "any signal, by its 32 bits where it is negative", "SI_", ["SI_MAX_SIZE"]),
    code("childCode", "SIGCHLD", "CLD_"), code("segvCode", "SIGSEGV", "SEGV_"),
    code("busCode", "SIGBUS", "BUS_"), code("fpeCode", "SIGFPE", "FPE_"),
    code("illCode", "SIGILL", "ILL_"),
    code("trapCode", "SIGTRAP", "TRAP_", ["TRAP_PERF_FLAG_ASYNC"]),
    code("pollCode", "SIGIO", "POLL_"), code("sysCode", "SIGSYS", "SYS_"),
  ]

  private static func ptrace(
    _ member: String, _ name: String, _ architecture: Architecture
  ) -> Table {
    Table(
      member: member, summary: "The requests of ptrace() on \(name)", headers: ["linux/ptrace.h"],
      architecture: architecture, prefix: "PTRACE_",
      notPrefixes: [
        "PTRACE_O_", "PTRACE_EVENT_", "PTRACE_EVENTMSG_", "PTRACE_SYSCALL_INFO_",
        "PTRACE_PEEKSIGINFO_",
      ])
  }

  private static func bpf(
    _ member: String, _ summary: String, _ name: String, not: Set<String> = []
  ) -> Table {
    // The prefix leaves out the enum's end, __MAX_BPF_…
    Table(
      member: member, summary: "The \(summary)", headers: ["linux/bpf.h"],
      source: .enumerators(of: name), prefix: "BPF_", not: not)
  }

  private static func code(
    _ member: String, _ signal: String, _ prefix: String, _ not: Set<String> = []
  ) -> Table {
    Table(
      member: member, summary: "The values of si_code of \(signal)", headers: ["asm/siginfo.h"],
      prefix: prefix, not: not)
  }

  private static let flags = [
    Table(
      member: "clone", summary: "The flags of clone(), clone3(), unshare() and setns()",
      kind: .flags, headers: ["linux/sched.h"], prefix: "CLONE_", notPrefixes: ["CLONE_ARGS_"],
      width: 64),
    open("openX86", "x86", .x86_64), open("openARM64", "arm64", .arm64),
    Table(
      member: "mount", summary: "The flags of mount()", kind: .flags, headers: ["linux/mount.h"],
      prefix: "MS_", not: ["MS_VERBOSE", "MS_MGC_VAL", "MS_MGC_MSK", "MS_RMT_MASK"]),
    Table(
      member: "unmount", summary: "The flags of umount2()", kind: .flags,
      headers: ["sys/mount.h"], package: "libc6-dev", prefix: "",
      only: ["MNT_FORCE", "MNT_DETACH", "MNT_EXPIRE", "UMOUNT_NOFOLLOW"]),
    Table(
      member: "mountAttribute",
      summary: "The attributes of a mount, of fsmount() and mount_setattr()", kind: .flags,
      headers: ["linux/mount.h"], prefix: "MOUNT_ATTR_",
      notPrefixes: ["MOUNT_ATTR__", "MOUNT_ATTR_SIZE_"],
      // The absence of the others: 0.
      not: ["MOUNT_ATTR_RELATIME"]),
    Table(
      member: "mountTree",
      summary: "The flags of open_tree(), open_tree_attr() and mount_setattr()", kind: .flags,
      headers: ["linux/fcntl.h", "linux/mount.h"], prefix: "",
      only: [
        "OPEN_TREE_CLONE", "OPEN_TREE_NAMESPACE", "OPEN_TREE_CLOEXEC", "AT_SYMLINK_NOFOLLOW",
        "AT_NO_AUTOMOUNT", "AT_EMPTY_PATH", "AT_RECURSIVE",
      ]),
    Table(
      member: "moveMount", summary: "The flags of move_mount()", kind: .flags,
      headers: ["linux/mount.h"], prefix: "MOVE_MOUNT_", notPrefixes: ["MOVE_MOUNT__"]),
    Table(
      member: "openFileSystem", summary: "The flags of fsopen()", kind: .flags,
      headers: ["linux/mount.h"], prefix: "FSOPEN_"),
    Table(
      member: "pickFileSystem", summary: "The flags of fspick()", kind: .flags,
      headers: ["linux/mount.h"], prefix: "FSPICK_"),
    Table(
      member: "mountFileSystem", summary: "The flags of fsmount()", kind: .flags,
      headers: ["linux/mount.h"], prefix: "FSMOUNT_"),
    Table(
      member: "moduleLoad", summary: "The flags of finit_module()", kind: .flags,
      headers: ["linux/module.h"], prefix: "MODULE_INIT_"),
    Table(
      member: "ptraceOption", summary: "The options of PTRACE_SETOPTIONS and PTRACE_SEIZE",
      kind: .flags, headers: ["linux/ptrace.h"], prefix: "PTRACE_O_", not: ["PTRACE_O_MASK"]),
    Table(
      member: "unlinkat", summary: "The flags of unlinkat()", kind: .flags,
      headers: ["linux/fcntl.h"], prefix: "AT_", only: ["AT_REMOVEDIR"]),
    Table(
      member: "renameat2", summary: "The flags of renameat2()", kind: .flags,
      headers: ["linux/fs.h"], prefix: "RENAME_"),
    Table(
      member: "futexFlags", summary: "The flags that futex() takes beside its operation",
      kind: .flags, headers: ["linux/futex.h"], prefix: "FUTEX_",
      only: [
        "FUTEX_PRIVATE_FLAG", "FUTEX_CLOCK_REALTIME", "FUTEX_ROBUST_UNLOCK", "FUTEX_ROBUST_LIST32",
      ]),
    Table(
      member: "socketType", summary: "The flags that socket() takes beside the type", kind: .flags,
      headers: ["sys/socket.h"], package: "libc6-dev",
      source: .enumerators(of: "__socket_type"), prefix: "SOCK_", range: 16...UInt64.max),
  ]

  private static func open(
    _ member: String, _ name: String, _ architecture: Architecture
  ) -> Table {
    Table(
      member: member,
      summary: "The flags of open() on \(name), less the access mode"
        + " (``NumberNames/openAccessMode``)",
      kind: .flags, headers: ["asm/fcntl.h"], architecture: architecture, prefix: "O_",
      not: ["O_ACCMODE", "O_RDONLY", "O_WRONLY", "O_RDWR", "O_NDELAY"])
  }
}
