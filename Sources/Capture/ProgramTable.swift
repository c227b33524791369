import BPFLoader
package import SequencerABI

/// A program of the sequencer's object that makes events, and what it is loaded for.
package struct ProgramSpec: Sendable {
  /// Its name: the function's, and the stem of its link's pin.
  package let name: String
  /// The tracepoint it stands on; nil: it stands on a function.
  package let tracepoint: String?
  /// The kernel's function at whose entry it stands; its second argument is a `struct dentry *`.
  package let function: String?
  /// The families it is for: a mask of ``SequencerABI/EventFamily/bit``.
  package let families: UInt32
  /// Also loaded where a filter follows tasks: it hands marks on, and makes no event then.
  package let isForFollowing: Bool
  /// A family does without it where the kernel lacks its tracepoint, or lets no program stand on its function.
  package let isOptional: Bool
  /// It makes no event of its own, so that none is missed where the kernel skips it.
  let isSilent: Bool

  private init(
    _ name: String, on tracepoint: String? = nil, _ families: EventFamily...,
    isForFollowing: Bool = false, isOptional: Bool = false, isSilent: Bool = false
  ) {
    self.name = name
    self.tracepoint = tracepoint ?? name
    function = nil
    self.families = families.reduce(0) { $0 | $1.bit }
    self.isForFollowing = isForFollowing
    self.isOptional = isOptional
    self.isSilent = isSilent
  }

  /// One that notes something for the events of other programs.
  private init(_ name: String, onFunction function: String, _ family: EventFamily) {
    self.name = name
    tracepoint = nil
    self.function = function
    families = family.bit
    isForFollowing = false
    isOptional = true
    isSilent = true
  }

  /// Every program, in the order of attachment.
  ///
  /// Fork comes last of those that follow tasks: of a task whose creation is told, the exec and the exit are told as well, and a
  /// task that fork counted as followed can't end uncounted.
  package static let all: [ProgramSpec] = [
    ProgramSpec("sched_process_exit", .process, isForFollowing: true),
    ProgramSpec("sched_prepare_exec", .process, isOptional: true, isSilent: true),
    ProgramSpec("sched_process_exec", .process),
    ProgramSpec("signal_generate", .signal),
    ProgramSpec("signal_deliver", .signal),
    ProgramSpec("sched_switch", .scheduler),
    ProgramSpec("sched_waking", .scheduler),
    ProgramSpec("sched_wakeup_new", .scheduler),
    ProgramSpec("sched_migrate_task", .scheduler),
    ProgramSpec("syscall_exit", on: "sys_exit", .syscall),
    ProgramSpec("syscall_enter", on: "sys_enter", .syscall),
    ProgramSpec("futex_exit", on: "sys_exit", .futex),
    ProgramSpec("futex_enter", on: "sys_enter", .futex),
    ProgramSpec("contention_end", .lock),
    ProgramSpec("contention_begin", .lock),
    ProgramSpec("file_act", on: "sys_exit", .file),
    // Behind it: what they note is taken away from the first on.
    ProgramSpec("inode_unlink", onFunction: "security_inode_unlink", .file),
    ProgramSpec("inode_rmdir", onFunction: "security_inode_rmdir", .file),
    ProgramSpec("inode_rename", onFunction: "security_inode_rename", .file),
    ProgramSpec("inode_setattr", onFunction: "security_inode_setattr", .file),
    ProgramSpec("inet_sock_set_state", .network),
    ProgramSpec("net_act", on: "sys_exit", .network),
    ProgramSpec("cred_exit", on: "sys_exit", .credentials),
    ProgramSpec("cred_enter", on: "sys_enter", .credentials),
    ProgramSpec("namespace_exit", on: "sys_exit", .namespace),
    ProgramSpec("namespace_enter", on: "sys_enter", .namespace),
    ProgramSpec("ptrace_exit", on: "sys_exit", .ptrace),
    ProgramSpec("ptrace_enter", on: "sys_enter", .ptrace),
    ProgramSpec("bpf_exit", on: "sys_exit", .bpf),
    ProgramSpec("module_load", .module, isOptional: true),
    ProgramSpec("module_free", .module, isOptional: true),
    ProgramSpec("module_exit", on: "sys_exit", .module),
    ProgramSpec("mount_exit", on: "sys_exit", .mount),
    ProgramSpec("task_newtask", .process, isForFollowing: true),
    // Behind it, on the same tracepoint: what they tell of a new task follows its fork.
    ProgramSpec("cred_newtask", on: "task_newtask", .credentials),
    ProgramSpec("ns_newtask", on: "task_newtask", .namespace),
  ]

  /// Whether a capture of these families needs the program.
  func isNeeded(families: UInt32, follows: Bool) -> Bool {
    self.families & families != 0 || (follows && isForFollowing)
  }

  /// Whether this kernel has what the program stands on, and lets it.
  ///
  /// - Parameters:
  ///   - types: the kernel's types.
  ///   - avoidsFunctions: as if no program might stand on a function.
  /// - Returns: whether to load it.
  func isPossible(_ types: borrowing KernelBTF, avoidsFunctions: Bool) -> Bool {
    if let tracepoint { return types.tracepoint(tracepoint) != nil }
    guard let function, !avoidsFunctions else { return false }
    return FeatureProbe.function(function, arguments: ProgramSpec.arguments, types: types)
      .isAvailable
  }

  /// The types of arguments that programs on functions rely on.
  package static let arguments: [String?] = [nil, "struct dentry *"]
}

/// The families that a capture can be asked for, in the order of the documentation.
extension EventFamily {
  /// Families that have programs.
  package static let available: [EventFamily] = EventFamily.allCases.filter { family in
    ProgramSpec.all.contains { $0.families & family.bit != 0 }
  }

  /// The tracepoints without which the family can't be had.
  package var tracepoints: [String] { tracepoints(optional: false) }
  /// The tracepoints that the family uses where the kernel has them.
  package var optionalTracepoints: [String] { tracepoints(optional: true) }

  private func tracepoints(optional: Bool) -> [String] {
    var names: [String] = []
    for spec in ProgramSpec.all where spec.families & bit != 0 && spec.isOptional == optional {
      guard let tracepoint = spec.tracepoint, !names.contains(tracepoint) else { continue }
      names.append(tracepoint)
    }
    return names
  }

  /// The kernel's functions that the family's programs stand on where they may.
  package var functions: [String] {
    ProgramSpec.all.filter { $0.families & bit != 0 }.compactMap(\.function)
  }
}
