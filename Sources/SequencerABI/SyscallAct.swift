/// What a system call does, for the families that stand on acts: the kernel's programs find it by the call's
/// number in a table that the user side fills (`SyscallActs` of Capture), so that they know no numbers.
///
/// Values are fixed within an ABI version; 0 is "nothing of interest".
public enum SyscallAct {
  /// futex(): its operation is an argument.
  @inlinable public static var futex: UInt8 { 200 }
  /// futex_wait().
  @inlinable public static var futexWait: UInt8 { 201 }
  /// futex_wake().
  @inlinable public static var futexWake: UInt8 { 202 }
  /// futex_requeue().
  @inlinable public static var futexRequeue: UInt8 { 203 }
  /// futex_waitv().
  @inlinable public static var futexWaitv: UInt8 { 204 }
  // Family `file`: 100 … 129.

  /// open(path, flags, mode).
  @inlinable public static var open: UInt8 { 100 }
  /// openat(directory, path, flags, mode).
  @inlinable public static var openAt: UInt8 { 101 }
  /// openat2(directory, path, struct open_how, size).
  @inlinable public static var openAt2: UInt8 { 102 }
  /// creat(path, mode).
  @inlinable public static var create: UInt8 { 103 }
  /// unlink(path).
  @inlinable public static var unlink: UInt8 { 104 }
  /// rmdir(path).
  @inlinable public static var removeDirectory: UInt8 { 105 }
  /// unlinkat(directory, path, flags).
  @inlinable public static var unlinkAt: UInt8 { 106 }
  /// rename(old path, new path).
  @inlinable public static var rename: UInt8 { 107 }
  /// renameat(directory, path, new directory, new path).
  @inlinable public static var renameAt: UInt8 { 108 }
  /// renameat2(directory, path, new directory, new path, flags).
  @inlinable public static var renameAt2: UInt8 { 109 }
  /// chmod(path, mode).
  @inlinable public static var changeMode: UInt8 { 110 }
  /// fchmod(descriptor, mode).
  @inlinable public static var changeModeOfDescriptor: UInt8 { 111 }
  /// fchmodat(directory, path, mode).
  @inlinable public static var changeModeAt: UInt8 { 112 }
  /// fchmodat2(directory, path, mode, flags).
  @inlinable public static var changeModeAt2: UInt8 { 113 }
  /// chown(path, owner, group); 16 bits each of a 32-bit caller on x86-64.
  @inlinable public static var changeOwner: UInt8 { 114 }
  /// lchown(), the same for a symbolic link itself.
  @inlinable public static var changeOwnerOfLink: UInt8 { 115 }
  /// fchown(descriptor, owner, group); 16 bits each of a 32-bit caller on x86-64.
  @inlinable public static var changeOwnerOfDescriptor: UInt8 { 116 }
  /// chown32(), a 32-bit caller's chown() with 32 bits each.
  @inlinable public static var changeOwner32: UInt8 { 117 }
  /// lchown32().
  @inlinable public static var changeOwnerOfLink32: UInt8 { 118 }
  /// fchown32().
  @inlinable public static var changeOwnerOfDescriptor32: UInt8 { 119 }
  /// fchownat(directory, path, owner, group, flags).
  @inlinable public static var changeOwnerAt: UInt8 { 120 }

  // Family `net`: 130 … 149.

  /// connect(descriptor, address, length).
  @inlinable public static var connect: UInt8 { 130 }
  /// accept(descriptor, …) and accept4().
  @inlinable public static var accept: UInt8 { 131 }
  /// bind(descriptor, address, length).
  @inlinable public static var bind: UInt8 { 132 }
  /// listen(descriptor, backlog).
  @inlinable public static var listen: UInt8 { 133 }
  /// socketcall(number, arguments): 32-bit callers on x86-64.
  @inlinable public static var socketCall: UInt8 { 134 }
  // Calls that may change credentials and namespaces: what they did is read off the task.
  /// May change credentials: setresuid() and its like, capset(), prctl().
  @inlinable public static var changeCredentials: UInt8 { 1 }
  /// May change credentials and namespaces: unshare(), setns(), execve().
  @inlinable public static var changeNamespaces: UInt8 { 2 }
  /// ptrace().
  @inlinable public static var ptrace: UInt8 { 3 }
  /// process_vm_readv().
  @inlinable public static var readMemory: UInt8 { 4 }
  /// process_vm_writev().
  @inlinable public static var writeMemory: UInt8 { 5 }
  /// bpf().
  @inlinable public static var bpf: UInt8 { 6 }
  /// init_module().
  @inlinable public static var initModule: UInt8 { 7 }
  /// finit_module().
  @inlinable public static var initModuleFile: UInt8 { 8 }
  /// delete_module().
  @inlinable public static var deleteModule: UInt8 { 9 }
  // Calls of mounts, by where their arguments lie.
  /// mount().
  @inlinable public static var mount: UInt8 { 10 }
  /// umount2().
  @inlinable public static var unmount: UInt8 { 11 }
  /// move_mount().
  @inlinable public static var moveMount: UInt8 { 12 }
  /// fsmount().
  @inlinable public static var mountFileSystem: UInt8 { 13 }
  /// A path under a descriptor, and flags: open_tree(), open_tree_attr(), fspick().
  @inlinable public static var openTree: UInt8 { 14 }
  /// pivot_root().
  @inlinable public static var pivotRoot: UInt8 { 15 }
  /// mount_setattr().
  @inlinable public static var setMountAttributes: UInt8 { 16 }
  /// fsopen().
  @inlinable public static var openFileSystem: UInt8 { 17 }
  /// fsconfig().
  @inlinable public static var configureFileSystem: UInt8 { 18 }
  /// A path alone: chroot(), and umount() of i386.
  @inlinable public static var pathAlone: UInt8 { 19 }
}
