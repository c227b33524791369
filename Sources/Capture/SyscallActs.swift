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
    Entry(
      SyscallAct.changeCredentials, for: .credentials,
      calls: [
        "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setfsuid",
        "setfsgid",
        "setgroups", "setuid32", "setgid32", "setreuid32", "setregid32", "setresuid32",
        "setresgid32",
        "setfsuid32", "setfsgid32", "setgroups32", "capset", "prctl", "keyctl",
      ]),
    Entry(
      SyscallAct.changeNamespaces, for: .credentials, .namespace,
      calls: ["unshare", "setns", "execve", "execveat"]),
    Entry(SyscallAct.ptrace, for: .ptrace, calls: ["ptrace"]),
    Entry(SyscallAct.readMemory, for: .ptrace, calls: ["process_vm_readv"]),
    Entry(SyscallAct.writeMemory, for: .ptrace, calls: ["process_vm_writev"]),
    Entry(SyscallAct.bpf, for: .bpf, calls: ["bpf"]),
    Entry(SyscallAct.initModule, for: .module, calls: ["init_module"]),
    Entry(SyscallAct.initModuleFile, for: .module, calls: ["finit_module"]),
    Entry(SyscallAct.deleteModule, for: .module, calls: ["delete_module"]),
    Entry(SyscallAct.mount, for: .mount, calls: ["mount"]),
    Entry(SyscallAct.unmount, for: .mount, calls: ["umount2"]),
    Entry(SyscallAct.pathAlone, for: .mount, calls: ["chroot", "umount"]),
    Entry(SyscallAct.moveMount, for: .mount, calls: ["move_mount"]),
    Entry(SyscallAct.mountFileSystem, for: .mount, calls: ["fsmount"]),
    Entry(
      SyscallAct.openTree, for: .mount, calls: ["open_tree", "open_tree_attr", "fspick"]),
    Entry(SyscallAct.pivotRoot, for: .mount, calls: ["pivot_root"]),
    Entry(SyscallAct.setMountAttributes, for: .mount, calls: ["mount_setattr"]),
    Entry(SyscallAct.openFileSystem, for: .mount, calls: ["fsopen"]),
    Entry(SyscallAct.configureFileSystem, for: .mount, calls: ["fsconfig"]),
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
