/// What a system call does, for the families that stand on acts: the kernel's programs find it by the call's
/// number in a table that the user side fills (`SyscallActs` of Capture), so that they know no numbers.
///
/// Values are fixed within an ABI version; 0 is "nothing of interest".
public enum SyscallAct {
  // Calls that may change credentials and namespaces: what they did is read off the task.
  /// May change credentials: setresuid() and its like, capset(), prctl().
  @inlinable public static var changeCredentials: UInt8 { 0x60 }
  /// May change credentials and namespaces: unshare(), setns(), execve().
  @inlinable public static var changeNamespaces: UInt8 { 0x61 }
  /// ptrace().
  @inlinable public static var ptrace: UInt8 { 0x64 }
  /// process_vm_readv().
  @inlinable public static var readMemory: UInt8 { 0x65 }
  /// process_vm_writev().
  @inlinable public static var writeMemory: UInt8 { 0x66 }
  /// bpf().
  @inlinable public static var bpf: UInt8 { 0x68 }
  /// init_module().
  @inlinable public static var initModule: UInt8 { 0x6C }
  /// finit_module().
  @inlinable public static var initModuleFile: UInt8 { 0x6D }
  /// delete_module().
  @inlinable public static var deleteModule: UInt8 { 0x6E }
  // Calls of mounts, by where their arguments lie: 0x70 … 0x7F.
  /// mount().
  @inlinable public static var mount: UInt8 { 0x70 }
  /// umount2().
  @inlinable public static var unmount: UInt8 { 0x71 }
  /// move_mount().
  @inlinable public static var moveMount: UInt8 { 0x72 }
  /// fsmount().
  @inlinable public static var mountFileSystem: UInt8 { 0x73 }
  /// A path under a descriptor, and flags: open_tree(), open_tree_attr(), fspick().
  @inlinable public static var openTree: UInt8 { 0x74 }
  /// pivot_root().
  @inlinable public static var pivotRoot: UInt8 { 0x75 }
  /// mount_setattr().
  @inlinable public static var setMountAttributes: UInt8 { 0x76 }
  /// fsopen().
  @inlinable public static var openFileSystem: UInt8 { 0x77 }
  /// fsconfig().
  @inlinable public static var configureFileSystem: UInt8 { 0x78 }
  /// A path alone: chroot(), and umount() of i386.
  @inlinable public static var pathAlone: UInt8 { 0x79 }
}
