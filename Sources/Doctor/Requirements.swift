import Capture
import KernelEvents
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

  /// What a family other than processes needs beyond what every trace does.
  public struct Family: Hashable, Sendable {
    /// Its name, as `--events` takes it.
    public let name: String
    /// Tracepoints without which it can't be had.
    public let tracepoints: [String]
    /// Tracepoints that it uses where the kernel has them.
    public let optionalTracepoints: [Optional]
    /// Functions of the kernel that programs stand on (fentry) where the kernel lets them.
    public let functions: [String]
    /// What those programs give; empty where there are none.
    public let gain: String
    /// Fields without which it can't be had.
    public let fields: [Field]
    /// What no kernel gives it here; empty where nothing is to be said.
    public let limit: String

    /// Creates a family's requirements; the parameters are the properties.
    public init(
      name: String, tracepoints: [String], optionalTracepoints: [Optional] = [],
      functions: [String] = [], gain: String = "", fields: [Field], limit: String = ""
    ) {
      self.name = name
      self.tracepoints = tracepoints
      self.optionalTracepoints = optionalTracepoints
      self.functions = functions
      self.gain = gain
      self.fields = fields
      self.limit = limit
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
  /// The families that are chosen by `--events`; one that can't be had keeps no other from running.
  public var families: [Family]

  /// Creates requirements.
  public init(
    tracepoints: [String], optionalTracepoints: [Optional], helpers: [String], fields: [Field],
    families: [Family] = []
  ) {
    self.tracepoints = tracepoints
    self.optionalTracepoints = optionalTracepoints
    self.helpers = helpers
    self.fields = fields
    self.families = families
  }

  /// Slots of the ring that a trace makes if it isn't told a size: 16 MiB, or on machines with many
  /// CPUs the smallest ring that works there.
  public static func defaultCapacity(possibleCPUs: UInt64) -> UInt64 {
    max(
      (16 << 20) >> UInt64(Slot.sizeShift),
      RingGeometry.minimumCapacity(possibleCPUs: possibleCPUs))
  }

  /// What tracing needs: of every trace, and of each family.
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
      "probe_read_kernel", "probe_read_kernel_str", "probe_read_user", "probe_read_user_str",
      "task_storage_get", "task_pt_regs", "ringbuf_output",
    ],
    fields: KernelField.all.filter { $0.isRead(by: .process) }.map { Field($0.structure, $0.path) },
    families: EventFamily.available.filter { $0 != .process }.map(family))

  private static func family(_ family: EventFamily) -> Family {
    let fields = KernelField.all.filter {
      $0.isRead(by: family) && !$0.isRead(by: .process) && !$0.isOptional
    }
    return Family(
      name: family.name.description, tracepoints: family.tracepoints,
      optionalTracepoints: family.optionalTracepoints.map {
        Optional($0, without: "it is not told")
      },
      functions: family.functions, gain: gain(of: family),
      fields: fields.map { Field($0.structure, $0.path) }, limit: limit(of: family))
  }

  /// The types of functions' arguments that programs on them rely on.
  static var functionArguments: [String?] { ProgramSpec.arguments }

  /// What a family has of programs on functions.
  private static func gain(of family: EventFamily) -> String {
    family == .file ? "inodes of paths that are removed, renamed or changed" : ""
  }

  /// What a family can't tell on any kernel, for want of a tracepoint.
  private static func limit(of family: EventFamily) -> String {
    switch family {
    case .file: "nothing of io_uring's operations"
    case .network: "no states of UNIX and UDP sockets; nothing of io_uring's operations"
    case .credentials, .namespace: "told when the call that changed them returns"
    case .futex: "read off the calls: the kernel's futexes have no tracepoint"
    case .lock: "waits only: a lock that is free is taken without a word"
    default: ""
    }
  }
}
