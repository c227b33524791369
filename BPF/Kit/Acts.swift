// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
import CSequencerAtomics
public import SequencerABI

// What a task is, as words in memory: the families that stand on acts take it before a call and after it,
// and compare.

extension Task {
  /// The task as a payload names it.
  @inline(__always) public var reference: TaskReference {
    var reference = TaskReference()
    reference.pid = tgid
    reference.tid = tid
    reference.processStart = leader.start
    reference.comm = comm
    return reference
  }

  /// Its address, for reads that BTF does not vouch for.
  @inline(__always) public var address: UInt64 { UInt64(UInt(bitPattern: unsafe pointer)) }

  /// Writes a ``SequencerABI/FullCredentials`` to `bytes`.
  @inline(__always) public func writeCredentials(to bytes: UnsafeMutableRawPointer) {
    let to = unsafe bytes.assumingMemoryBound(to: FullCredentials.self)
    let cred = unsafe pointer.pointer(kit_offset_task_cred())
    unsafe to.pointee.uid = cred.half(kit_offset_cred_uid())
    unsafe to.pointee.gid = cred.half(kit_offset_cred_gid())
    unsafe to.pointee.effectiveUID = cred.half(kit_offset_cred_euid())
    unsafe to.pointee.effectiveGID = cred.half(kit_offset_cred_egid())
    unsafe to.pointee.savedUID = cred.half(kit_offset_cred_suid())
    unsafe to.pointee.savedGID = cred.half(kit_offset_cred_sgid())
    unsafe to.pointee.fileSystemUID = cred.half(kit_offset_cred_fsuid())
    unsafe to.pointee.fileSystemGID = cred.half(kit_offset_cred_fsgid())
    unsafe to.pointee.secureBits = cred.half(kit_offset_cred_securebits())
    unsafe to.pointee.userNamespace = userNamespace
    let groups = unsafe cred.word(kit_offset_cred_group_info())
    unsafe to.pointee.groupCount = UInt32(
      truncatingIfNeeded: kit_read_word(groups &+ UInt64(kit_offset_group_info_ngroups())))
    unsafe to.pointee.reserved = 0
    unsafe to.pointee.inheritable = cred.word(kit_offset_cred_inheritable())
    unsafe to.pointee.permitted = cred.word(kit_offset_cred_permitted())
    unsafe to.pointee.effective = cred.word(kit_offset_cred_effective())
    unsafe to.pointee.bounding = cred.word(kit_offset_cred_bset())
    unsafe to.pointee.ambient = cred.word(kit_offset_cred_ambient())
    unsafe to.pointee.groupList = groups
  }

  /// The inode number of its user namespace.
  @inline(__always) public var userNamespace: UInt32 {
    let cred = unsafe pointer.pointer(kit_offset_task_cred())
    return unsafe cred.pointer(kit_offset_cred_user_ns()).half(kit_offset_user_ns_inum())
  }

  /// Whether it is in the same user namespace as `other`.
  @inline(__always) public func sharesUserNamespace(with other: Task) -> Bool {
    let own = unsafe pointer.pointer(kit_offset_task_cred()).word(kit_offset_cred_user_ns())
    let others = unsafe other.pointer.pointer(kit_offset_task_cred())
      .word(kit_offset_cred_user_ns())
    return own == others
  }

  /// Whether it, made by `other` just now, is in all of that one's namespaces.
  ///
  /// Of pid namespaces the depth tells: a task is born into its maker's, or into one below
  /// (pidns_install(), kernel/pid_namespace.c, takes no other).
  @inline(__always) public func sharesNamespaces(with other: Task) -> Bool {
    if unsafe pointer.word(kit_offset_task_nsproxy())
      != other.pointer.word(kit_offset_task_nsproxy())
    {
      return false
    }
    return pidLevel == other.pidLevel && sharesUserNamespace(with: other)
  }

  /// How deep its pid namespace lies.
  @inline(__always) var pidLevel: UInt32 {
    unsafe pointer.pointer(kit_offset_task_thread_pid()).half(kit_offset_pid_level())
  }

