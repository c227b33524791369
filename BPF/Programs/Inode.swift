// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI

// What file a path led to, of calls that name one and hold it no more when they end: noted where the kernel asks
// its security modules about it (security/security.c), for `file_act` to tell. No tracepoint stands there: these
// programs are loaded where the kernel lets programs stand on functions, and the events do without elsewhere.
//
// All four functions have the file's dentry as their second argument, which the user side checks by BTF.

/// A name of a file is to be taken away: security_inode_unlink(dir, dentry).
@c @section("fentry/security_inode_unlink") @used
public func inode_unlink(_ context: Context) -> Int32 {
  unsafe noteInode(context, SyscallAct.unlink, SyscallAct.unlinkAt)
}

/// The same of a directory: security_inode_rmdir(dir, dentry).
@c @section("fentry/security_inode_rmdir") @used
public func inode_rmdir(_ context: Context) -> Int32 {
  unsafe noteInode(context, SyscallAct.unlink, SyscallAct.unlinkAt)
}

/// A file is to get another name: security_inode_rename(old dir, old dentry, new dir, new dentry, flags).
@c @section("fentry/security_inode_rename") @used
public func inode_rename(_ context: Context) -> Int32 {
  unsafe noteInode(context, SyscallAct.rename, SyscallAct.renameAt2)
}

/// A file's mode or owner is to be changed: security_inode_setattr(idmap, dentry, attributes).
@c @section("fentry/security_inode_setattr") @used
public func inode_setattr(_ context: Context) -> Int32 {
  unsafe noteInode(context, SyscallAct.changeMode, SyscallAct.changeOwnerAt)
}

/// Notes the inode of the second argument, if the current task is in one of the calls `first` … `last`.
///
/// A file system on others (overlayfs) does the same to theirs within the call: of those the caller knows
/// nothing, and what was noted first stays. A note that nobody fetched is overwritten.
@inline(__always)
private func noteInode(_ context: Context, _ first: UInt8, _ last: UInt8) -> Int32 {
  let task = Task.current
  let call = unsafe SystemCall(task, registers: kit_task_registers(task.pointer))
  let act = call.act
  if act < UInt32(first) || act > UInt32(last) { return 0 }
  let inode = unsafe context.pointerArgument(1).pointer(kit_offset_dentry_inode())
  let superBlock = unsafe inode.pointer(kit_offset_inode_sb())
  let mark = unsafe superBlock.half(kit_offset_sb_stack_depth()) &+ 1
  guard let state = unsafe kit_act_state(task.pointer, 1) else { return 0 }
  if unsafe seq_load_u32(state + Int(KIT_ACT_HAS_INODE)) > mark { return 0 }
  unsafe seq_store_u64(state + Int(KIT_ACT_INODE), inode.word(kit_offset_inode_ino()))
  unsafe seq_store_u32(state + Int(KIT_ACT_DEVICE), superBlock.half(kit_offset_sb_dev()))
  unsafe seq_store_u32(state + Int(KIT_ACT_HAS_INODE), mark)
  return 0
}
