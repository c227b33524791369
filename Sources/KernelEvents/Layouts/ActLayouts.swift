import SequencerABI

// The acts that an attack's timeline needs: credentials, namespaces, ptrace, bpf, modules, mounts.

extension EventLayout {
  private typealias Change = MemoryLayout<CredentialsPayload>
  private typealias Full = MemoryLayout<FullCredentials>
  private typealias Spaces = MemoryLayout<NamespacePayload>
  private typealias Inodes = MemoryLayout<NamespaceSet>
  private typealias Trace = MemoryLayout<PtracePayload>
  private typealias Memory = MemoryLayout<ProcessMemoryPayload>
  private typealias Object = MemoryLayout<BPFPayload>
  private typealias Module = MemoryLayout<ModulePayload>
  private typealias Call = MemoryLayout<ModuleCallPayload>
  private typealias Mount = MemoryLayout<MountPayload>

  static let credentials = EventLayout(
    .credentials,
    """
    A call changed a task's credentials, or made a task in a user namespace of its own; told once, and only \
    where something differs.
    """,
    source: "task->cred at sys_enter and sys_exit, and of a new task at task_newtask",
    size: Change.size,
    fields: [
      systemCall,
      task(
        "task", pid: Change.offset(of: \.task.pid), tid: Change.offset(of: \.task.tid),
        start: Change.offset(of: \.task.processStart), comm: Change.offset(of: \.task.comm),
        """
        The task whose credentials they are: the acting one, or the one that it made; before is then \
        what its maker has.
        """),
      EventField(
        "groups_replaced", at: Change.offset(of: \.groupsReplaced), 4, .boolean,
        "Whether a new list of supplementary groups was put in place, be its length the same."),
      EventField(
        "before", at: Change.offset(of: \.before), Full.size,
        .object(credentialFields(at: Change.offset(of: \.before) ?? 0)), "What it had."),
      EventField(
        "after", at: Change.offset(of: \.after), Full.size,
        .object(credentialFields(at: Change.offset(of: \.after) ?? 0)), "What it has."),
    ], otherComm: Change.offset(of: \.task.comm))

  private static func credentialFields(at base: Int) -> [EventField] {
    func field(
      _ key: StaticString, _ offset: Int?, _ width: Int, _ form: FieldForm, _ about: StaticString
    ) -> EventField { EventField(key, at: offset.map { base + $0 }, width, form, about) }
    return [
      field("uid", Full.offset(of: \.uid), 4, .user, "Real uid."),
      field("gid", Full.offset(of: \.gid), 4, .group, "Real gid."),
      field("euid", Full.offset(of: \.effectiveUID), 4, .user, "Effective uid."),
      field("egid", Full.offset(of: \.effectiveGID), 4, .group, "Effective gid."),
      field("suid", Full.offset(of: \.savedUID), 4, .user, "Saved uid."),
      field("sgid", Full.offset(of: \.savedGID), 4, .group, "Saved gid."),
      field("fsuid", Full.offset(of: \.fileSystemUID), 4, .user, "Uid for access to files."),
      field("fsgid", Full.offset(of: \.fileSystemGID), 4, .group, "Gid for access to files."),
      field("groups", Full.offset(of: \.groupCount), 4, .number, "How many supplementary groups."),
      field(
        "user_ns", Full.offset(of: \.userNamespace), 4, .number, "Inode of its user namespace."),
      field(
        "securebits", Full.offset(of: \.secureBits), 4, .number,
        "SECBIT_ flags of linux/securebits.h."),
      field(
        "cap_inheritable", Full.offset(of: \.inheritable), 8, .capabilities,
        "Capabilities, bit n for number n of linux/capability.h."),
      field("cap_permitted", Full.offset(of: \.permitted), 8, .capabilities, "Likewise."),
      field("cap_effective", Full.offset(of: \.effective), 8, .capabilities, "Likewise."),
      field("cap_bounding", Full.offset(of: \.bounding), 8, .capabilities, "Likewise."),
      field("cap_ambient", Full.offset(of: \.ambient), 8, .capabilities, "Likewise."),
    ]
  }

