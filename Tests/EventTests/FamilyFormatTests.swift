import EventFormats
import JSONSchemaValidation
import KernelEvents
import RingStress
import SequencerABI
import TestSupport
import Testing

/// The formats of the kinds that have a table of fields.
@Suite("Lines of every family")
struct FamilyFormatTests {
  private static let shell = ProcessKey(pid: 40, start: 1000)
  private static let sleeper = ProcessKey(pid: 41, start: 2000)

  private func lines(
    _ records: [RecordBuilder], as format: OutputFormat, accounts: AccountNames = AccountNames()
  ) throws -> [String] {
    var writer = EventWriter(format)
    var buffer = OutputBuffer()
    var context = FormattingContext(
      clock: ClockOffset(nanoseconds: 0), cgroups: nil, accounts: accounts)
    for record in records {
      try decoding(record.bytes()) { writer.write($0, context: &context, into: &buffer) }
    }
    return String(decoding: buffer.array, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static func generated(
    _ signal: UInt16, code: Int32, result: UInt8 = 0, isGroup: Bool = true
  ) -> RecordBuilder {
    .of(
      .signalGenerate, by: shell,
      name("sh") + bytesOf(sleeper.pid) + bytesOf(sleeper.pid) + bytesOf(sleeper.start)
        + bytesOf(signal) + bytesOf(result) + bytesOf(UInt8(isGroup ? 1 : 0)) + bytesOf(code)
        + bytesOf(UInt32(40)) + bytesOf(UInt32(1000)) + name("sleep"))
  }

  private static func delivered(
    _ signal: UInt16, code: Int32, isKept: Bool, address: UInt64 = 0
  ) -> RecordBuilder {
    .of(
      .signalDeliver, by: sleeper,
      name("sleep") + bytesOf(signal) + bytesOf(UInt16(isKept ? 1 : 0)) + bytesOf(code)
        + bytesOf(UInt32(40)) + bytesOf(UInt32(1000)) + bytesOf(UInt64(0)) + bytesOf(UInt64(0))
        + bytesOf(address) + bytesOf(UInt64(0)))
  }

  private static func call(
    _ number: UInt32, isCompat: Bool = false, result: Int64
  ) -> RecordBuilder {
    .of(
      .syscallExit, by: shell, name("sh") + bytesOf(result),
      flags: .detail(SyscallDetail.detail(number: number, isCompat: isCompat)))
  }

  @Test("compact lines read as they should")
  func compact() throws {
    let accounts = AccountNames(
      users: "root:x:0:0::/:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbad line\n", groups: "")
    let written = try lines(
      [
        Self.generated(9, code: 0), Self.generated(34, code: -1, result: 1, isGroup: false),
        Self.delivered(15, code: 0, isKept: true), Self.delivered(9, code: 0, isKept: false),
        Self.delivered(11, code: 1, isKept: true, address: 0xDEAD_B000),
        .switched(from: Self.shell, state: 0x402, to: Self.sleeper),
        .switched(from: Self.shell, isPreempted: true, to: ProcessKey(pid: 0, start: 0)),
        .wakeup(by: Self.shell, of: Self.sleeper),
        Self.call(SyscallABI.native.number(of: "openat") ?? 0, result: -2),
        Self.call(SyscallABI.native.number(of: "getpid") ?? 0, result: 40),
        Self.call(SyscallABI.native.number(of: "read") ?? 0, result: -512),
      ], as: .compact, accounts: accounts)
    #expect(
      written == [
        "0 signal_generate 40 sh: SIGKILL to 41 sleep SI_USER",
        "0 signal_generate 40 sh: SIGRTMIN+2 to 41 sleep (this thread) SI_QUEUE, ignored",
        "0 signal_deliver 41 sleep: SIGTERM SI_USER from 40 uid 1000(ada), default action",
        "0 signal_deliver 41 sleep: SIGKILL, default action",
        "0 signal_deliver 41 sleep: SIGSEGV SEGV_MAPERR at 0x00000000deadb000, default action",
        "0 sched_switch 40 before: I -> 41 after prio 110",
        "0 sched_switch 40 before: R+ -> idle",
        "0 sched_wakeup 40 waker: wakes 41 wakee, last on cpu 1",
        "0 syscall_exit 40 sh: openat = -2 ENOENT", "0 syscall_exit 40 sh: getpid = 40",
        "0 syscall_exit 40 sh: read = -512 ERESTARTSYS",
      ])
  }

  private static func task(_ key: ProcessKey, _ comm: String) -> [UInt8] {
    bytesOf(key.pid) + bytesOf(key.pid) + bytesOf(key.start) + name(comm)
  }

  private static func ptrace(
    _ request: String, _ target: ProcessKey? = sleeper, at address: UInt64 = 0, data: UInt64 = 0,
    result: Int64 = 0
  ) -> RecordBuilder {
    let number = NumberNames.ptraceRequest.value(of: request) ?? 0x9999
    let isOwn = request == "PTRACE_TRACEME"
    return .of(
      .ptrace, by: isOwn ? sleeper : shell,
      name(isOwn ? "sleep" : "sh") + bytesOf(UInt32(number)) + bytesOf(UInt32(7))
        + bytesOf(address) + bytesOf(data) + bytesOf(result) + task(shell, "sh")
        + (target.map { task($0, "sl\u{1B}eep") } ?? [UInt8](repeating: 0, count: 32)))
  }

  private static func memory(_ isWrite: Bool, ranges: UInt64, result: Int64) -> RecordBuilder {
    .of(
      .processMemory, by: shell,
      name("sh") + bytesOf(UInt32(41)) + bytesOf(UInt32(isWrite ? 1 : 0)) + bytesOf(result)
        + bytesOf(ranges) + bytesOf(UInt64(0x7FFE_1000)) + bytesOf(UInt64(0)) + bytesOf(UInt64(0)))
  }

  @Test("requests of ptrace() name their tracee and what they are given")
  func tracees() throws {
    let written = try lines(
      [
        Self.ptrace("PTRACE_TRACEME"), Self.ptrace("PTRACE_SEIZE", data: 0x10_0010),
        Self.ptrace("PTRACE_PEEKDATA", at: 0x5500_1000, data: 0x7FFE_0008),
        Self.ptrace("PTRACE_CONT", data: 15), Self.ptrace("PTRACE_DETACH"),
        Self.ptrace("PTRACE_ATTACH", nil, result: -3), Self.ptrace("none", data: 3),
        Self.memory(false, ranges: 2, result: 16), Self.memory(true, ranges: 1, result: -1),
        Self.memory(true, ranges: 1, result: 1),
      ], as: .compact)
    #expect(
      written == [
        "0 ptrace 41 sleep: PTRACE_TRACEME by 40 sh = 0",
        "0 ptrace 40 sh: PTRACE_SEIZE -> 41 'sl\\x1beep', PTRACE_O_TRACEEXEC|PTRACE_O_EXITKILL = 0",
        "0 ptrace 40 sh: PTRACE_PEEKDATA -> 41 'sl\\x1beep' at 0x55001000, data 0x7ffe0008 = 0",
        "0 ptrace 40 sh: PTRACE_CONT -> 41 'sl\\x1beep', SIGTERM = 0",
        "0 ptrace 40 sh: PTRACE_DETACH -> 41 'sl\\x1beep' = 0",
        "0 ptrace 40 sh: PTRACE_ATTACH -> 7, no tracee of its own = -3 ESRCH",
        "0 ptrace 40 sh: request 0x9999 -> 41 'sl\\x1beep', data 3 = 0",
        "0 process_vm 40 sh: reads memory of 41 at 0x7ffe1000, 2 ranges = 16 bytes",
        "0 process_vm 40 sh: writes memory of 41 at 0x7ffe1000 = -1 EPERM",
        "0 process_vm 40 sh: writes memory of 41 at 0x7ffe1000 = 1 byte",
      ])
  }

