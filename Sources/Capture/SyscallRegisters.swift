import BPFCKit
import BPFLoader
import SequencerABI

/// Families whose programs look at system calls.
let syscallFamilies: UInt32 = ProgramSpec.all.reduce(0) { mask, program in
  program.tracepoint == "sys_enter" || program.tracepoint == "sys_exit"
    ? mask | program.families : mask
}

/// Where a system call's number and arguments lie in `struct pt_regs`, and how a 32-bit caller is told:
/// arch/x86/include/asm/syscall.h, arch/arm64/include/asm/syscall.h.
func syscallRegisters(
  _ types: borrowing KernelBTF, families: UInt32
) throws(BTFError) -> kit_syscalls {
  var result = kit_syscalls()
  guard families & syscallFamilies != 0 else { return result }
  #if arch(x86_64)
    let native = try offsets(["di", "si", "dx", "r10", "r8", "r9"], types)
    let compat = try offsets(["bx", "cx", "dx", "si", "di", "bp"], types)
    result.number = try offset("orig_ax", types)
    // TS_COMPAT, set on the way in through int $0x80 and the 32-bit SYSENTER and SYSCALL.
    result.compat_offset = UInt32(
      try types.offset(of: "thread_info.status", in: "task_struct").byteOffset)
    result.compat_mask = 2
    result.x32_mask = 0x4000_0000
  #elseif arch(arm64)
    let first = try offset("orig_x0", types)
    let array = try offset("regs", types)
    let native = [first] + (1...5).map { array + 8 * UInt32($0) }
    let compat = native
    result.number = try offset("syscallno", types)
    // TIF_32BIT of arch/arm64/include/asm/thread_info.h.
    result.compat_offset = UInt32(
      try types.offset(of: "thread_info.flags", in: "task_struct").byteOffset)
    result.compat_mask = 1 << 22
  #else
    #error("system calls' registers are not known on this architecture")
  #endif
  result.argument = (native[0], native[1], native[2], native[3], native[4], native[5])
  result.compat_argument = (compat[0], compat[1], compat[2], compat[3], compat[4], compat[5])
  return result
}

private func offset(_ register: String, _ types: borrowing KernelBTF) throws(BTFError) -> UInt32 {
  UInt32(try types.offset(of: register, in: "pt_regs").byteOffset)
}

private func offsets(
  _ registers: [String], _ types: borrowing KernelBTF
) throws(BTFError) -> [UInt32] {
  var result: [UInt32] = []
  for register in registers { result.append(try offset(register, types)) }
  return result
}

extension kit_syscalls {
  /// Fills the table of wanted calls; nil: all.
  mutating func select(_ selection: SyscallSelection?) {
    let limit = Int(KIT_SYSCALL_LIMIT)
    unsafe withUnsafeMutableBytes(of: &wanted) { bytes in
      guard let selection else {
        for index in bytes.indices { unsafe bytes[index] = 0xFF }
        return
      }
      // Words of 64 bits, least bit first; the machine is little-endian, so bytes do as well.
      for number in selection.native where number < limit {
        unsafe bytes[Int(number) / 8] |= 1 << UInt8(number % 8)
      }
      for number in selection.compat where number < limit {
        unsafe bytes[(limit + Int(number)) / 8] |= 1 << UInt8(number % 8)
      }
    }
  }
}
