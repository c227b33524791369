// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import CSequencerAtomics
import SequencerABI

/// The current directory of a task, as its components from the leaf up to the task's root, each
/// with a NUL after it.
///
/// bpf_d_path() is not allowed in BTF tracepoints, so the dentries are walked (fs/d_path.c,
/// prepend_path()), over mount points too. Reads that fault end the walk.
///
/// What changes goes through memory at every step: the verifier then knows the same of it on every
/// path, and looks at what follows once instead of once a path (0.7 s of load time otherwise).
struct WorkingDirectory {
  /// Bytes written, a number the verifier knows nothing of.
  let length: UInt64
  let isTruncated: Bool

  /// The most components looked at, mount crossings included.
  @inline(__always) static var depthLimit: Int { 32 }

  /// Writes the components to `kit_scratch.cwd` of the scratch element.
  @inline(__always) init(task: Task, scratch: UnsafeMutableRawPointer) {
    let lengthCell = unsafe scratch + Int(KIT_SCRATCH_CWD_LENGTH)
    let completeCell = unsafe scratch + Int(KIT_SCRATCH_CWD_COMPLETE)
    unsafe seq_store_u64(lengthCell, 0)
    unsafe seq_store_u64(completeCell, 0)
    let fs = unsafe task.pointer.word(kit_offset_task_fs())
    let mountOffset = UInt64(kit_offset_path_mnt())
    let dentryOffset = UInt64(kit_offset_path_dentry())
    let root = fs &+ UInt64(kit_offset_fs_root())
    let working = fs &+ UInt64(kit_offset_fs_pwd())
    let rootDentry = kit_read_word(root &+ dentryOffset)
    let rootMount = kit_read_word(root &+ mountOffset)
    let dentryCell = unsafe scratch + Int(KIT_SCRATCH_DENTRY)
    let mountCell = unsafe scratch + Int(KIT_SCRATCH_MOUNT)
    unsafe seq_store_u64(dentryCell, kit_read_word(working &+ dentryOffset))
    unsafe seq_store_u64(mountCell, kit_read_word(working &+ mountOffset))
    for _ in 0..<WorkingDirectory.depthLimit {
      let dentry = unsafe seq_load_u64(dentryCell)
      let mount = unsafe seq_load_u64(mountCell)
      if dentry == 0 || mount == 0 { break }
      if dentry == rootDentry && mount == rootMount {
        unsafe seq_store_u64(completeCell, 1)
        break
      }
      if dentry == kit_read_word(mount &+ UInt64(kit_offset_vfsmount_root())) {
        // The root of a mount: go on at its mount point.
        let outer = mount &- UInt64(kit_offset_mount_mnt())
        let parent = kit_read_word(outer &+ UInt64(kit_offset_mount_parent()))
        if parent == outer {
          unsafe seq_store_u64(completeCell, 1)
          break
        }
        unsafe seq_store_u64(
          dentryCell, kit_read_word(outer &+ UInt64(kit_offset_mount_mountpoint())))
        unsafe seq_store_u64(mountCell, parent &+ UInt64(kit_offset_mount_mnt()))
        continue
      }
      let position = unsafe seq_load_u64(lengthCell)
      if position >= UInt64(ExecPayload.workingDirectoryLimit) { break }
      let name = kit_read_word(dentry &+ UInt64(kit_offset_dentry_name()))
      let got = unsafe kit_read_kernel_string(
        scratch + Int(KIT_SCRATCH_PATH) + Int(position), UInt32(KIT_COMPONENT), name)
      if got <= 0 { break }
      let after = position &+ UInt64(bitPattern: got)
      if after > UInt64(ExecPayload.workingDirectoryLimit) { break }
      unsafe seq_store_u64(lengthCell, after)
      unsafe seq_store_u64(
        dentryCell, kit_read_word(dentry &+ UInt64(kit_offset_dentry_parent())))
    }
    if unsafe seq_load_u64(lengthCell) == 0 && seq_load_u64(completeCell) != 0 {
      // The root itself: one empty component. No bytes at all mean that it could not be had.
      unsafe (scratch + Int(KIT_SCRATCH_PATH)).storeBytes(of: 0, as: UInt8.self)
      unsafe seq_store_u64(lengthCell, 1)
    }
    length = unsafe seq_load_u64(lengthCell)
    isTruncated = unsafe seq_load_u64(completeCell) == 0
  }
}
