import BPFLoader
import Foundation
import SequencerABI
import Testing

@testable import Doctor

/// A machine on which everything is as it should be.
private func soundMachine() -> SystemFacts {
  var facts = SystemFacts()
  let needs = Requirements.process
  facts.release = "6.12.9-amd64"
  facts.capabilities = [.bpf, .perfmon]
  facts.lockdown = .integrity
  for name in needs.tracepoints { facts.tracepoints[name] = .available }
  for point in needs.optionalTracepoints { facts.tracepoints[point.name] = .available }
  for family in needs.families {
    for name in family.tracepoints + family.optionalTracepoints.map(\.name) {
      facts.tracepoints[name] = .available
    }
    for name in family.functions { facts.functions[name] = .available }
  }
  for name in needs.helpers { facts.helpers[name] = .available }
  facts.isPreemptible = true
  facts.missingFunctions = []
  facts.possibleCPUs = 8
  facts.ringMap = .available
  facts.maps = [.ringBuf: .available, .taskStorage: .available]
  facts.memoryAvailable = 4 << 30
  facts.cgroup2Mount = "/sys/fs/cgroup"
  facts.bpffsMount = "/sys/fs/bpf"
  facts.inInitialPIDNamespace = true
  return facts
}

private func diagnose(_ change: (inout SystemFacts) -> Void) -> Diagnosis {
  var facts = soundMachine()
  change(&facts)
  return Diagnosis(of: facts, against: .process)
}

extension Diagnosis {
  fileprivate func status(_ name: String) -> Check.Status? {
    checks.first { $0.name == name }?.status
  }
}

/// A change to a sound machine, the check that must see it, and what it must say.
struct Fault: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let check: String
  let status: Check.Status
  let change: @Sendable (inout SystemFacts) -> Void
}

private let faults: [Fault] = [
  Fault(testDescription: "old kernel", check: "kernel", status: .missing) {
    $0.release = "5.10.0-28-amd64"
  },
  Fault(testDescription: "strange release", check: "kernel", status: .unknown) {
    $0.release = "custom"
  },
  Fault(testDescription: "no BTF", check: "btf", status: .missing) {
    $0.typesProblem = "can't read"
  },
  Fault(testDescription: "no CAP_BPF", check: "cap_bpf", status: .missing) {
    $0.capabilities = [.perfmon]
  },
  Fault(testDescription: "no CAP_PERFMON", check: "cap_perfmon", status: .missing) {
    $0.capabilities = [.bpf]
  },
  Fault(testDescription: "maps refused", check: "cap_bpf", status: .missing) {
    $0.ringMap = .unknown("no permission")
  },
  Fault(testDescription: "programs refused", check: "cap_perfmon", status: .missing) {
    $0.tracepoints["task_newtask"] = .unknown("no permission")
  },
  Fault(testDescription: "no /proc", check: "cap_bpf", status: .unknown) {
    $0.capabilities = nil
  },
  Fault(testDescription: "confidentiality", check: "lockdown", status: .missing) {
    $0.lockdown = .confidentiality
  },
  Fault(testDescription: "no securityfs", check: "lockdown", status: .unknown) {
    $0.lockdown = .unknown
  },
  Fault(testDescription: "memlock", check: "memlock", status: .missing) {
    $0.release = "5.10.0"
    $0.memlockLimit = 8 << 20
  },
  Fault(testDescription: "no tracepoint", check: "tracepoint task_newtask", status: .missing) {
    $0.tracepoints["task_newtask"] = .missing("none")
  },
  Fault(
    testDescription: "no optional tracepoint", check: "tracepoint sched_prepare_exec",
    status: .warning
  ) { $0.tracepoints["sched_prepare_exec"] = .missing("none") },
  Fault(testDescription: "no helper", check: "helper ringbuf_output", status: .missing) {
    $0.helpers["ringbuf_output"] = .missing("none")
  },
  Fault(testDescription: "unseen helper", check: "helper ringbuf_output", status: .unknown) {
    $0.helpers["ringbuf_output"] = .unknown("no permission")
  },
  Fault(testDescription: "preemptible", check: "preemption", status: .missing) {
    $0.missingFunctions = ["bpf_preempt_disable"]
  },
  Fault(testDescription: "unseen preemption", check: "preemption", status: .unknown) {
    $0.missingFunctions = nil
  },
  Fault(testDescription: "field", check: "fields", status: .missing) {
    $0.fieldProblems = ["can't find 'x'"]
  },
  Fault(testDescription: "no map", check: "map task_storage", status: .missing) {
    $0.maps[.taskStorage] = .missing("none")
  },
  Fault(testDescription: "no memory", check: "ring", status: .missing) {
    $0.memoryAvailable = 10 << 20
  },
  Fault(testDescription: "little memory", check: "ring", status: .warning) {
    $0.memoryAvailable = 40 << 20
  },
  Fault(testDescription: "no ring map", check: "ring", status: .missing) {
    $0.ringMap = .missing("Cannot allocate memory")
  },
  Fault(testDescription: "no cgroup2", check: "cgroup2", status: .warning) {
    $0.cgroup2Mount = nil
  },
  Fault(testDescription: "no bpffs", check: "bpffs", status: .warning) { $0.bpffsMount = nil },
  Fault(testDescription: "container", check: "pid_namespace", status: .warning) {
    $0.inInitialPIDNamespace = false
  },
]

