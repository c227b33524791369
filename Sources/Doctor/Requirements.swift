import Capture
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
  /// The fields are the programs' own list. `bpf_ktime_get_coarse_ns` is not among the helpers: BTF
  /// tracepoints may not call it (seen on 6.18), coarse timestamps are made of `bpf_jiffies64`.
  public static let process = Requirements(
    tracepoints: ["task_newtask", "sched_process_exec", "sched_process_exit"],
    optionalTracepoints: [
      Optional("sched_prepare_exec", without: "credentials before an exec are not reported")
    ],
    helpers: [
      "map_lookup_elem", "ktime_get_ns", "jiffies64", "get_smp_processor_id",
      "get_current_task_btf", "get_current_cgroup_id", "current_task_under_cgroup",
      "probe_read_kernel", "probe_read_kernel_str", "probe_read_user", "task_storage_get",
      "ringbuf_output",
    ],
    fields: KernelField.all.map { Field($0.structure, $0.path) })
}