  /// Writes a ``SequencerABI/NamespaceSet`` to `bytes`.
  @inline(__always) public func writeNamespaces(to bytes: UnsafeMutableRawPointer) {
    let to = unsafe bytes.assumingMemoryBound(to: NamespaceSet.self)
    let proxy = unsafe pointer.pointer(kit_offset_task_nsproxy())
    unsafe to.pointee.mount = proxy.pointer(kit_offset_nsproxy_mnt_ns())
      .half(kit_offset_mnt_ns_inum())
    unsafe to.pointee.uts = proxy.pointer(kit_offset_nsproxy_uts_ns())
      .half(kit_offset_uts_ns_inum())
    unsafe to.pointee.ipc = proxy.pointer(kit_offset_nsproxy_ipc_ns())
      .half(kit_offset_ipc_ns_inum())
    unsafe to.pointee.network = proxy.pointer(kit_offset_nsproxy_net_ns())
      .half(kit_offset_net_ns_inum())
    unsafe to.pointee.cgroup = proxy.pointer(kit_offset_nsproxy_cgroup_ns())
      .half(kit_offset_cgroup_ns_inum())
    unsafe to.pointee.user = userNamespace
    let identity = TaskIdentity(of: address)
    unsafe to.pointee.pid = UInt32(
      truncatingIfNeeded: kit_read_word(identity.namespace &+ UInt64(kit_offset_pid_ns_inum())))
    unsafe to.pointee.pidForChildren = proxy.pointer(kit_offset_nsproxy_pid_ns_for_children())
      .half(kit_offset_pid_ns_inum())
    if kit_offset_time_ns_inum() == absent {
      unsafe to.pointee.time = 0
      unsafe to.pointee.timeForChildren = 0
    } else {
      unsafe to.pointee.time = proxy.pointer(kit_offset_nsproxy_time_ns())
        .half(kit_offset_time_ns_inum())
      unsafe to.pointee.timeForChildren =
        proxy.pointer(kit_offset_nsproxy_time_ns_for_children()).half(kit_offset_time_ns_inum())
    }
  }
}

/// Writes the ``SequencerABI/TaskReference`` of a task that BTF does not vouch for to `bytes`.
@inline(__always)
public func writeReference(of task: UInt64, to bytes: UnsafeMutableRawPointer) {
  let to = unsafe bytes.assumingMemoryBound(to: TaskReference.self)
  unsafe to.pointee.pid = UInt32(
    truncatingIfNeeded: kit_read_word(task &+ UInt64(kit_offset_task_tgid())))
  unsafe to.pointee.tid = UInt32(
    truncatingIfNeeded: kit_read_word(task &+ UInt64(kit_offset_task_pid())))
  let leader = kit_read_word(task &+ UInt64(kit_offset_task_group_leader()))
  unsafe to.pointee.processStart = kit_read_word(leader &+ UInt64(kit_offset_task_start_time()))
  unsafe to.pointee.comm.low = kit_read_word(task &+ UInt64(kit_offset_task_comm()))
  unsafe to.pointee.comm.high = kit_read_word(task &+ UInt64(kit_offset_task_comm() &+ 8))
}

/// A task's ids: one for each pid namespace from the initial one down to its own (`struct pid`,
/// include/linux/pid.h).
public struct TaskIdentity {
  /// The address of the `struct upid` of the innermost namespace.
  let innermost: UInt64
  let numbers: UInt64
  /// How deep that lies.
  public let level: UInt32

  /// The ids of the task at this address.
  @inline(__always) public init(of task: UInt64) {
    let pid = kit_read_word(task &+ UInt64(kit_offset_task_thread_pid()))
    level = UInt32(truncatingIfNeeded: kit_read_word(pid &+ UInt64(kit_offset_pid_level())))
    numbers = pid &+ UInt64(kit_offset_pid_numbers())
    // An int and a pointer: 16 bytes.
    innermost = numbers &+ UInt64(level) &* 16
  }

  /// The address of its own pid namespace.
  @inline(__always) public var namespace: UInt64 {
    kit_read_word(innermost &+ UInt64(kit_offset_upid_ns()))
  }

  /// Whether the task has id `number` in pid namespace `namespace`, which lies at `level`.
  @inline(__always)
  public func isNumber(_ number: UInt32, in namespace: UInt64, level: UInt32) -> Bool {
    let entry = numbers &+ UInt64(level) &* 16
    if kit_read_word(entry &+ UInt64(kit_offset_upid_ns())) != namespace { return false }
    return UInt32(truncatingIfNeeded: kit_read_word(entry &+ UInt64(kit_offset_upid_nr())))
      == number
  }
}

/// What an offset is where the kernel has no such field: `KernelField.absent` of Capture.
@inline(__always) public var absent: UInt32 { UInt32.max }