  static let namespace = EventLayout(
    .namespace,
    """
    A call put a task into other namespaces, or made a task in others than its maker's; told once, and only \
    where something differs.
    """,
    source: "task->nsproxy at sys_enter and sys_exit, and of a new task at task_newtask",
    size: Spaces.size,
    fields: [
      systemCall,
      task(
        "task", pid: Spaces.offset(of: \.task.pid), tid: Spaces.offset(of: \.task.tid),
        start: Spaces.offset(of: \.task.processStart), comm: Spaces.offset(of: \.task.comm),
        """
        The task whose namespaces they are: the acting one, or the one that it made; before is then \
        what its maker has.
        """),
      EventField(
        "before", at: Spaces.offset(of: \.before), Inodes.size,
        .object(namespaceFields(at: Spaces.offset(of: \.before) ?? 0)), "What it was in."),
      EventField(
        "after", at: Spaces.offset(of: \.after), Inodes.size,
        .object(namespaceFields(at: Spaces.offset(of: \.after) ?? 0)), "What it is in."),
    ], otherComm: Spaces.offset(of: \.task.comm))

  private static func namespaceFields(at base: Int) -> [EventField] {
    func field(_ key: StaticString, _ offset: Int?, _ about: StaticString) -> EventField {
      EventField(key, at: offset.map { base + $0 }, 4, .number, about)
    }
    return [
      field("mnt", Inodes.offset(of: \.mount), "Inode, as /proc/PID/ns/mnt shows it."),
      field("uts", Inodes.offset(of: \.uts), "Likewise."),
      field("ipc", Inodes.offset(of: \.ipc), "Likewise."),
      field("net", Inodes.offset(of: \.network), "Likewise."),
      field("cgroup", Inodes.offset(of: \.cgroup), "Likewise."),
      field("user", Inodes.offset(of: \.user), "Likewise."),
      field("pid", Inodes.offset(of: \.pid), "Likewise; a task is in the one it was born into."),
      field("pid_for_children", Inodes.offset(of: \.pidForChildren), "Likewise."),
      field("time", Inodes.offset(of: \.time), "Likewise; 0 where the kernel has none."),
      field("time_for_children", Inodes.offset(of: \.timeForChildren), "Likewise."),
    ]
  }

  static let ptrace = EventLayout(
    .ptrace,
    "ptrace() was called, well or not; every request is told, reads of a tracee's words too.",
    source: "ptrace() in kernel/ptrace.c, at sys_exit", size: Trace.size,
    fields: [
      EventField(
        "request", at: Trace.offset(of: \.request), 4, .named(.ptraceRequest), "What was asked for."
      ),
      EventField(
        "asked_pid", at: Trace.offset(of: \.askedPID), 4, .number,
        "The task asked for, by its id in the caller's pid namespace."),
      EventField(
        "address", at: Trace.offset(of: \.address), 8, .hexadecimal, "The third argument."),
      EventField("data", at: Trace.offset(of: \.data), 8, .hexadecimal, "The fourth argument."),
      result(Trace.offset(of: \.result)),
      task(
        "tracer", pid: Trace.offset(of: \.tracer.pid), tid: Trace.offset(of: \.tracer.tid),
        start: Trace.offset(of: \.tracer.processStart), comm: Trace.offset(of: \.tracer.comm),
        "The task that traces: the caller; for PTRACE_TRACEME its parent."),
      task(
        "target", pid: Trace.offset(of: \.target.pid), tid: Trace.offset(of: \.target.tid),
        start: Trace.offset(of: \.target.processStart), comm: Trace.offset(of: \.target.comm),
        """
        The task that is traced; null where the caller does not trace the one it asked for, or has \
        made more than 15 others tracees since.
        """),
    ], otherComm: Trace.offset(of: \.target.comm))

  static let processMemory = EventLayout(
    .processMemory, "A process read or wrote another's memory, or tried to.",
    source: "process_vm_rw() in mm/process_vm_access.c, at sys_exit", size: Memory.size,
    fields: [
      EventField(
        "write", at: Memory.offset(of: \.isWrite), 4, .boolean,
        "process_vm_writev(); else process_vm_readv()."),
      EventField(
        "asked_pid", at: Memory.offset(of: \.askedPID), 4, .number,
        "The other process, by its id in the caller's pid namespace."),
      EventField(
        "remote_address", at: Memory.offset(of: \.remoteAddress), 8, .hexadecimal,
        "Where the first range of its memory begins; 0 where that could not be read."),
      EventField(
        "remote_count", at: Memory.offset(of: \.remoteCount), 8, .number,
        "How many ranges the caller named."),
      EventField(
        "result", at: Memory.offset(of: \.result), 8, .result,
        "Bytes copied; -4095 to -1 is an error."),
    ])

