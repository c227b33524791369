import CTestSupport
import Glibc
import KernelEvents
import Testing

/// The tables of names, against numbers that are known from elsewhere: manuals, the C library, the
/// running kernel.
@Suite("Names of the kernel's numbers")
struct NameTableTests {
  /// Every table of numbers.
  static let numbers: [(String, NumberNames)] = [
    ("signal", .signal), ("errno", .errno), ("restartErrno", .restartErrno),
    ("capability", .capability), ("ptraceX86", .ptraceX86), ("ptraceARM64", .ptraceARM64),
    ("fileSystemCommand", .fileSystemCommand),
    ("bpfCommand", .bpfCommand), ("bpfProgramType", .bpfProgramType), ("bpfMapType", .bpfMapType),
    ("bpfAttachType", .bpfAttachType), ("addressFamily", .addressFamily),
    ("socketType", .socketType), ("tcpState", .tcpState), ("futexOperation", .futexOperation),
    ("openAccessMode", .openAccessMode), ("signalCode", .signalCode), ("childCode", .childCode),
    ("segvCode", .segvCode), ("busCode", .busCode), ("fpeCode", .fpeCode), ("illCode", .illCode),
    ("trapCode", .trapCode), ("pollCode", .pollCode), ("sysCode", .sysCode),
    ("x86_64", .syscallX86_64), ("i386", .syscallI386), ("arm64", .syscallARM64),
  ]

  /// Every table of flags.
  static let flags: [(String, FlagNames)] = [
    ("clone", .clone), ("openX86", .openX86), ("openARM64", .openARM64), ("mount", .mount),
    ("unmount", .unmount), ("unlinkat", .unlinkat), ("renameat2", .renameat2),
    ("futexFlags", .futexFlags), ("socketType", .socketType), ("lockContention", .lockContention),
    ("mountAttribute", .mountAttribute), ("mountTree", .mountTree), ("moveMount", .moveMount),
    ("openFileSystem", .openFileSystem), ("pickFileSystem", .pickFileSystem),
    ("mountFileSystem", .mountFileSystem), ("moduleLoad", .moduleLoad),
    ("ptraceOption", .ptraceOption),
  ]

  private func names(_ table: FlagNames, _ value: UInt64) -> (names: [String], unnamed: UInt64) {
    var found: [String] = []
    let unnamed = table.forEachName(in: value) { found.append($0.description) }
    return (found, unnamed)
  }

  @Test(
    "system calls bear the numbers that manuals and programs give them",
    arguments: [
      ("read", 0, 3, 63), ("openat", 257, 295, 56), ("getpid", 39, 20, 172),
      ("execve", 59, 11, 221), ("exit_group", 231, 252, 94), ("bpf", 321, 357, 280),
      ("renameat", 264, 302, 38), ("newfstatat", 262, nil, 79), ("clone3", 435, 435, 435),
      ("futex_waitv", 449, 449, 449), ("mseal", 462, 462, 462), ("open", 2, 5, nil),
      ("fork", 57, 2, nil), ("arch_prctl", 158, 384, nil), ("set_robust_list", 273, 311, 99),
      ("memfd_secret", 447, 447, 447), ("socketcall", nil, 102, nil), ("", nil, nil, nil),
      ("getpi", nil, nil, nil), ("getpidx", nil, nil, nil), ("syscalls", nil, nil, nil),
    ] as [(String, UInt32?, UInt32?, UInt32?)])
  func systemCalls(name: String, x86_64: UInt32?, i386: UInt32?, arm64: UInt32?) {
    #expect(SyscallABI.x86_64.number(of: name) == x86_64)
    #expect(SyscallABI.i386.number(of: name) == i386)
    #expect(SyscallABI.arm64.number(of: name) == arm64)
  }

  @Test("names lead to numbers and back, and other numbers have none", arguments: numbers)
  func roundTrip(title: String, table: NumberNames) {
    #expect(!table.entries.isEmpty)
    var known: [UInt64: String] = [:]
    for entry in table.entries {
      #expect(known.updateValue(entry.name.description, forKey: entry.value) == nil)
      #expect(table.value(of: entry.name.description) == entry.value)
    }
    #expect(Set(known.values).count == known.count, "\(title): a name twice")
    let last = known.keys.max() ?? 0
    let near = known.keys.flatMap { [$0 &- 1, $0, $0 &+ 1] }
    for value in Array(0...1000) + near + [last + 1, UInt64(UInt32.max), .max - 1, .max] {
      #expect(table.name(of: value)?.description == known[value], "\(title): \(value)")
    }
  }

