import BPFLoader
import SequencerABI

/// What a machine's facts mean for a trace: a list of checks, and whether it would run.
public struct Diagnosis: Hashable, Sendable {
  /// The checks, in the order to read them.
  public let checks: [Check]
  /// Whether a trace would run: nothing it needs is missing.
  public var usable: Bool { !checks.contains { $0.status == .missing } }

  /// Compares a machine with what a trace needs.
  public init(of facts: SystemFacts, against requirements: Requirements) {
    var checks = [
      Diagnosis.kernel(facts), Diagnosis.types(facts), Diagnosis.bpf(facts),
      Diagnosis.perfmon(facts), Diagnosis.lockdown(facts), Diagnosis.memlock(facts),
    ]
    checks += Diagnosis.tracepoints(facts, requirements)
    checks += Diagnosis.helpers(facts, requirements)
    checks.append(Diagnosis.preemption(facts))
    checks.append(Diagnosis.fields(facts, requirements))
    checks += requirements.families.map { Diagnosis.family($0, facts) }
    checks += Diagnosis.maps(facts)
    checks.append(Diagnosis.ring(facts))
    checks += [
      Diagnosis.cgroup2(facts), Diagnosis.bpffs(facts), Diagnosis.pidNamespace(facts),
    ]
    self.checks = checks
  }

  private static let asRoot = "run as root, or give the program CAP_BPF and CAP_PERFMON"

  private static let outside =
    "run outside of user namespaces and of a container's seccomp filter on bpf()"

  private static func kernel(_ facts: SystemFacts) -> Check {
    guard let version = KernelVersion(release: facts.release) else {
      return Check("kernel", .unknown, "can't read a version from '\(facts.release)'")
    }
    if version < .floor {
      return Check(
        "kernel", .missing, "\(facts.release) is older than \(KernelVersion.floor)",
        remedy: "boot a kernel \(KernelVersion.floor) or newer")
    }
    return Check("kernel", .ok, facts.release)
  }

  private static func types(_ facts: SystemFacts) -> Check {
    if let problem = facts.typesProblem {
      return Check(
        "btf", .missing, problem,
        remedy: "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels have it")
    }
    return Check("btf", .ok, KernelBTF.path)
  }

  private static func bpf(_ facts: SystemFacts) -> Check {
    guard let set = facts.capabilities else {
      return Check("cap_bpf", .unknown, "can't read /proc/self/status", remedy: "mount /proc")
    }
    if set.mayUseBPF {
      // A user namespace's root has every capability, and the kernel refuses all the same.
      if case .unknown(let reason) = facts.ringMap {
        return Check("cap_bpf", .missing, "held, and refused: \(reason)", remedy: outside)
      }
      return Check("cap_bpf", .ok, "may create maps and load programs")
    }
    let note = facts.unprivilegedBPFDisabled.map { " (kernel.unprivileged_bpf_disabled=\($0))" }
    return Check(
      "cap_bpf", .missing, "may not create maps or load programs\(note ?? "")", remedy: asRoot)
  }

  private static func perfmon(_ facts: SystemFacts) -> Check {
    guard let set = facts.capabilities else {
      return Check("cap_perfmon", .unknown, "can't read /proc/self/status", remedy: "mount /proc")
    }
    if set.mayTrace {
      if set.mayUseBPF, facts.typesProblem == nil,
        let reason = facts.tracepoints.values.lazy.compactMap(\.unknownReason).first
      {
        return Check("cap_perfmon", .missing, "held, and refused: \(reason)", remedy: outside)
      }
      return Check("cap_perfmon", .ok, "may attach to tracepoints")
    }
    let note = facts.perfEventParanoid.map { " (kernel.perf_event_paranoid=\($0))" }
    return Check(
      "cap_perfmon", .missing, "may not attach to tracepoints\(note ?? "")", remedy: asRoot)
  }

  private static func lockdown(_ facts: SystemFacts) -> Check {
    switch facts.lockdown {
    case .none: Check("lockdown", .ok, "none")
    case .integrity: Check("lockdown", .ok, "integrity, which leaves tracing alone")
    case .confidentiality:
      Check(
        "lockdown", .missing, "confidentiality: programs may not read kernel memory",
        remedy: "boot with lockdown=integrity or without lockdown")
    case .unknown:
      Check(
        "lockdown", .unknown, "/sys/kernel/security/lockdown is not there",
        remedy: "to see it: mount -t securityfs securityfs /sys/kernel/security")
    }
  }

