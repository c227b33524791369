import CLibBPF
import Glibc

/// Runs of a program and the time in it, one reading of the clock included in each.
package struct BPFRuns: Equatable, Sendable {
  /// Runs.
  package var count: UInt64
  /// All of them together, ns.
  package var nanoseconds: UInt64

  /// Of these figures.
  package init(count: UInt64 = 0, nanoseconds: UInt64 = 0) {
    self.count = count
    self.nanoseconds = nanoseconds
  }

  /// What came since `before`.
  package static func - (after: BPFRuns, before: BPFRuns) -> BPFRuns {
    BPFRuns(
      count: after.count &- before.count, nanoseconds: after.nanoseconds &- before.nanoseconds)
  }
}

/// Has the kernel time the runs of all programs for as long as it lives (BPF_ENABLE_STATS).
package struct BPFRunStatistics: ~Copyable {
  private let descriptor: Int32

  /// Begins.
  ///
  /// - Throws: what the kernel refused.
  package init() throws(BPFError) {
    descriptor = bpf_enable_stats(BPF_STATS_RUN_TIME)
    if descriptor < 0 {
      throw BPFError("time", "programs", code: -descriptor, remedy: "run it as root")
    }
  }

  deinit { close(descriptor) }
}
