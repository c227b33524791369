import CLibBPF
import Glibc

/// A loaded program by its descriptor, borrowed from a ``BPFObject``.
public struct BPFProgram: Sendable {
  /// The descriptor; not owned.
  public let descriptor: Int32
  /// The name, for errors.
  public let name: String

  /// Runs that the kernel skipped because the program was already running on that CPU
  /// (`recursion_misses` of `bpf_prog_info`); monotonic.
  public func missed() throws(BPFError) -> UInt64 { try info().recursion_misses }

  /// What the kernel has counted of the program's runs while a ``BPFRunStatistics`` lived; monotonic.
  package func runs() throws(BPFError) -> BPFRuns {
    let info = try info()
    return BPFRuns(count: info.run_cnt, nanoseconds: info.run_time_ns)
  }

  private func info() throws(BPFError) -> bpf_prog_info {
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    if unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size) != 0 {
      throw BPFError("query", "program \(name)", code: errno, remedy: "run `ordinal doctor`")
    }
    return info
  }

  /// Runs the program once, in the calling thread, without what it would be attached to.
  ///
  /// For `raw_tp` programs, which see `arguments` as the tracepoint's (bpf_prog_test_run_raw_tp(),
  /// net/bpf/test_run.c: at most 12, preemption off). May be called by several threads at a time.
  ///
  /// - Throws: what the kernel refused.
  package func run(arguments: [UInt64]) throws(BPFError) {
    let result = unsafe arguments.withUnsafeBytes { raw in
      var options = unsafe bpf_test_run_opts()
      unsafe options.sz = MemoryLayout<bpf_test_run_opts>.size
      unsafe options.ctx_in = raw.baseAddress
      unsafe options.ctx_size_in = UInt32(raw.count)
      return unsafe bpf_prog_test_run_opts(descriptor, &options)
    }
    if result != 0 {
      throw BPFError("run", "program \(name)", code: result, remedy: "run `ordinal doctor`")
    }
  }
}
