import BPFCKit
import KernelEvents
import SequencerABI

/// The system calls whose acts families tell: one table, by name, so that numbers come from the generated
/// ones of each architecture.
enum SyscallActs {
  /// An act, the families that want it, and the calls that do it; a name that an architecture lacks is none
  /// there.
  struct Entry {
    let act: UInt8
    let families: UInt32
    let calls: [String]

    init(_ act: UInt8, for families: EventFamily..., calls: [String]) {
      self.act = act
      self.families = families.reduce(0) { $0 | $1.bit }
      self.calls = calls
    }
  }

  /// Every act. A call stands in one entry only.
  static let all: [Entry] = [
    Entry(SyscallAct.futex, for: .futex, calls: ["futex", "futex_time64"]),
    Entry(SyscallAct.futexWait, for: .futex, calls: ["futex_wait"]),
    Entry(SyscallAct.futexWake, for: .futex, calls: ["futex_wake"]),
    Entry(SyscallAct.futexRequeue, for: .futex, calls: ["futex_requeue"]),
    Entry(SyscallAct.futexWaitv, for: .futex, calls: ["futex_waitv"]),
  ]
}

extension kit_syscalls {
  /// Fills the table of acts with those that `families` (a mask) want.
  mutating func setActs(families: UInt32) {
    let limit = Int(KIT_SYSCALL_LIMIT)
    let native = SyscallABI.native
    unsafe withUnsafeMutableBytes(of: &acts) { bytes in
      for entry in SyscallActs.all where entry.families & families != 0 {
        for call in entry.calls {
          if let number = native.number(of: call), number < limit {
            unsafe bytes[Int(number)] = entry.act
          }
          // Only x86-64's 32-bit callers have a table here.
          if native == .x86_64, let number = SyscallABI.i386.number(of: call), number < limit {
            unsafe bytes[limit + Int(number)] = entry.act
          }
        }
      }
    }
  }
}