  private static func memlock(_ facts: SystemFacts) -> Check {
    if let version = KernelVersion(release: facts.release),
      !(version < .memoryCgroupAccounting)
    {
      return Check("memlock", .ok, "this kernel accounts maps to the memory cgroup, not to a limit")
    }
    let needed = facts.defaultRingByteCount
    guard let limit = facts.memlockLimit, limit < needed else {
      return Check("memlock", .ok, "the limit is large enough")
    }
    if facts.capabilities?.contains(.sysResource) == true {
      return Check("memlock", .ok, "\(size(limit)); may be raised with CAP_SYS_RESOURCE")
    }
    return Check(
      "memlock", .missing, "\(size(limit)) of locked memory, the ring takes \(size(needed))",
      remedy: "ulimit -l unlimited, as root")
  }

  private static func tracepoints(
    _ facts: SystemFacts, _ requirements: Requirements
  ) -> [Check] {
    let needed = requirements.tracepoints.map {
      check("tracepoint \($0)", facts.tracepoints[$0], otherwise: .missing, facts)
    }
    let wanted = requirements.optionalTracepoints.map { point in
      let plain = check(
        "tracepoint \(point.name)", facts.tracepoints[point.name],
        otherwise: .warning, facts)
      guard plain.status == .warning else { return plain }
      return Check(
        plain.name, .warning, "\(plain.detail); without it \(point.without)",
        remedy: "a newer kernel has it")
    }
    return needed + wanted
  }

  private static func helpers(_ facts: SystemFacts, _ requirements: Requirements) -> [Check] {
    requirements.helpers.map {
      check("helper \($0)", facts.helpers[$0], otherwise: .missing, facts)
    }
  }

  /// Whether another task can get in the midst of a program.
  private static func preemption(_ facts: SystemFacts) -> Check {
    if !facts.isPreemptible {
      return Check("preemption", .ok, "this kernel lets a program end before another task runs")
    }
    guard let missing = facts.missingFunctions else {
      return Check("preemption", .unknown, "can't be seen without the kernel's types")
    }
    if missing.isEmpty {
      return Check(
        "preemption", .ok,
        "programs keep other tasks off their CPU; what the kernel skips yet is told as missed")
    }
    return Check(
      "preemption", .missing,
      "other tasks may run in the midst of programs; no \(missing.joined(separator: ", "))",
      remedy: "boot a distribution's kernel")
  }

  private static func maps(_ facts: SystemFacts) -> [Check] {
    facts.maps.sorted { $0.key.rawValue < $1.key.rawValue }.map {
      check("map \($0.key.rawValue)", $0.value, otherwise: .missing, facts)
    }
  }

  private static func check(
    _ name: String, _ answer: Availability?, otherwise: Check.Status, _ facts: SystemFacts
  ) -> Check {
    switch answer {
    case .available: Check(name, .ok, "tried")
    case .missing(let reason):
      Check(name, otherwise, reason, remedy: "boot a distribution's kernel, 6.1 or newer")
    case .unknown(let reason): Check(name, .unknown, reason, remedy: "to see it: \(asRoot)")
    case nil: Check(name, .unknown, "can't be tried without the kernel's types")
    }
  }

  private static func fields(_ facts: SystemFacts, _ requirements: Requirements) -> Check {
    if facts.typesProblem != nil {
      return Check("fields", .unknown, "can't be resolved without the kernel's types")
    }
    if facts.fieldProblems.isEmpty {
      return Check("fields", .ok, "all \(requirements.fields.count) resolve")
    }
    return Check(
      "fields", .missing, facts.fieldProblems.joined(separator: "; "),
      remedy: "a newer ordinal may know this kernel; report its release and these names")
  }

  /// A family: what it stands on, and what this kernel can't give. A missing one is a warning: a trace of
  /// others runs, and one that asks for it is refused.
  private static func family(_ family: Requirements.Family, _ facts: SystemFacts) -> Check {
    let name = "family \(family.name)"
    if facts.typesProblem != nil {
      return Check(name, .unknown, "can't be tried without the kernel's types")
    }
    var missing: [String] = []
    var unknown: String?
    for point in family.tracepoints {
      switch facts.tracepoints[point] {
      case .available: break
      case .missing(let reason): missing.append("no tracepoint \(point) (\(reason))")
      case .unknown(let reason): unknown = unknown ?? reason
      case nil: unknown = unknown ?? "not tried"
      }
    }
    missing += facts.familyFieldProblems[family.name] ?? []
    if !missing.isEmpty {
      return Check(
        name, .warning, "\(missing.joined(separator: "; ")): --events \(family.name) is refused",
        remedy: "leave the family out, or boot a kernel that has it")
    }
    if let unknown { return Check(name, .unknown, unknown, remedy: "to see it: \(asRoot)") }
    var detail = family.tracepoints.joined(separator: ", ")
    let absent = family.optionalTracepoints.filter { point in
      if case .available = facts.tracepoints[point.name] { return false }
      return true
    }
    for point in absent { detail += "; no \(point.name): \(point.without)" }
    if !family.functions.isEmpty { detail += "; \(functions(of: family, facts))" }
    if !family.limit.isEmpty { detail += "; \(family.limit)" }
    return Check(name, .ok, detail)
  }