  private static func isObject(_ kind: BPFObjectKind) -> FieldCondition {
    .equal(at: Object.offset(of: \.object) ?? 0, to: kind.rawValue)
  }

  static let bpf = EventLayout(
    .bpf,
    """
    bpf() was called, well or not. What a new descriptor of a program or a map stands for is the kernel's \
    word, not the caller's.
    """,
    source: "__sys_bpf() in kernel/bpf/syscall.c, at sys_exit", size: Object.size,
    fields: [
      EventField(
        "command", at: Object.offset(of: \.command), 2, .named(.bpfCommand), "What was asked for."),
      result(Object.offset(of: \.result)),
      EventField(
        "object", at: Object.offset(of: \.object), 2, .named(.bpfObject),
        "What the result is a descriptor of."),
      EventField(
        "id", at: Object.offset(of: \.id), 4, .number, "Its id, as bpftool shows it; else 0."),
      EventField(
        "name", at: Object.offset(of: \.name), 16, .comm, "Its name, often cut; else empty."),
      EventField(
        "prog_type", at: Object.offset(of: \.type), 4,
        .namedIf(.bpfProgramType, isObject(.program)), "A program's type."),
      EventField(
        "instructions", at: Object.offset(of: \.count), 4, .numberIf(isObject(.program)),
        "A program's length."),
      EventField(
        "map_type", at: Object.offset(of: \.type), 4, .namedIf(.bpfMapType, isObject(.map)),
        "A map's type."),
      EventField(
        "max_entries", at: Object.offset(of: \.count), 4, .numberIf(isObject(.map)),
        "Entries that a map has at most."),
      EventField(
        "key_size", at: Object.offset(of: \.keySize), 4, .numberIf(isObject(.map)),
        "Bytes of a map's key."),
      EventField(
        "value_size", at: Object.offset(of: \.valueSize), 4, .numberIf(isObject(.map)),
        "Bytes of a map's value."),
    ])

  static let moduleLoad = EventLayout(
    .moduleLoad, "A module was loaded; its initialisation follows.",
    source: "module_load, load_module() in kernel/module/main.c", size: Module.size,
    fields: moduleFields, strings: moduleStrings)

  static let moduleFree = EventLayout(
    .moduleFree, "A module was freed.",
    source: "module_free, free_module() in kernel/module/main.c", size: Module.size,
    fields: moduleFields, strings: moduleStrings)

  private static let moduleFields = [
    EventField(
      "taints", at: Module.offset(of: \.taints), 8, .hexadecimal,
      "TAINT_ bits that it brings (Documentation/admin-guide/tainted-kernels.rst).")
  ]

  private static let moduleStrings = [
    EventString(
      "name", length: Module.offset(of: \.nameLength), limit: ModulePayload.nameLimit, .text,
      "Its name.")
  ]

  static let moduleCall = EventLayout(
    .moduleCall, "A system call of modules ended, well or not.",
    source:
      "init_module(), finit_module() and delete_module() of kernel/module/main.c, at sys_exit",
    size: Call.size,
    fields: [
      systemCall,
      result(Call.offset(of: \.result)),
      EventField(
        "flags", at: Call.offset(of: \.flags), 4, .number,
        "MODULE_INIT_ flags of finit_module(), O_ flags of delete_module()."),
      EventField(
        "fd", at: Call.offset(of: \.descriptor), 4, .signed,
        "The file of finit_module(); -1 for the others."),
      EventField(
        "image_length", at: Call.offset(of: \.imageLength), 8, .number,
        "Bytes of the image of init_module(); 0 for the others."),
    ],
    strings: [
      EventString(
        "name", length: Call.offset(of: \.nameLength), limit: ModuleCallPayload.nameLimit, .text,
        "The module that delete_module() was to remove."),
      EventString(
        "parameters", length: Call.offset(of: \.parametersLength),
        limit: ModuleCallPayload.parametersLimit, .text,
        "The parameters that the others were given."),
    ])

