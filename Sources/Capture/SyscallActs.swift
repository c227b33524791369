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
  static let all: [Entry] = fileActs + socketActs + futexActs + privilegedActs

  private static let fileActs: [Entry] = [
    Entry(SyscallAct.open, for: .file, calls: ["open"]),
    Entry(SyscallAct.openAt, for: .file, calls: ["openat"]),
    Entry(SyscallAct.openAt2, for: .file, calls: ["openat2"]),
    Entry(SyscallAct.create, for: .file, calls: ["creat"]),
    Entry(SyscallAct.unlink, for: .file, calls: ["unlink"]),
    Entry(SyscallAct.removeDirectory, for: .file, calls: ["rmdir"]),
    Entry(SyscallAct.unlinkAt, for: .file, calls: ["unlinkat"]),
    Entry(SyscallAct.rename, for: .file, calls: ["rename"]),
    Entry(SyscallAct.renameAt, for: .file, calls: ["renameat"]),
    Entry(SyscallAct.renameAt2, for: .file, calls: ["renameat2"]),
    Entry(SyscallAct.changeMode, for: .file, calls: ["chmod"]),
    Entry(SyscallAct.changeModeOfDescriptor, for: .file, calls: ["fchmod"]),
    Entry(SyscallAct.changeModeAt, for: .file, calls: ["fchmodat"]),
    Entry(SyscallAct.changeModeAt2, for: .file, calls: ["fchmodat2"]),
    Entry(SyscallAct.changeOwner, for: .file, calls: ["chown"]),
    Entry(SyscallAct.changeOwnerOfLink, for: .file, calls: ["lchown"]),
    Entry(SyscallAct.changeOwnerOfDescriptor, for: .file, calls: ["fchown"]),
    Entry(SyscallAct.changeOwner32, for: .file, calls: ["chown32"]),
    Entry(SyscallAct.changeOwnerOfLink32, for: .file, calls: ["lchown32"]),
    Entry(SyscallAct.changeOwnerOfDescriptor32, for: .file, calls: ["fchown32"]),
    Entry(SyscallAct.changeOwnerAt, for: .file, calls: ["fchownat"]),
  ]

  private static let socketActs: [Entry] = [
    Entry(SyscallAct.connect, for: .network, calls: ["connect"]),
    Entry(SyscallAct.accept, for: .network, calls: ["accept", "accept4"]),
    Entry(SyscallAct.bind, for: .network, calls: ["bind"]),
    Entry(SyscallAct.listen, for: .network, calls: ["listen"]),
    Entry(SyscallAct.socketCall, for: .network, calls: ["socketcall"]),
  ]

  private static let futexActs: [Entry] = [
    Entry(SyscallAct.futex, for: .futex, calls: ["futex", "futex_time64"]),
    Entry(SyscallAct.futexWait, for: .futex, calls: ["futex_wait"]),
    Entry(SyscallAct.futexWake, for: .futex, calls: ["futex_wake"]),
    Entry(SyscallAct.futexRequeue, for: .futex, calls: ["futex_requeue"]),
    Entry(SyscallAct.futexWaitv, for: .futex, calls: ["futex_waitv"]),
  ]

  private static let privilegedActs: [Entry] = [
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