  /// What a family has of programs on functions, or why it has not. No fault: its events are told without.
  private static func functions(of family: Requirements.Family, _ facts: SystemFacts) -> String {
    var present: [String] = []
    var reason = ""
    for function in family.functions {
      switch facts.functions[function] {
      case .available: present.append(function)
      case .missing(let text), .unknown(let text): if reason.isEmpty { reason = text }
      case nil: if reason.isEmpty { reason = "not tried" }
      }
    }
    var text = present.isEmpty ? "no " : ""
    text += "\(family.gain): "
    if !present.isEmpty { text += "fentry on \(present.joined(separator: ", "))" }
    if reason.isEmpty { return text }
    text += present.isEmpty ? reason : ", not all: \(reason)"
    switch facts.lockdown {
    case .integrity, .confidentiality:
      text += "; this kernel is locked down (\(facts.lockdown.rawValue))"
    case .none, .unknown: break
    }
    return text
  }

  private static func ring(_ facts: SystemFacts) -> Check {
    let needed = facts.defaultRingByteCount
    var detail = size(needed)
    if let cpus = facts.possibleCPUs {
      let slots = RingGeometry.minimumCapacity(possibleCPUs: UInt64(max(cpus, 1)))
      detail += " by default; the smallest for \(cpus) possible CPUs is "
      detail += size(slots << UInt64(Slot.sizeShift))
    }
    if let available = facts.memoryAvailable {
      detail += "; \(size(available)) available"
      if available < needed {
        return Check("ring", .missing, detail, remedy: "free memory, or use --ring-size")
      }
    }
    switch facts.ringMap {
    case .missing(let reason):
      return Check(
        "ring", .missing, "\(detail); \(reason)", remedy: "free memory, or use --ring-size")
    case .unknown(let reason):
      return Check("ring", .unknown, "\(detail); \(reason)", remedy: "to see it: \(asRoot)")
    case .available: break
    }
    if let available = facts.memoryAvailable, available / 4 < needed {
      return Check(
        "ring", .warning, "\(detail), of which the ring takes more than a quarter",
        remedy: "free memory, or use --ring-size")
    }
    return Check("ring", .ok, detail)
  }

  private static func cgroup2(_ facts: SystemFacts) -> Check {
    if let mount = facts.cgroup2Mount { return Check("cgroup2", .ok, mount) }
    return Check(
      "cgroup2", .warning, "not mounted: --cgroup and cgroup paths won't work",
      remedy: "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
  }

  private static func bpffs(_ facts: SystemFacts) -> Check {
    if let mount = facts.bpffsMount { return Check("bpffs", .ok, mount) }
    return Check(
      "bpffs", .warning, "not mounted: --pin won't work",
      remedy: "mount -t bpf bpf /sys/fs/bpf")
  }

  private static func pidNamespace(_ facts: SystemFacts) -> Check {
    switch facts.inInitialPIDNamespace {
    case true: Check("pid_namespace", .ok, "the machine's own")
    case false:
      Check(
        "pid_namespace", .warning, "a container's: events have the machine's pids, not those here",
        remedy: "start the container in the machine's pid namespace")
    case nil: Check("pid_namespace", .unknown, "can't read /proc/self/ns/pid")
    }
  }

  /// A size in the largest binary unit of which it has at least one, e.g. `16.0 MiB`.
  static func size(_ bytes: UInt64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"]
    var (unit, scale) = (0, UInt64(1024))
    guard bytes >= scale else { return "\(bytes) bytes" }
    while unit + 1 < units.count, bytes / scale >= 1024 {
      unit += 1
      scale <<= 10
    }
    return "\(bytes / scale).\(bytes % scale * 10 / scale) \(units[unit])"
  }
}

extension Availability {
  fileprivate var unknownReason: String? {
    if case .unknown(let reason) = self { reason } else { nil }
  }
}
