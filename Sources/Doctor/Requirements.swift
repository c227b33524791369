import SequencerABI

/// What a trace needs of the kernel; ``Diagnosis`` compares a machine with it.
public struct Requirements: Hashable, Sendable {
  /// A field of a kernel structure.
  public struct Field: Hashable, Sendable {
    /// The structure's name, without the keyword.
    public let structure: String
    /// Member names joined by dots.
    public let path: String

    /// Creates a field's name.
    public init(_ structure: String, _ path: String) {
      self.structure = structure
      self.path = path
    }
  }

  /// Something that a trace can do without.
  public struct Optional: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// What is lost without it, to be said after "without it".
    public let without: String

    /// Creates an optional thing.
    public init(_ name: String, without: String) {
      self.name = name
      self.without = without
    }
  }

  /// Tracepoints without which no trace runs.
  public var tracepoints: [String]
  /// Tracepoints that are used where the kernel has them.
  public var optionalTracepoints: [Optional]
  /// Helpers that programs call, without `bpf_`.
  public var helpers: [String]
  /// Fields that programs read.
  public var fields: [Field]

  /// Creates requirements.
  public init(
    tracepoints: [String], optionalTracepoints: [Optional], helpers: [String], fields: [Field]
  ) {
    self.tracepoints = tracepoints
    self.optionalTracepoints = optionalTracepoints
    self.helpers = helpers
    self.fields = fields
  }

  /// Slots of the ring that a trace makes if it isn't told a size: 16 MiB, or on machines with many
  /// CPUs the smallest ring that works there.
  public static func defaultCapacity(possibleCPUs: UInt64) -> UInt64 {
    max(
      (16 << 20) >> UInt64(Slot.sizeShift),
      RingGeometry.minimumCapacity(possibleCPUs: possibleCPUs))
  }

  /// What tracing processes needs.
  ///
  /// `bpf_ktime_get_coarse_ns` is not among the helpers: since 5.16 no kernel gives it to tracing
  /// programs.
  public static let process = Requirements(
    tracepoints: ["task_newtask", "sched_process_exec", "sched_process_exit"],
    optionalTracepoints: [
      Optional("sched_prepare_exec", without: "credentials before an exec are not reported")
    ],
    helpers: [
      "ktime_get_ns", "get_current_task_btf", "get_current_cgroup_id", "get_smp_processor_id",
      "probe_read_kernel", "probe_read_user", "probe_read_kernel_str", "task_storage_get",
      "map_lookup_elem", "ringbuf_output", "current_task_under_cgroup",
    ],
    // Those of Capture/KernelOffsets.swift.
    fields: [
      Field("task_struct", "pid"), Field("task_struct", "tgid"), Field("task_struct", "flags"),
      Field("task_struct", "exit_code"), Field("task_struct", "start_time"),
      Field("task_struct", "group_leader"), Field("task_struct", "real_parent"),
      Field("task_struct", "signal"), Field("task_struct", "comm"), Field("task_struct", "mm"),
      Field("task_struct", "cred"), Field("task_struct", "fs"), Field("signal_struct", "live"),
      Field("signal_struct", "flags"), Field("signal_struct", "group_exit_code"),
      Field("cred", "uid"), Field("cred", "gid"), Field("cred", "euid"), Field("cred", "egid"),
      Field("cred", "cap_permitted"), Field("cred", "cap_effective"),
      Field("mm_struct", "arg_start"), Field("mm_struct", "arg_end"),
      Field("linux_binprm", "filename"), Field("linux_binprm", "file"),
      Field("linux_binprm", "argc"), Field("file", "f_inode"), Field("inode", "i_ino"),
      Field("inode", "i_sb"), Field("super_block", "s_dev"), Field("fs_struct", "root"),
      Field("fs_struct", "pwd"), Field("path", "mnt"), Field("path", "dentry"),
      Field("dentry", "d_parent"), Field("dentry", "d_name.name"), Field("vfsmount", "mnt_root"),
      Field("mount", "mnt"), Field("mount", "mnt_parent"), Field("mount", "mnt_mountpoint"),
    ])
}