  @Test("an ABI has names below its limit only", arguments: SyscallABI.allCases)
  func limit(abi: SyscallABI) {
    #expect(abi.name(of: abi.limit - 1) != nil)
    for number in [abi.limit, abi.limit + 1, .max] { #expect(abi.name(of: number) == nil) }
    let named = (0..<abi.limit).filter { abi.name(of: $0) != nil }
    #expect(named.count == abi.names.entries.count)
    for number in named {
      #expect(abi.name(of: number).flatMap { abi.number(of: $0.description) } == number)
    }
  }

  @Test("the running kernel knows the native calls by these numbers")
  func runningKernel() throws {
    func call(_ name: String) throws -> Int {
      test_call(Int(try #require(SyscallABI.native.number(of: name))))
    }
    #expect(try call("getpid") == Int(getpid()))
    #expect(try call("getppid") == Int(getppid()))
    #expect(try call("getuid") == Int(getuid()))
    #expect(try call("geteuid") == Int(geteuid()))
    #expect(try call("getegid") == Int(getegid()))
    #expect(try call("getpgid") >= 0)
  }

  @Test("the C library has the same names for signals")
  func signals() {
    for number in 0...64 as ClosedRange<Int32> {
      let theirs = unsafe test_signal_name(number).map { unsafe "SIG" + String(cString: $0) }
      // The C library has another of the two names of signal 29.
      let expected = theirs == "SIGPOLL" ? "SIGIO" : theirs
      #expect(NumberNames.signal.name(of: UInt64(number))?.description == expected, "\(number)")
    }
    #expect(NumberNames.signal.name(of: 9)?.description == "SIGKILL")
    #expect(NumberNames.signal.value(of: "SIGSYS") == UInt64(SIGSYS))
  }

  @Test("the C library has the same names for errors")
  func errors() {
    // Later errors than these are unknown to an older C library.
    for number in 1...133 as ClosedRange<Int32> {
      let theirs = unsafe test_error_name(number).map { unsafe String(cString: $0) }
      #expect(NumberNames.errno.name(of: UInt64(number))?.description == theirs, "\(number)")
    }
    #expect(NumberNames.errno.name(of: 2)?.description == "ENOENT")
    #expect(NumberNames.errno.name(of: 0) == nil)
  }

  @Test(
    "constants of the C library bear these names",
    arguments: [
      ("SIGCHLD", .signal, Int(SIGCHLD)), ("AF_UNIX", .addressFamily, Int(AF_UNIX)),
      ("AF_INET6", .addressFamily, Int(AF_INET6)), ("AF_VSOCK", .addressFamily, Int(AF_VSOCK)),
      ("SOCK_SEQPACKET", .socketType, Int(SOCK_SEQPACKET.rawValue)),
      ("TCP_ESTABLISHED", .tcpState, Int(TCP_ESTABLISHED)),
      ("TCP_CLOSING", .tcpState, Int(TCP_CLOSING)), ("CLD_DUMPED", .childCode, Int(CLD_DUMPED)),
      ("CLD_CONTINUED", .childCode, Int(CLD_CONTINUED)),
      ("SEGV_ACCERR", .segvCode, Int(SEGV_ACCERR)), ("BUS_ADRERR", .busCode, Int(BUS_ADRERR)),
      ("FPE_FLTINV", .fpeCode, Int(FPE_FLTINV)), ("ILL_BADSTK", .illCode, Int(ILL_BADSTK)),
      ("POLL_HUP", .pollCode, Int(POLL_HUP)), ("SI_TKILL", .signalCode, Int(SI_TKILL)),
      ("SI_QUEUE", .signalCode, Int(SI_QUEUE)), ("SI_KERNEL", .signalCode, Int(SI_KERNEL)),
      ("O_RDWR", .openAccessMode, Int(O_RDWR)),
      // Those that the C library's module doesn't export, from manuals.
      ("TCP_NEW_SYN_RECV", .tcpState, 12), ("CAP_SYS_ADMIN", .capability, 21),
      ("CAP_CHECKPOINT_RESTORE", .capability, 40), ("PTRACE_ATTACH", .ptraceRequest, 16),
      ("PTRACE_SEIZE", .ptraceRequest, 0x4206), ("BPF_PROG_LOAD", .bpfCommand, 5),
      ("BPF_PROG_TYPE_KPROBE", .bpfProgramType, 2), ("BPF_MAP_TYPE_RINGBUF", .bpfMapType, 27),
      ("BPF_TRACE_FENTRY", .bpfAttachType, 24), ("FUTEX_WAIT_BITSET", .futexOperation, 9),
      ("TRAP_BRKPT", .trapCode, 1), ("SYS_SECCOMP", .sysCode, 1),
      ("ERESTARTSYS", .restartErrno, 512),
    ] as [(String, NumberNames, Int)])
  func constants(name: String, table: NumberNames, number: Int) {
    let value = UInt64(UInt32(bitPattern: Int32(number)))
    #expect(table.name(of: value)?.description == name)
    #expect(table.value(of: name) == value)
  }

  @Test("flags stand in the order of their bits, each once", arguments: flags)
  func flagOrder(title: String, table: FlagNames) {
    let bits = table.entries.map(\.bits)
    #expect(bits == Set(bits).sorted() && !bits.contains(0), "\(title)")
    #expect(Set(table.entries.map(\.name.description)).count == bits.count)
  }

  @Test(
    "flags of the C library bear these names",
    arguments: [
      ("O_CREAT", .open(on: .native), UInt64(O_CREAT)),
      ("O_DIRECTORY", .open(on: .native), UInt64(O_DIRECTORY)),
      ("O_NOFOLLOW", .open(on: .native), UInt64(O_NOFOLLOW)),
      ("O_CLOEXEC", .open(on: .native), UInt64(O_CLOEXEC)),
      ("O_SYNC", .open(on: .native), UInt64(O_SYNC)),
      ("O_DSYNC", .open(on: .native), UInt64(O_DSYNC)),
      ("AT_REMOVEDIR", .unlinkat, UInt64(AT_REMOVEDIR)),
      ("SOCK_CLOEXEC", .socketType, UInt64(SOCK_CLOEXEC.rawValue)),
      ("MNT_DETACH", .unmount, UInt64(MNT_DETACH)),
      ("UMOUNT_NOFOLLOW", .unmount, UInt64(UMOUNT_NOFOLLOW)),
      ("MS_BIND", .mount, UInt64(MS_BIND)),
      ("MS_PRIVATE", .mount, UInt64(MS_PRIVATE)),
      // Those that the C library's module doesn't export, or that are another machine's.
      ("O_DIRECT", .openX86, 0o40000), ("O_DIRECT", .openARM64, 0o200000),
      ("O_TMPFILE", .openX86, 0o20200000), ("O_TMPFILE", .openARM64, 0o20040000),
      ("MS_NOUSER", .mount, 1 << 31), ("CLONE_NEWUSER", .clone, 0x1000_0000),
      ("CLONE_NEWTIME", .clone, 0x80), ("CLONE_INTO_CGROUP", .clone, 0x2_0000_0000),
      ("RENAME_EXCHANGE", .renameat2, 2), ("FUTEX_PRIVATE_FLAG", .futexFlags, 128),
    ] as [(String, FlagNames, UInt64)])
  func flag(name: String, table: FlagNames, bits: UInt64) {
    let found = names(table, bits)
    #expect(found.names == [name] && found.unnamed == 0)
  }

  @Test("a flag within a wider one is not named beside it, and unknown bits are given back")
  func flagSets() {
    let sync = names(.openX86, 0x10_1000 | 0x40 | 0x8000_0000_0001)
    #expect(sync.names == ["O_CREAT", "O_SYNC"] && sync.unnamed == 0x8000_0000_0001)
    // O_DSYNC, and the other half of O_SYNC, each alone.
    #expect(names(.openX86, 0x1000) == (["O_DSYNC"], 0))
    #expect(names(.openX86, 0x10_0000) == ([], 0x10_0000))
    let temporary = names(.openARM64, 0x40_4000 | 0x8_0000)
    #expect(temporary.names == ["O_CLOEXEC", "O_TMPFILE"] && temporary.unnamed == 0)
    #expect(names(.clone, 0) == ([], 0))
    let all = FlagNames.lockContention.entries.map(\.name.description)
    #expect(names(.lockContention, .max) == (all, ~0x3F))
  }
}