@Suite("Doctor's diagnosis")
struct DiagnosisTests {
  @Test("what prevents preemption matters only where it is possible")
  func preemption() {
    #expect(diagnose { _ in }.status("preemption") == .ok)
    let old = diagnose {
      $0.isPreemptible = false
      $0.missingFunctions = nil
    }
    #expect(old.status("preemption") == .ok)
  }

  @Test("a family that can't be had is a warning: others run, and it is refused by name")
  func families() throws {
    let diagnosis = diagnose {
      $0.tracepoints["signal_deliver"] = .missing("not in the kernel's types")
      $0.tracepoints["module_load"] = .missing("not in the kernel's types")
      $0.familyFieldProblems["sched"] = ["task_struct has no prio"]
    }
    #expect(diagnosis.usable)
    let signal = try #require(diagnosis.checks.first { $0.name == "family signal" })
    #expect(signal.status == .warning)
    #expect(signal.detail.contains("no tracepoint signal_deliver"))
    #expect(signal.detail.contains("--events signal is refused"))
    #expect(diagnosis.status("family sched") == .warning)
    // What a family does without.
    let module = try #require(diagnosis.checks.first { $0.name == "family module" })
    #expect(module.status == .ok && module.detail.contains("no module_load: it is not told"))
    #expect(diagnosis.status("family syscall") == .ok)
    let blind = diagnose { $0.tracepoints["signal_deliver"] = .unknown("no privilege") }
    #expect(blind.status("family signal") == .unknown)
  }

