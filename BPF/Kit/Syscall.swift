// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
public import SequencerABI

/// A system call as `sys_enter` and `sys_exit` see it: who calls which, and with what.
///
/// The registers keep the arguments until the call returns (but for an execve(), which clears them).
@safe public struct SystemCall {
  /// Its number, in the table that ``isCompat`` says; x32's bit taken away.
  public let number: UInt32
  /// The caller is a 32-bit program (x32 counts as native: its numbers are).
  public let isCompat: Bool
  let registers: UnsafeRawPointer

  /// The call that `task`, the current one, begins: of a program on `sys_enter`, trace_sys_enter(regs, id).
  @inline(__always) public init(entering context: Context, _ task: Task) {
    unsafe self.init(
      task, registers: context.pointerArgument(0), number: context.argument(1))
  }

  /// The call that `task`, the current one, returns from: of a program on `sys_exit`,
  /// trace_sys_exit(regs, ret).
  @inline(__always) public init(leaving context: Context, _ task: Task) {
    unsafe self.init(task, registers: context.pointerArgument(0))
  }

  /// The call that `task`, the current one, is in, by its `struct pt_regs *`.
  @inline(__always) public init(_ task: Task, registers: UnsafeRawPointer) {
    unsafe self.init(
      task, registers: registers, number: UInt64(registers.half(kit_syscall_number())))
  }

  /// The call that the current task makes, by its `struct pt_regs *`, and its number.
  @inline(__always)
  public init(_ task: Task, registers: UnsafeRawPointer, number: UInt64) {
    unsafe self.registers = unsafe registers
    let raw = UInt32(truncatingIfNeeded: number)
    var isCompat = false
    if kit_compat_mask() != 0 {
      isCompat = unsafe task.pointer.half(kit_compat_offset()) & kit_compat_mask() != 0
    }
    self.isCompat = isCompat
    self.number = raw & ~kit_x32_mask()
  }

  /// Where the number lies in the tables of the configuration.
  @inline(__always) var index: UInt32 {
    (isCompat ? UInt32(KIT_SYSCALL_LIMIT) : 0) &+ number
  }
  /// Whether the tables know the number at all; −1, which some tracers put there, is none.
  @inline(__always) public var isKnown: Bool { number < UInt32(KIT_SYSCALL_LIMIT) }
  /// Whether `--syscall` names it.
  @inline(__always) public var isWanted: Bool {
    guard isKnown else { return false }
    let place = index
    return kit_syscall_wanted(place &>> 6) &>> UInt64(place & 63) & 1 != 0
  }
  /// What it does, for the families that look at the acts of system calls: a `SyscallAct`, 0 for none.
  @inline(__always) public var act: UInt32 { isKnown ? kit_syscall_act(index) : 0 }
  /// The number, for the record's header.
  @inline(__always) public var detail: UInt16 {
    SyscallDetail.detail(number: number, isCompat: isCompat)
  }

  /// Argument `position`, 0 … 5.
  @inline(__always) public func argument(_ position: UInt32) -> UInt64 {
    if isCompat {
      return unsafe registers.word(kit_compat_argument(position)) & 0xFFFF_FFFF
    }
    return unsafe registers.word(kit_syscall_argument(position))
  }
}
