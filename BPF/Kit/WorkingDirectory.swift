// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import SequencerABI

/// The current directory of a task, as its components from the leaf up to the task's root, each
/// with a NUL after it.
///
/// bpf_d_path() is not allowed in BTF tracepoints, so the dentries are walked (fs/d_path.c,
/// prepend_path()), over mount points too. Reads that fault end the walk.
struct WorkingDirectory {
  var length: UInt64 = 0
  var isTruncated = false

  /// The most components looked at, mount crossings included.
  @inline(__always) static var depthLimit: Int { 32 }

  @inline(__always) init(task: Task, scratch: UnsafeMutableRawPointer) {
    let fs = unsafe task.pointer.word(kit_offset_task_fs())
    if fs == 0 { return }
    let mountOffset = UInt64(kit_offset_path_mnt())
    let dentryOffset = UInt64(kit_offset_path_dentry())
    let root = fs &+ UInt64(kit_offset_fs_root())
    let working = fs &+ UInt64(kit_offset_fs_pwd())
    let rootDentry = kit_read_word(root &+ dentryOffset)
    let rootMount = kit_read_word(root &+ mountOffset)
    var dentry = kit_read_word(working &+ dentryOffset)
    var mount = kit_read_word(working &+ mountOffset)
    var position: UInt64 = 0
    var isComplete = false
    for _ in 0..<WorkingDirectory.depthLimit {
      if dentry == 0 || mount == 0 { break }
      if dentry == rootDentry && mount == rootMount {
        // The root itself is told as such: an empty block says that nothing could be had.
        if position == 0 {
          unsafe scratch.storeBytes(of: 0x2F, as: UInt16.self)  // "/" and its NUL
          position = 2
        }
        isComplete = true
        break
      }
      if dentry == kit_read_word(mount &+ UInt64(kit_offset_vfsmount_root())) {
        // The root of a mount: go on at its mount point.
        let outer = mount &- UInt64(kit_offset_mount_mnt())
        let parent = kit_read_word(outer &+ UInt64(kit_offset_mount_parent()))
        if parent == outer || parent == 0 {
          isComplete = true
          break
        }
        dentry = kit_read_word(outer &+ UInt64(kit_offset_mount_mountpoint()))
        mount = parent &+ UInt64(kit_offset_mount_mnt())
        continue
      }
      if position > UInt64(ExecPayload.workingDirectoryLimit &- 1) { break }
      let name = kit_read_word(dentry &+ UInt64(kit_offset_dentry_name()))
      let got = unsafe kit_read_kernel_string(scratch + Int(position), 256, name)
      if got <= 0 || got > 256 { break }
      let after = position &+ UInt64(bitPattern: got)
      if after > UInt64(ExecPayload.workingDirectoryLimit) { break }
      position = after
      dentry = kit_read_word(dentry &+ UInt64(kit_offset_dentry_parent()))
    }
    length = position
    isTruncated = !isComplete
  }
}