  @Test("what needs programs on functions is told with the reason, and is no fault")
  func functions() throws {
    let file = try #require(diagnose { _ in }.checks.first { $0.name == "family file" })
    #expect(file.detail.contains("changed: fentry on security_inode_unlink, security_inode_rmdir"))
    let locked = diagnose {
      for name in $0.functions.keys { $0.functions[name] = .missing("fentry is refused: EPERM") }
    }
    let refused = try #require(locked.checks.first { $0.name == "family file" })
    #expect(refused.status == .ok)
    #expect(
      refused.detail.contains(
        "no inodes of paths that are removed, renamed or changed: fentry is refused: EPERM; "
          + "this kernel is locked down (integrity)"))
    let bare = diagnose {
      $0.lockdown = .none
      $0.functions["security_inode_unlink"] = .missing("the kernel has no such function")
    }
    let other = try #require(bare.checks.first { $0.name == "family file" })
    #expect(
      other.detail.contains(
        "security_inode_setattr, not all: the kernel has no such function; nothing of io_uring"))
  }

  @Test func soundMachineIsUsable() {
    let diagnosis = diagnose { _ in }
    #expect(diagnosis.usable)
    #expect(diagnosis.checks.allSatisfy { $0.status == .ok })
    #expect(Set(diagnosis.checks.map(\.name)).count == diagnosis.checks.count)
  }

  @Test(arguments: faults)
  func fault(_ fault: Fault) throws {
    let diagnosis = diagnose(fault.change)
    #expect(diagnosis.status(fault.check) == fault.status)
    #expect(diagnosis.usable == !diagnosis.checks.contains { $0.status == .missing })
    if fault.status == .missing {
      #expect(!diagnosis.usable)
      let check = try #require(diagnosis.checks.first { $0.name == fault.check })
      #expect(check.remedy?.isEmpty == false)
    }
  }

  @Test func nothingKnown() {
    let diagnosis = Diagnosis(of: SystemFacts(), against: .process)
    #expect(diagnosis.status("kernel") == .unknown)
    #expect(diagnosis.status("helper ringbuf_output") == .unknown)
    #expect(diagnosis.status("ring") == .unknown)
  }

  @Test func memlockWithTheRightToRaiseIt() {
    let diagnosis = diagnose {
      $0.release = "5.10.0"
      $0.memlockLimit = 8 << 20
      $0.capabilities?.insert(.sysResource)
    }
    #expect(diagnosis.status("memlock") == .ok)
  }

  /// 85 CPUs are the most for which a ring of 16 MiB holds four reserves.
  @Test(
    arguments: [(1, 131_072), (85, 131_072), (86, 262_144), (512, 1_048_576)] as [(UInt64, UInt64)])
  func defaultRing(cpus: UInt64, slots: UInt64) {
    #expect(Requirements.defaultCapacity(possibleCPUs: cpus) == slots)
    #expect(RingGeometry(capacity: slots, possibleCPUs: cpus) != nil)
  }

  @Test(
    arguments: [
      (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (16 << 20, "16.0 MiB"),
      (1_610_612_736, "1.5 GiB"), (5 << 50, "5120.0 TiB"),
    ] as [(UInt64, String)])
  func sizes(bytes: UInt64, text: String) {
    #expect(Diagnosis.size(bytes) == text)
  }

  @Test func memoryInformation() {
    let text = "MemTotal:       24684084 kB\nMemAvailable:   23000000 kB\n"
    #expect(SystemFacts.memoryAvailable(text) == 23_000_000 << 10)
    #expect(SystemFacts.memoryAvailable("MemTotal: 1 kB\n") == nil)
  }
}

@Suite("Doctor's output")
struct RenderingTests {
  @Test func lines() {
    let diagnosis = diagnose {
      $0.lockdown = .confidentiality
      $0.bpffsMount = nil
    }
    let lines = diagnosis.text.split(separator: "\n")
    #expect(lines.count == diagnosis.checks.count)
    #expect(lines.contains { $0.hasPrefix("missing  lockdown  ") && $0.contains(" — boot with") })
    #expect(lines.contains { $0.hasPrefix("warning  bpffs  ") })
    #expect(lines.contains { $0.hasPrefix("ok       kernel  ") && $0.hasSuffix("6.12.9-amd64") })
  }

  @Test func json() throws {
    let odd = "a \"quoted\" \\ back\nnew\ttab\u{1}ü"
    let diagnosis = diagnose { $0.fieldProblems = [odd] }
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(diagnosis.json.utf8)) as? [String: Any])
    #expect(Set(object.keys) == ["usable", "checks"])
    #expect(object["usable"] as? Bool == false)
    let checks = try #require(object["checks"] as? [[String: Any]])
    #expect(checks.count == diagnosis.checks.count)
    for (check, wanted) in zip(checks, diagnosis.checks) {
      #expect(Set(check.keys) == ["name", "status", "detail", "remedy"])
      #expect(check["name"] as? String == wanted.name)
      #expect(check["status"] as? String == wanted.status.rawValue)
      #expect(check["detail"] as? String == wanted.detail)
      #expect(check["remedy"] as? String == wanted.remedy)
      if wanted.remedy == nil { #expect(check["remedy"] is NSNull) }
    }
    #expect(checks.contains { $0["detail"] as? String == odd })
  }

  /// The schema's words are those of the code.
  @Test func schema() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../schema/doctor.schema.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    let schema = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(schema["required"] as? [String] == ["usable", "checks"])
    for status in Check.Status.allCases { #expect(text.contains("\"\(status.rawValue)\"")) }
  }
}

extension Tag {
  /// Tests that load programs or create maps: they need root and fail without it.
  @Tag static var kernel: Self
}

@Suite("Doctor on this machine")
struct ObservationKernelTests {
  @Test(.tags(.kernel)) func thisMachineIsUsable() {
    let facts = SystemFacts.observe(for: .process)
    let diagnosis = Diagnosis(of: facts, against: .process)
    #expect(diagnosis.usable, "\(diagnosis.text)")
    #expect(diagnosis.status("ring") == .ok)
  }
}
