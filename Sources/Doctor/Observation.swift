import BPFLoader
import Glibc

extension SystemFacts {
  /// Looks at the running machine: reads /proc and /sys and, with the privilege, loads programs of
  /// a few instructions, attaches them to functions for a moment, and creates a map of the ring's
  /// size, all closed again at once.
  ///
  /// - Parameter requirements: the tracepoints, helpers and fields to look for.
  /// - Returns: what was seen; what can't be seen is marked so, nothing throws.
  public static func observe(for requirements: Requirements) -> SystemFacts {
    var facts = SystemFacts()
    facts.release = KernelVersion.runningRelease()
    facts.capabilities = CapabilitySet.effective()
    facts.lockdown = Lockdown.current()
    facts.unprivilegedBPFDisabled = SystemFile.number("/proc/sys/kernel/unprivileged_bpf_disabled")
    facts.perfEventParanoid = SystemFile.number("/proc/sys/kernel/perf_event_paranoid")
    facts.memlockLimit = memlockLimit()
    // Per-CPU state is indexed by CPU number, so holes in the list count.
    facts.possibleCPUs = CPUList.possible()?.last.map { $0 + 1 }
    facts.memoryAvailable = SystemFile.text("/proc/meminfo").flatMap(memoryAvailable)
    let mounts = MountTable.current()
    facts.cgroup2Mount = mounts?.mountPoint(ofType: "cgroup2")
    facts.bpffsMount = mounts?.mountPoint(ofType: "bpf")
    facts.inInitialPIDNamespace = inInitialPIDNamespace()
    facts.ringMap = FeatureProbe.mappableArray(byteCount: facts.defaultRingByteCount)
    for type in [FeatureProbe.MapType.ringBuf, .taskStorage, .cgroupArray] {
      facts.maps[type] = FeatureProbe.map(type)
    }
    do throws(BTFError) {
      let types = try KernelBTF()
      facts.askTypes(types, for: requirements)
    } catch {
      facts.typesProblem = error.description
    }
    return facts
  }

  private mutating func askTypes(_ types: borrowing KernelBTF, for requirements: Requirements) {
    isPreemptible = ProgramPreemption.isPossible
    // Each name is a walk over all types: not where nobody calls them.
    if isPreemptible { missingFunctions = ProgramPreemption.missingFunctions(types) }
    let optional = requirements.optionalTracepoints.map(\.name)
    for name in requirements.tracepoints + optional {
      tracepoints[name] = FeatureProbe.tracepoint(name, types: types)
    }
    for family in requirements.families {
      for name in family.tracepoints + family.optionalTracepoints.map(\.name)
      where tracepoints[name] == nil {
        tracepoints[name] = FeatureProbe.tracepoint(name, types: types)
      }
      for name in family.functions {
        functions[name] = FeatureProbe.function(
          name, arguments: Requirements.functionArguments, types: types)
      }
      for field in family.fields {
        do throws(BTFError) {
          _ = try types.offset(of: field.path, in: field.structure)
        } catch {
          familyFieldProblems[family.name, default: []].append(error.description)
        }
      }
    }
    // Which helpers may be called depends on the type of program, not on its tracepoint.
    for name in requirements.helpers {
      helpers[name] = FeatureProbe.helper(
        name, onTracepoint: requirements.tracepoints.first ?? "", types: types)
    }
    for field in requirements.fields {
      do throws(BTFError) {
        _ = try types.offset(of: field.path, in: field.structure)
      } catch {
        fieldProblems.append(error.description)
      }
    }
  }

  private static func memlockLimit() -> UInt64? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(__RLIMIT_MEMLOCK.rawValue), &limit) == 0,
      limit.rlim_cur != rlim_t.max
    else { return nil }
    return UInt64(limit.rlim_cur)
  }

  /// The kernel gives its own pid namespace a fixed inode (PROC_PID_INIT_INO).
  private static func inInitialPIDNamespace() -> Bool? {
    var status = stat()
    guard unsafe stat("/proc/self/ns/pid", &status) == 0 else { return nil }
    return status.st_ino == 0xEFFF_FFFC
  }

  /// Reads `MemAvailable` from the text of `/proc/meminfo`, in bytes.
  static func memoryAvailable(_ text: String) -> UInt64? {
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let digits = line.drop { !$0.isNumber }.prefix { $0.isNumber }
      return UInt64(digits).map { $0 << 10 }
    }
    return nil
  }
}
