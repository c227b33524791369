import Testing

@testable import BPFLoader

extension Tag {
  /// Tests that load programs or create maps: they need root and fail without it.
  @Tag static var kernel: Self
}

@Suite("Features of the running kernel", .tags(.kernel))
struct FeatureProbeKernelTests {
  @Test(arguments: [
    "ktime_get_ns", "jiffies64", "get_current_task_btf", "get_current_pid_tgid",
    "get_current_uid_gid", "get_current_cgroup_id", "get_smp_processor_id", "probe_read_kernel",
    "probe_read_user", "probe_read_kernel_str", "task_storage_get", "task_storage_delete",
    "map_lookup_elem", "ringbuf_output", "current_task_under_cgroup",
  ])
  func helpers(name: String) throws {
    let types = try KernelBTF()
    let answer = FeatureProbe.helper(name, onTracepoint: "task_newtask", types: types)
    #expect(answer == .available)
  }

  /// Helpers that the kernel has, but not for tracing programs.
  ///
  /// `ktime_get_coarse_ns` is among them: its read loop would hang in an NMI.
  @Test(arguments: ["ktime_get_coarse_ns", "skb_store_bytes", "redirect", "sk_assign"])
  func helpersOfOtherPrograms(name: String) throws {
    let types = try KernelBTF()
    let answer = FeatureProbe.helper(name, onTracepoint: "task_newtask", types: types)
    guard case .missing(let reason) = answer else {
      Issue.record("bpf_\(name): \(answer)")
      return
    }
    #expect(reason.contains(name))
  }

  @Test func unknownHelper() throws {
    let types = try KernelBTF()
    let answer = FeatureProbe.helper("no_such", onTracepoint: "task_newtask", types: types)
    #expect(answer == .missing("the kernel doesn't know bpf_no_such"))
  }

  @Test func tracepoints() throws {
    let types = try KernelBTF()
    for name in ["task_newtask", "sched_process_exec", "sched_process_exit"] {
      let answer = FeatureProbe.tracepoint(name, types: types)
      #expect(answer == .available)
    }
    let answer = FeatureProbe.tracepoint("no_such", types: types)
    #expect(answer == .missing("the kernel has no tracepoint no_such"))
  }

  /// Which functions may be stood on is the kernel's policy; that their names and arguments are looked at is not.
  @Test func functions() throws {
    let types = try KernelBTF()
    #expect(
      FeatureProbe.function("no_such_function", types: types)
        == .missing("the kernel has no function no_such_function"))
    #expect(types.function("vfs_fsync") == ["struct file *", "int"])
    for arguments in [["int"], [nil, "struct file *"], [nil, nil, "int"]] {
      let answer = FeatureProbe.function("vfs_fsync", arguments: arguments, types: types)
      #expect(answer == .missing("vfs_fsync() has other arguments here"))
    }
    let answer = FeatureProbe.function(
      "vfs_fsync", arguments: [nil, "int"], types: types)
    if case .unknown(let reason) = answer { Issue.record("\(reason)") }
    if case .missing(let reason) = answer {
      #expect(reason == "fentry is refused: Operation not permitted (errno 1)")
    }
  }

  @Test(arguments: FeatureProbe.MapType.allCases)
  func maps(type: FeatureProbe.MapType) {
    #expect(FeatureProbe.map(type) == .available)
  }

  @Test func mappableArrays() {
    #expect(FeatureProbe.mappableArray(byteCount: 16 << 20) == .available)
    for size in [0, 1 << 32] as [UInt64] {
      guard case .missing = FeatureProbe.mappableArray(byteCount: size) else {
        Issue.record("an array of \(size) bytes")
        continue
      }
    }
  }
}
