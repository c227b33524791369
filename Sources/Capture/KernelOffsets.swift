import BPFCKit
import BPFLoader

/// Resolves the kernel fields the programs read, from the running kernel's own types.
///
/// Members of anonymous structures are found by their plain name (`mm_struct.arg_start`).
func kernelOffsets(_ types: borrowing KernelBTF) throws(BTFError) -> kit_offsets {
  func at(_ path: String, _ structure: String) throws(BTFError) -> UInt32 {
    UInt32(try types.offset(of: path, in: structure).byteOffset)
  }
  var offsets = kit_offsets()
  offsets.task_pid = try at("pid", "task_struct")
  offsets.task_tgid = try at("tgid", "task_struct")
  offsets.task_flags = try at("flags", "task_struct")
  offsets.task_exit_code = try at("exit_code", "task_struct")
  offsets.task_start_time = try at("start_time", "task_struct")
  offsets.task_group_leader = try at("group_leader", "task_struct")
  offsets.task_real_parent = try at("real_parent", "task_struct")
  offsets.task_signal = try at("signal", "task_struct")
  offsets.task_comm = try at("comm", "task_struct")
  offsets.task_mm = try at("mm", "task_struct")
  offsets.task_cred = try at("cred", "task_struct")
  offsets.task_fs = try at("fs", "task_struct")
  offsets.signal_live = try at("live", "signal_struct")
  offsets.signal_flags = try at("flags", "signal_struct")
  offsets.signal_group_exit_code = try at("group_exit_code", "signal_struct")
  offsets.cred_uid = try at("uid", "cred")
  offsets.cred_gid = try at("gid", "cred")
  offsets.cred_euid = try at("euid", "cred")
  offsets.cred_egid = try at("egid", "cred")
  offsets.cred_permitted = try at("cap_permitted", "cred")
  offsets.cred_effective = try at("cap_effective", "cred")
  offsets.mm_arg_start = try at("arg_start", "mm_struct")
  offsets.mm_arg_end = try at("arg_end", "mm_struct")
  offsets.bprm_filename = try at("filename", "linux_binprm")
  offsets.bprm_file = try at("file", "linux_binprm")
  offsets.bprm_argc = try at("argc", "linux_binprm")
  offsets.file_inode = try at("f_inode", "file")
  offsets.inode_ino = try at("i_ino", "inode")
  offsets.inode_sb = try at("i_sb", "inode")
  offsets.sb_dev = try at("s_dev", "super_block")
  offsets.fs_root = try at("root", "fs_struct")
  offsets.fs_pwd = try at("pwd", "fs_struct")
  offsets.path_mnt = try at("mnt", "path")
  offsets.path_dentry = try at("dentry", "path")
  offsets.dentry_parent = try at("d_parent", "dentry")
  offsets.dentry_name = try at("d_name.name", "dentry")
  offsets.vfsmount_root = try at("mnt_root", "vfsmount")
  offsets.mount_mnt = try at("mnt", "mount")
  offsets.mount_parent = try at("mnt_parent", "mount")
  offsets.mount_mountpoint = try at("mnt_mountpoint", "mount")
  return offsets
}
