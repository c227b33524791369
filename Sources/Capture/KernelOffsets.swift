import BPFCKit
import BPFLoader
package import SequencerABI

/// A field of the kernel's structures that the programs read, and where its offset goes.
public struct KernelField: @unchecked Sendable {
  /// The structure, without the keyword.
  public let structure: String
  /// Member names joined by dots; members of anonymous structures by their plain name.
  public let path: String
  /// The families that read it, as a mask; nil: every event needs it.
  let families: UInt32?
  // A key path to a stored property of a C structure: immutable, so safe to share.
  let target: WritableKeyPath<kit_offsets, UInt32>

  private init(
    _ structure: String, _ path: String, _ target: WritableKeyPath<kit_offsets, UInt32>,
    for families: EventFamily...
  ) {
    self.structure = structure
    self.path = path
    self.target = target
    self.families = families.isEmpty ? nil : families.reduce(0) { $0 | $1.bit }
  }

  /// Whether events of `family` need the field.
  package func isRead(by family: EventFamily) -> Bool {
    families.map { $0 & family.bit != 0 } ?? true
  }

  /// Every field, as the programs of BPF/Kit need them.
  public static let all: [KernelField] = [
    KernelField("task_struct", "pid", \.task_pid),
    KernelField("task_struct", "tgid", \.task_tgid),
    KernelField("task_struct", "flags", \.task_flags),
    KernelField("task_struct", "exit_code", \.task_exit_code),
    KernelField("task_struct", "start_time", \.task_start_time),
    KernelField("task_struct", "group_leader", \.task_group_leader),
    KernelField("task_struct", "real_parent", \.task_real_parent),
    KernelField("task_struct", "signal", \.task_signal),
    KernelField("task_struct", "comm", \.task_comm),
    KernelField("task_struct", "mm", \.task_mm),
    KernelField("task_struct", "cred", \.task_cred),
    KernelField("task_struct", "fs", \.task_fs),
    KernelField("signal_struct", "live", \.signal_live),
    KernelField("signal_struct", "flags", \.signal_flags),
    KernelField("signal_struct", "group_exit_code", \.signal_group_exit_code),
    KernelField("cred", "uid", \.cred_uid),
    KernelField("cred", "gid", \.cred_gid),
    KernelField("cred", "euid", \.cred_euid),
    KernelField("cred", "egid", \.cred_egid),
    KernelField("cred", "cap_permitted", \.cred_permitted),
    KernelField("cred", "cap_effective", \.cred_effective),
    KernelField("mm_struct", "arg_start", \.mm_arg_start),
    KernelField("mm_struct", "arg_end", \.mm_arg_end),
    KernelField("linux_binprm", "filename", \.bprm_filename),
    KernelField("linux_binprm", "file", \.bprm_file),
    KernelField("linux_binprm", "argc", \.bprm_argc),
    KernelField("file", "f_inode", \.file_inode),
    KernelField("inode", "i_ino", \.inode_ino),
    KernelField("inode", "i_sb", \.inode_sb),
    KernelField("super_block", "s_dev", \.sb_dev),
    KernelField("fs_struct", "root", \.fs_root),
    KernelField("fs_struct", "pwd", \.fs_pwd),
    KernelField("path", "mnt", \.path_mnt),
    KernelField("path", "dentry", \.path_dentry),
    KernelField("dentry", "d_parent", \.dentry_parent),
    KernelField("dentry", "d_name.name", \.dentry_name),
    KernelField("vfsmount", "mnt_root", \.vfsmount_root),
    KernelField("mount", "mnt", \.mount_mnt),
    KernelField("mount", "mnt_parent", \.mount_parent),
    KernelField("mount", "mnt_mountpoint", \.mount_mountpoint),
    KernelField("task_struct", "prio", \.task_prio, for: .scheduler),
    KernelField("task_struct", "thread_info.cpu", \.task_cpu, for: .scheduler),
    KernelField("task_struct", "cgroups", \.task_cgroups, for: .scheduler, .signal),
    KernelField("css_set", "dfl_cgrp", \.css_set_dfl_cgrp, for: .scheduler, .signal),
    KernelField("cgroup", "level", \.cgroup_level, for: .scheduler, .signal),
    KernelField("cgroup", "ancestors", \.cgroup_ancestors, for: .scheduler, .signal),
    KernelField("cgroup", "kn", \.cgroup_kn, for: .scheduler, .signal),
    KernelField("kernfs_node", "id", \.kernfs_node_id, for: .scheduler, .signal),
    KernelField("task_struct", "files", \.task_files, for: .file, .network),
    KernelField("files_struct", "fdt", \.files_fdt, for: .file, .network),
    KernelField("fdtable", "max_fds", \.fdtable_max_fds, for: .file, .network),
    KernelField("fdtable", "fd", \.fdtable_fd, for: .file, .network),
    KernelField("file", "f_path", \.file_path, for: .file),
    KernelField("file", "f_mode", \.file_mode, for: .file),
    KernelField("file", "private_data", \.file_private_data, for: .network),
    KernelField("inode", "i_mode", \.inode_mode, for: .network),
    KernelField("socket", "sk", \.socket_sk, for: .network),
    KernelField("socket", "file", \.socket_file, for: .network),
    KernelField("sock", "sk_socket", \.sock_socket, for: .network),
    KernelField("sock", "sk_protocol", \.sock_protocol, for: .network),
    KernelField("sock", "sk_type", \.sock_type, for: .network),
    KernelField("sock", "__sk_common.skc_family", \.sock_family, for: .network),
    KernelField("sock", "__sk_common.skc_rcv_saddr", \.sock_local4, for: .network),
    KernelField("sock", "__sk_common.skc_daddr", \.sock_remote4, for: .network),
    KernelField("sock", "__sk_common.skc_v6_rcv_saddr", \.sock_local6, for: .network),
    KernelField("sock", "__sk_common.skc_v6_daddr", \.sock_remote6, for: .network),
    KernelField("sock", "__sk_common.skc_dport", \.sock_remote_port, for: .network),
    KernelField("inet_sock", "inet_sport", \.inet_local_port, for: .network),
    KernelField("unix_sock", "addr", \.unix_address, for: .network),
    KernelField("unix_sock", "peer", \.unix_peer, for: .network),
    KernelField("unix_address", "len", \.unix_address_length, for: .network),
    KernelField("unix_address", "name", \.unix_address_name, for: .network),
  ]
}

/// Resolves ``KernelField/all`` from the running kernel's own types.
///
/// - Parameter families: a mask; fields that none of them reads are left at 0.
func kernelOffsets(
  _ types: borrowing KernelBTF, families: UInt32
) throws(BTFError) -> kit_offsets {
  var offsets = kit_offsets()
  for field in KernelField.all where field.families.map({ $0 & families != 0 }) ?? true {
    offsets[keyPath: field.target] = UInt32(
      try types.offset(of: field.path, in: field.structure).byteOffset)
  }
  return offsets
}
