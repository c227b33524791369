public import BPFLoader
import SequencerABI

/// What was seen of a machine; plain values, so that tests can make any machine up.
public struct SystemFacts: Sendable {
  /// The release, as `uname -r` prints it.
  public var release = ""
  /// Why the kernel's types can't be read; nil if they can.
  public var typesProblem: String?
  /// This process's capabilities; nil if they can't be seen.
  public var capabilities: CapabilitySet?
  /// How far the kernel is locked down.
  public var lockdown = Lockdown.unknown
  /// `kernel.unprivileged_bpf_disabled`.
  public var unprivilegedBPFDisabled: Int?
  /// `kernel.perf_event_paranoid`.
  public var perfEventParanoid: Int?
  /// `RLIMIT_MEMLOCK` in bytes; nil where there is no limit.
  public var memlockLimit: UInt64?
  /// What probing gave, by tracepoint.
  public var tracepoints: [String: Availability] = [:]
  /// What probing gave, by function that programs may stand on.
  public var functions: [String: Availability] = [:]
  /// Whether programs may be preempted.
  public var isPreemptible = false
  /// The functions that programs prevent it with and the kernel lacks; nil if that can't be seen, or matters not.
  public var missingFunctions: [String]?
  /// What probing gave, by helper.
  public var helpers: [String: Availability] = [:]
  /// What is wrong with fields that don't resolve.
  public var fieldProblems: [String] = []
  /// The same, by family, for the fields that only it reads.
  public var familyFieldProblems: [String: [String]] = [:]
  /// CPUs that the machine may ever have, by which the ring is sized; nil if they can't be seen.
  public var possibleCPUs: Int?
  /// Whether a mappable array of the ring's size could be created.
  public var ringMap = Availability.unknown("not tried")
  /// Whether maps of these types can be created.
  public var maps: [FeatureProbe.MapType: Availability] = [:]
  /// Memory that the machine can give without swapping, in bytes.
  public var memoryAvailable: UInt64?
  /// Where cgroup2 is mounted.
  public var cgroup2Mount: String?
  /// Where bpffs is mounted.
  public var bpffsMount: String?
  /// Whether this process is in the machine's own pid namespace; nil if that can't be seen.
  public var inInitialPIDNamespace: Bool?

  /// Creates facts of which nothing is known yet.
  public init() {}

  /// Bytes of the ring that a trace would make on this machine by itself.
  public var defaultRingByteCount: UInt64 {
    let cpus = UInt64(max(possibleCPUs ?? 1, 1))
    return RingGeometry(
      uncheckedCapacity: Requirements.defaultCapacity(possibleCPUs: cpus),
      reserve: RingGeometry.reserve(possibleCPUs: cpus)
    ).byteCount
  }
}
