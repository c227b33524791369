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
  /// Programs do without it where the kernel has no such structure or field.
  package let isOptional: Bool
  // A key path to a stored property of a C structure: immutable, so safe to share.
  let target: WritableKeyPath<kit_offsets, UInt32>

  private init(
    _ structure: String, _ path: String, _ target: WritableKeyPath<kit_offsets, UInt32>,
    for families: EventFamily..., isOptional: Bool = false
  ) {
    self.structure = structure
    self.path = path
    self.target = target
    self.isOptional = isOptional
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
    KernelField("task_struct", "files", \.task_files, for: .file, .network, .bpf),
    KernelField("files_struct", "fdt", \.files_fdt, for: .file, .network, .bpf),
    KernelField("fdtable", "max_fds", \.fdtable_max_fds, for: .file, .network, .bpf),
    KernelField("fdtable", "fd", \.fdtable_fd, for: .file, .network, .bpf),
    KernelField("file", "f_path", \.file_path, for: .file),
    KernelField("file", "f_mode", \.file_mode, for: .file),
    KernelField("file", "private_data", \.file_private_data, for: .network, .bpf),
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
    KernelField("cred", "suid", \.cred_suid, for: .credentials),
    KernelField("cred", "sgid", \.cred_sgid, for: .credentials),
    KernelField("cred", "fsuid", \.cred_fsuid, for: .credentials),
    KernelField("cred", "fsgid", \.cred_fsgid, for: .credentials),
    KernelField("cred", "securebits", \.cred_securebits, for: .credentials),
    KernelField("cred", "cap_inheritable", \.cred_inheritable, for: .credentials),
    KernelField("cred", "cap_bset", \.cred_bset, for: .credentials),
    KernelField("cred", "cap_ambient", \.cred_ambient, for: .credentials),
    KernelField("cred", "group_info", \.cred_group_info, for: .credentials),
    KernelField("group_info", "ngroups", \.group_info_ngroups, for: .credentials),
    KernelField("cred", "user_ns", \.cred_user_ns, for: .credentials, .namespace),
    KernelField("user_namespace", "ns.inum", \.user_ns_inum, for: .credentials, .namespace),
    KernelField("task_struct", "nsproxy", \.task_nsproxy, for: .namespace),
    KernelField("nsproxy", "uts_ns", \.nsproxy_uts_ns, for: .namespace),
    KernelField("nsproxy", "ipc_ns", \.nsproxy_ipc_ns, for: .namespace),
    KernelField("nsproxy", "mnt_ns", \.nsproxy_mnt_ns, for: .namespace),
    KernelField("nsproxy", "pid_ns_for_children", \.nsproxy_pid_ns_for_children, for: .namespace),
    KernelField("nsproxy", "net_ns", \.nsproxy_net_ns, for: .namespace),
    KernelField("nsproxy", "cgroup_ns", \.nsproxy_cgroup_ns, for: .namespace),
    KernelField("nsproxy", "time_ns", \.nsproxy_time_ns, for: .namespace, isOptional: true),
    KernelField(
      "nsproxy", "time_ns_for_children", \.nsproxy_time_ns_for_children, for: .namespace,
      isOptional: true),
    KernelField("uts_namespace", "ns.inum", \.uts_ns_inum, for: .namespace),
    KernelField("ipc_namespace", "ns.inum", \.ipc_ns_inum, for: .namespace),
    KernelField("mnt_namespace", "ns.inum", \.mnt_ns_inum, for: .namespace),
    KernelField("pid_namespace", "ns.inum", \.pid_ns_inum, for: .namespace),
    KernelField("net", "ns.inum", \.net_ns_inum, for: .namespace),
    KernelField("cgroup_namespace", "ns.inum", \.cgroup_ns_inum, for: .namespace),
    KernelField("time_namespace", "ns.inum", \.time_ns_inum, for: .namespace, isOptional: true),
    KernelField("task_struct", "thread_pid", \.task_thread_pid, for: .namespace, .ptrace),
    KernelField("pid", "level", \.pid_level, for: .namespace, .ptrace),
    KernelField("pid", "numbers", \.pid_numbers, for: .namespace, .ptrace),
    KernelField("upid", "nr", \.upid_nr, for: .ptrace),
    KernelField("upid", "ns", \.upid_ns, for: .namespace, .ptrace),
    KernelField("task_struct", "ptraced", \.task_ptraced, for: .ptrace),
    KernelField("task_struct", "ptrace_entry", \.task_ptrace_entry, for: .ptrace),
    KernelField("bpf_prog", "type", \.prog_type, for: .bpf),
    KernelField("bpf_prog", "len", \.prog_len, for: .bpf),
    KernelField("bpf_prog", "aux", \.prog_aux, for: .bpf),
    KernelField("bpf_prog_aux", "id", \.prog_aux_id, for: .bpf),
    KernelField("bpf_prog_aux", "name", \.prog_aux_name, for: .bpf),
    KernelField("bpf_map", "map_type", \.bpf_map_type, for: .bpf),
    KernelField("bpf_map", "key_size", \.bpf_map_key_size, for: .bpf),
    KernelField("bpf_map", "value_size", \.bpf_map_value_size, for: .bpf),
    KernelField("bpf_map", "max_entries", \.bpf_map_max_entries, for: .bpf),
    KernelField("bpf_map", "id", \.bpf_map_id, for: .bpf),
    KernelField("bpf_map", "name", \.bpf_map_name, for: .bpf),
    KernelField("dentry", "d_inode", \.dentry_inode, for: .file, isOptional: true),
    KernelField("super_block", "s_stack_depth", \.sb_stack_depth, for: .file, isOptional: true),
    KernelField("module", "name", \.module_name, for: .module, isOptional: true),
    KernelField("module", "taints", \.module_taints, for: .module, isOptional: true),
  ]

  /// What an optional field's offset is where the kernel has no such field: no structure is that long, and
  /// programs ask before they read.
  package static let absent = UInt32.max
}

/// Resolves ``KernelField/all`` from the running kernel's own types.
///
/// - Parameters:
///   - types: the kernel's types.
///   - families: a mask; fields that none of them reads are left at 0.
/// - Returns: the offsets; ``KernelField/absent`` for an optional field that the kernel lacks.
/// - Throws: for any other field that it lacks.
func kernelOffsets(
  _ types: borrowing KernelBTF, families: UInt32
) throws(BTFError) -> kit_offsets {
  var offsets = kit_offsets()
  for field in KernelField.all where field.families.map({ $0 & families != 0 }) ?? true {
    do throws(BTFError) {
      offsets[keyPath: field.target] = UInt32(
        try types.offset(of: field.path, in: field.structure).byteOffset)
    } catch {
      guard field.isOptional else { throw error }
      offsets[keyPath: field.target] = KernelField.absent
    }
  }
  return offsets
}
