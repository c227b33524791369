// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
public import SequencerABI

/// What a BTF raw tracepoint hands to its program: the tracepoint's arguments, a word each.
public typealias Context = UnsafeRawPointer

extension UnsafeRawPointer {
  /// Argument `index` as a number.
  @inline(__always) public func argument(_ index: Int) -> UInt64 {
    unsafe load(fromByteOffset: index &* 8, as: UInt64.self)
  }
  /// Argument `index` as a kernel pointer; the verifier knows its type from BTF.
  @inline(__always) public func pointerArgument(_ index: Int) -> UnsafeRawPointer {
    unsafe load(fromByteOffset: index &* 8, as: UnsafeRawPointer.self)
  }

  // Fields of kernel structures: offsets come from the configuration, so the verifier sees a
  // constant; a fault reads as zero (BPF_PROBE_MEM).
  @inline(__always) public func word(_ offset: UInt32) -> UInt64 {
    unsafe load(fromByteOffset: Int(offset), as: UInt64.self)
  }
  @inline(__always) public func half(_ offset: UInt32) -> UInt32 {
    unsafe load(fromByteOffset: Int(offset), as: UInt32.self)
  }
  @inline(__always) public func pointer(_ offset: UInt32) -> UnsafeRawPointer {
    unsafe load(fromByteOffset: Int(offset), as: UnsafeRawPointer.self)
  }
}

/// A `struct task_struct` (include/linux/sched.h), by the fields the programs read.
@safe public struct Task {
  public let pointer: UnsafeRawPointer

  @inline(__always) public init(_ pointer: UnsafeRawPointer) { unsafe self.pointer = pointer }
  /// The task that runs this program's CPU.
  @inline(__always) public static var current: Task { unsafe Task(kit_current_task()) }

  @inline(__always) public var tid: UInt32 { unsafe pointer.half(kit_offset_task_pid()) }
  @inline(__always) public var tgid: UInt32 { unsafe pointer.half(kit_offset_task_tgid()) }
  @inline(__always) public var flags: UInt32 { unsafe pointer.half(kit_offset_task_flags()) }
  @inline(__always) public var exitCode: UInt32 { unsafe pointer.half(kit_offset_task_exit_code()) }
  @inline(__always) public var start: UInt64 { unsafe pointer.word(kit_offset_task_start_time()) }
  @inline(__always) public var leader: Task {
    unsafe Task(pointer.pointer(kit_offset_task_group_leader()))
  }
  @inline(__always) public var parent: Task {
    unsafe Task(pointer.pointer(kit_offset_task_real_parent()))
  }
  @inline(__always) public var signal: Signal {
    unsafe Signal(pointer: pointer.pointer(kit_offset_task_signal()))
  }
  @inline(__always) public var comm: TaskComm {
    var comm = TaskComm()
    comm.low = unsafe pointer.word(kit_offset_task_comm())
    comm.high = unsafe pointer.word(kit_offset_task_comm() &+ 8)
    return comm
  }
  @inline(__always) public var uid: UInt32 {
    unsafe pointer.pointer(kit_offset_task_cred()).half(kit_offset_cred_uid())
  }
  /// `arg_start` and `arg_end` of the committed address space.
  @inline(__always) public var argumentRange: (start: UInt64, end: UInt64) {
    let mm = unsafe pointer.pointer(kit_offset_task_mm())
    return unsafe (mm.word(kit_offset_mm_arg_start()), mm.word(kit_offset_mm_arg_end()))
  }
  @inline(__always) public var credentials: Credentials {
    let cred = unsafe pointer.pointer(kit_offset_task_cred())
    var result = Credentials()
    result.uid = unsafe cred.half(kit_offset_cred_uid())
    result.gid = unsafe cred.half(kit_offset_cred_gid())
    result.effectiveUID = unsafe cred.half(kit_offset_cred_euid())
    result.effectiveGID = unsafe cred.half(kit_offset_cred_egid())
    result.permitted = unsafe cred.word(kit_offset_cred_permitted())
    result.effective = unsafe cred.word(kit_offset_cred_effective())
    return result
  }
  /// The kernel's own scale: 0–99 real time, 100–139 the others.
  @inline(__always) public var priority: Int32 {
    Int32(bitPattern: unsafe pointer.half(kit_offset_task_prio()))
  }
  /// The CPU that the task runs on, or ran on last.
  @inline(__always) public var cpu: UInt32 { unsafe pointer.half(kit_offset_task_cpu()) }
  /// The idle task of a CPU.
  @inline(__always) public var isIdle: Bool { tid == 0 }
  /// PF_EXITING of include/linux/sched.h.
  @inline(__always) public var isExiting: Bool { flags & 4 != 0 }
  @inline(__always) public var isThread: Bool { tid != tgid }
}

/// A `struct signal_struct` (include/linux/sched/signal.h): what the threads of a process share.
@safe public struct Signal {
  public let pointer: UnsafeRawPointer
  /// Threads that have not yet entered do_exit().
  @inline(__always) public var live: UInt32 { unsafe pointer.half(kit_offset_signal_live()) }
  /// SIGNAL_GROUP_EXIT: `groupExitCode` is what wait() will report.
  @inline(__always) public var isGroupExit: Bool {
    unsafe pointer.half(kit_offset_signal_flags()) & 4 != 0
  }
  @inline(__always) public var groupExitCode: UInt32 {
    unsafe pointer.half(kit_offset_signal_group_exit_code())
  }
}