  static let mount = EventLayout(
    .mount,
    """
    A call of mounts ended, well or not: mount, umount2, move_mount, fsmount, open_tree, pivot_root, \
    mount_setattr, fsopen, fsconfig, fspick or chroot. Strings are the caller's, read when the call ends.
    """,
    source: "the calls of fs/namespace.c and fs/fsopen.c, at sys_exit", size: Mount.size,
    fields: [
      systemCall,
      result(Mount.offset(of: \.result)),
      EventField(
        "flags", at: Mount.offset(of: \.flags), 8, .mountFlags,
        "The call's flags, with their names; fsconfig's command."),
      EventField(
        "attr_set", at: Mount.offset(of: \.attributesSet), 8, .hexadecimal,
        "MOUNT_ATTR_ bits that fsmount or mount_setattr sets."),
      EventField(
        "attr_clr", at: Mount.offset(of: \.attributesCleared), 8, .hexadecimal,
        "MOUNT_ATTR_ bits that mount_setattr clears."),
      EventField(
        "source_fd", at: Mount.offset(of: \.sourceDescriptor), 4, .signed,
        """
        The descriptor that source lies under, or that is worked on; -100 is the current directory, -1 \
        that the call has none.
        """),
      EventField(
        "target_fd", at: Mount.offset(of: \.targetDescriptor), 4, .signed,
        "The descriptor that target lies under; likewise."),
    ],
    strings: [
      EventString(
        "source", length: Mount.offset(of: \.sourceLength), limit: MountPayload.pathLimit, .text,
        "What is mounted or moved; pivot_root's new root; fsconfig's value."),
      EventString(
        "target", length: Mount.offset(of: \.targetLength), limit: MountPayload.pathLimit, .text,
        "Where; what is unmounted; pivot_root's place for the old root; chroot's root."),
      EventString(
        "fstype", length: Mount.offset(of: \.typeLength), limit: MountPayload.wordLimit, .text,
        "The type of file system, of mount and fsopen."),
      EventString(
        "key", length: Mount.offset(of: \.keyLength), limit: MountPayload.wordLimit, .text,
        "The parameter that fsconfig sets."),
    ])

  private static func result(_ offset: Int?) -> EventField {
    EventField("result", at: offset, 8, .result, "What it returns; -4095 to -1 is an error.")
  }

  private static func task(
    _ key: StaticString, pid: Int?, tid: Int?, start: Int?, comm: Int?, _ about: StaticString
  ) -> EventField {
    EventField(
      key, at: pid, 4, .optionalTask(tid: tid ?? 0, start: start ?? 0, comm: comm ?? 0), about)
  }
}

extension NumberNames {
  /// ``SequencerABI/BPFObjectKind``.
  static let bpfObject = NumberNames([(0, "none"), (1, "prog"), (2, "map")])
}

/// A call of modules or mounts, whose number says what its event's fields mean.
package enum ActCall: String, CaseIterable {
  case initModule = "init_module"
  case initModuleFile = "finit_module"
  case deleteModule = "delete_module"
  case mount
  case unmount = "umount2"
  case moveMount = "move_mount"
  case mountFileSystem = "fsmount"
  case openTree = "open_tree"
  case openTreeWithAttributes = "open_tree_attr"
  case pivotRoot = "pivot_root"
  case setMountAttributes = "mount_setattr"
  case openFileSystem = "fsopen"
  case configureFileSystem = "fsconfig"
  case pickFileSystem = "fspick"

  /// The numbers of the calls, looked up once: by name, as all numbers are.
  fileprivate static let numbers: [(abi: SyscallABI, number: UInt32, call: ActCall)] =
    SyscallABI.allCases.flatMap { abi in
      allCases.compactMap { call in abi.number(of: call.rawValue).map { (abi, $0, call) } }
    }
}

extension DecodedEvent {
  /// The names of the flags of a ``SequencerABI/EventKind/mount``, by its call; nil where they have none here.
  package var mountFlagNames: FlagNames? {
    switch actCall {
    case .mount: .mount
    case .unmount: .unmount
    case .moveMount: .moveMount
    case .openTree, .openTreeWithAttributes, .setMountAttributes: .mountTree
    case .openFileSystem: .openFileSystem
    case .pickFileSystem: .pickFileSystem
    case .mountFileSystem: .mountFileSystem
    default: nil
    }
  }

  /// Which call of modules or mounts the event tells of; nil where it is none of these.
  package var actCall: ActCall? {
    let (number, abi) = systemCall
    return ActCall.numbers.first { $0.number == number && $0.abi == abi }?.call
  }
}