/// Whether two runs of `count` words differ.
@inline(__always)
public func differs(
  _ one: UnsafeMutableRawPointer, _ other: UnsafeMutableRawPointer, words count: Int
) -> Bool {
  var difference: UInt64 = 0
  for index in 0..<count {
    unsafe difference |=
      one.load(fromByteOffset: index &* 8, as: UInt64.self)
      ^ other.load(fromByteOffset: index &* 8, as: UInt64.self)
  }
  return difference != 0
}

/// Copies `count` words.
@inline(__always)
public func copyWords(
  _ count: Int, from: UnsafeMutableRawPointer, to: UnsafeMutableRawPointer
) {
  for index in 0..<count {
    let word = unsafe from.load(fromByteOffset: index &* 8, as: UInt64.self)
    unsafe to.storeBytes(of: word, toByteOffset: index &* 8, as: UInt64.self)
  }
}

/// Whether a call's result says that it is begun anew, or was interrupted before it did anything:
/// ERESTARTSYS … ERESTART_RESTARTBLOCK of include/linux/errno.h, which no caller ever sees.
@inline(__always) public func isRestart(_ result: Int64) -> Bool {
  result <= -512 && result >= -516
}

/// Strings of the caller's memory: read and sized in the per-CPU scratch before the claim, copied after it.
@safe public struct UserStrings {
  let scratch: UnsafeMutableRawPointer

  // Lengths go through memory, as in ExecStrings.
  @inline(__always) static var lengths: Int { Int(KIT_SCRATCH_CWD_LENGTH) }
  @inline(__always) static var flags: Int { Int(KIT_SCRATCH_FLAGS) }

  /// No strings yet.
  @inline(__always) public init(scratch: UnsafeMutableRawPointer) {
    unsafe self.scratch = unsafe scratch
    unsafe seq_store_u64(scratch + UserStrings.flags, 0)
  }

  /// What had to be cut, or could not be read.
  @inline(__always) public var recordFlags: UInt16 {
    UInt16(truncatingIfNeeded: unsafe seq_load_u64(scratch + UserStrings.flags))
  }

  /// Reads string `index`, 0 … 3, of the caller's memory to `place` of the scratch; address 0 is no string.
  ///
  /// Memory that is not there at the moment (swapped out, or never touched) can't be waited for: no
  /// string, and ``SequencerABI/RecordFlags/fault``.
  @inline(__always)
  public func read(_ index: Int, from address: UInt64, at place: Int, limit: Int) {
    if address == 0 {
      unsafe seq_store_u64(scratch + (UserStrings.lengths &+ index &* 8), 0)
      return
    }
    let got = unsafe kit_read_user_string(scratch + place, UInt32(limit), address)
    note(index, got, limit: limit)
  }

  /// The same for a string of the kernel's.
  @inline(__always)
  public func readKernel(_ index: Int, from address: UInt64, at place: Int, limit: Int) {
    let got = unsafe kit_read_kernel_string(scratch + place, UInt32(limit), address)
    note(index, got, limit: limit)
  }

  @inline(__always) func note(_ index: Int, _ got: Int64, limit: Int) {
    let length = unsafe scratch + (UserStrings.lengths &+ index &* 8)
    unsafe seq_store_u64(length, 0)
    if got > 0 { unsafe seq_store_u64(length, UInt64(bitPattern: got) &- 1) }
    var flag: UInt16 = 0
    if got == Int64(limit) { flag = RecordFlags.truncated.rawValue }
    if got < 0 { flag = RecordFlags.fault.rawValue }
    let flags = unsafe scratch + UserStrings.flags
    unsafe seq_store_u64(flags, seq_load_u64(flags) | UInt64(flag))
  }

  /// Bytes of string `index`, without its NUL.
  @inline(__always) public func length(_ index: Int, limit: Int) -> UInt64 {
    bounded(unsafe seq_load_u64(scratch + (UserStrings.lengths &+ index &* 8)), UInt64(limit))
  }

  /// Copies `length` bytes from `place`, and returns where the next string goes.
  @inline(__always)
  public func copy(
    _ length: UInt64, from place: Int, limit: Int, to: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    // Said again, for the verifier: it forgets ranges over calls.
    let bytes = bounded(length, UInt64(limit))
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: bytes), UInt64(UInt(bitPattern: scratch + place)))
    return unsafe to + Int(bytes)
  }
}