  private static func bpf(
    _ command: UInt16, _ object: BPFObjectKind, name text: String = "", type: UInt32 = 0,
    count: UInt32 = 0, result: Int64
  ) -> RecordBuilder {
    .of(
      .bpf, by: shell,
      name("sh") + bytesOf(command) + bytesOf(object.rawValue) + bytesOf(UInt32(12))
        + bytesOf(result) + name(text) + bytesOf(type) + bytesOf(count) + bytesOf(UInt32(4))
        + bytesOf(UInt32(24)))
  }

  @Test("commands of bpf() name the object that they made")
  func objects() throws {
    let written = try lines(
      [
        Self.bpf(0, .map, name: "a map", type: 1, count: 55, result: 3),
        Self.bpf(5, .program, name: "spy", type: 2, count: 1, result: 4),
        Self.bpf(13, .program, type: 999, count: 20, result: 5), Self.bpf(2, .none, result: -2),
        Self.bpf(999, .none, result: -22),
      ], as: .compact)
    #expect(
      written == [
        "0 bpf 40 sh: BPF_MAP_CREATE -> map 12 'a map', BPF_MAP_TYPE_HASH, 4 -> 24 bytes, 55 entries = 3",
        "0 bpf 40 sh: BPF_PROG_LOAD -> program 12 spy, BPF_PROG_TYPE_KPROBE, 1 instruction = 4",
        "0 bpf 40 sh: BPF_PROG_GET_FD_BY_ID -> program 12, type 999, 20 instructions = 5",
        "0 bpf 40 sh: BPF_MAP_UPDATE_ELEM = -2 ENOENT", "0 bpf 40 sh: command 999 = -22 EINVAL",
      ])
  }

  private static func detail(_ call: String, isCompat: Bool = false) -> RecordFlags {
    let abi = isCompat ? SyscallABI.i386 : .native
    return .detail(SyscallDetail.detail(number: abi.number(of: call) ?? 0, isCompat: isCompat))
  }

  private static func module(_ kind: EventKind, taints: UInt64) -> RecordBuilder {
    .of(
      kind, by: shell,
      name("sh") + bytesOf(taints) + bytesOf(UInt16(5)) + [UInt8](repeating: 0, count: 6)
        + Array("dummy".utf8))
  }

  private static func moduleCall(
    _ call: String, flags: UInt32 = 0, descriptor: Int32 = -1, image: UInt64 = 0,
    name text: String = "", parameters: String = "", result: Int64 = 0
  ) -> RecordBuilder {
    .of(
      .moduleCall, by: shell,
      name("sh") + bytesOf(result) + bytesOf(flags) + bytesOf(descriptor) + bytesOf(image)
        + bytesOf(UInt16(text.utf8.count)) + bytesOf(UInt16(parameters.utf8.count))
        + bytesOf(UInt32(0)) + Array((text + parameters).utf8), flags: detail(call))
  }

  @Test("modules and their calls")
  func modules() throws {
    let written = try lines(
      [
        Self.module(.moduleLoad, taints: 0), Self.module(.moduleFree, taints: 0x3000),
        Self.moduleCall("finit_module", flags: 4, descriptor: 3, parameters: "numdummies=0"),
        Self.moduleCall("init_module", image: 9000, parameters: "a=\"1 2\"", result: -1),
        Self.moduleCall("delete_module", flags: 0x800, name: "dummy", result: -11),
      ], as: .compact)
    #expect(
      written == [
        "0 module_load 40 sh: dummy", "0 module_free 40 sh: dummy, taints 0x3000",
        "0 module_call 40 sh: finit_module fd 3 numdummies=0 MODULE_INIT_COMPRESSED_FILE = 0",
        "0 module_call 40 sh: init_module 9000 bytes 'a=\"1 2\"' = -1 EPERM",
        "0 module_call 40 sh: delete_module dummy O_NONBLOCK = -11 EAGAIN",
      ])
  }

  private static func mount(
    _ call: String, flags: UInt64 = 0, set: UInt64 = 0, cleared: UInt64 = 0,
    under source: Int32 = -1, and target: Int32 = -1, _ strings: [String], result: Int64 = 0,
    isCompat: Bool = false
  ) -> RecordBuilder {
    let fixed = name("sh") + bytesOf(result) + bytesOf(flags) + bytesOf(set) + bytesOf(cleared)
    let lengths = strings.flatMap { bytesOf(UInt16($0.utf8.count)) }
    return .of(
      .mount, by: shell,
      fixed + bytesOf(source) + bytesOf(target) + lengths + Array(strings.joined().utf8),
      flags: detail(call, isCompat: isCompat))
  }

  @Test("calls of mounts tell from where to where, with names for their flags")
  func mounts() throws {
    let written = try lines(
      [
        Self.mount("mount", flags: 6, ["a source", "/place", "tmpfs", ""]),
        Self.mount("mount", flags: 0x44000, ["", "/", "", ""], isCompat: true),
        Self.mount("umount2", flags: 2, ["", "/place", "", ""], result: -16),
        Self.mount("pivot_root", ["/new", "/old", "", ""]),
        Self.mount("chroot", ["", "/", "", ""]),
        Self.mount("fsopen", flags: 1, ["", "", "tmpfs", ""], result: 3),
        Self.mount("fsconfig", flags: 1, under: 3, ["2m", "", "", "size"]),
        Self.mount("fsconfig", flags: 6, under: 3, ["", "", "", ""]),
        Self.mount("fsconfig", flags: 77, under: 3, ["", "", "", ""], result: -95),
        Self.mount("fsmount", flags: 1, set: 8, under: 3, ["", "", "", ""], result: 4),
        Self.mount("move_mount", flags: 4, under: 4, and: -100, ["", "/place", "", ""]),
        Self.mount("open_tree", flags: 0x8001, under: -100, ["/place", "", "", ""], result: 5),
        Self.mount("mount_setattr", set: 1, cleared: 0x8008, and: 6, ["", "x", "", ""]),
      ], as: .compact)
    #expect(
      written == [
        "0 mount 40 sh: mount 'a source' -> /place type tmpfs MS_NOSUID|MS_NODEV = 0",
        "0 mount 40 sh: mount [32-bit] -> / MS_REC|MS_PRIVATE = 0",
        "0 mount 40 sh: umount2 /place MNT_DETACH = -16 EBUSY",
        "0 mount 40 sh: pivot_root /new -> /old = 0", "0 mount 40 sh: chroot / = 0",
        "0 mount 40 sh: fsopen type tmpfs FSOPEN_CLOEXEC = 3",
        "0 mount 40 sh: fsconfig fd 3 FSCONFIG_SET_STRING size=2m = 0",
        "0 mount 40 sh: fsconfig fd 3 FSCONFIG_CMD_CREATE = 0",
        "0 mount 40 sh: fsconfig fd 3 command 77 = -95 EOPNOTSUPP",
        "0 mount 40 sh: fsmount fd 3 +MOUNT_ATTR_NOEXEC FSMOUNT_CLOEXEC = 4",
        "0 mount 40 sh: move_mount fd 4 -> /place MOVE_MOUNT_F_EMPTY_PATH = 0",
        "0 mount 40 sh: open_tree /place OPEN_TREE_CLONE|AT_RECURSIVE = 5",
        "0 mount 40 sh: mount_setattr fd 6 x +MOUNT_ATTR_RDONLY -MOUNT_ATTR_NOEXEC|0x8000 = 0",
      ])
  }

  @Test("JSON tells what is not known as null")
  func unknown() throws {
    let line = try #require(
      try lines([Self.delivered(9, code: 0, isKept: false)], as: .json).first)
    let value = try JSONValue(parsing: line)
    #expect(value["code"] == .null && value["code_name"] == .null)
    #expect(value["sender_pid"] == .null && value["address"] == .null)
    #expect(value["signal_name"]?.string == "SIGKILL")
  }

  /// Any bytes a program may leave are told in lines that fit the schema.
  @Test("whatever a payload holds, its line fits the schema", arguments: 0..<24)
  func anyPayload(seed: Int) throws {
    var random = RandomNumbers(seed: UInt64(seed))
    let schema = try SchemaValidator.shipped("event.schema.json")
    for kind in EventKind.allCases {
      guard let layout = EventLayout.of(kind) else { continue }
      // Seed 0: all zero.
      var payload = (0..<layout.size).map { _ in
        seed == 0 ? 0 : UInt8.random(in: 0...255, using: &random)
      }
      var strings: [UInt8] = []
      for string in layout.strings {
        let count = seed == 0 ? 0 : Int.random(in: 0...string.limit, using: &random)
        payload.replaceSubrange(
          string.lengthOffset..<string.lengthOffset + 2, with: bytesOf(UInt16(count)))
        strings += (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
      let record = RecordBuilder.of(
        kind, by: Self.shell, payload + strings,
        flags: RecordFlags(
          rawValue: seed == 0 ? 0 : UInt16.random(in: 0...255, using: &random) << 4))
      let line = try #require(try lines([record], as: .json).first)
      let problems = schema.problems(in: try JSONValue(parsing: line))
      #expect(problems.isEmpty, "\(kind): \(problems) in \(line)")
      for format in [OutputFormat.pretty, .compact] {
        let text = try lines([record], as: format).joined()
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 }, "\(kind)")
      }
    }
  }
}
