import CLibBPF
import Glibc

/// What a program cost the kernel's verifier, by its own account.
public struct VerifierStatistics: Sendable, Equatable {
  /// Instructions the verifier went through, each as often as it came by: what its limit of a million counts.
  public var processed: UInt64
  /// States of registers and stack that it kept, all in all.
  public var totalStates: UInt64
  /// States that it kept at one time at most.
  public var peakStates: UInt64

  /// Reads the line that the kernel ends its log with (print_verification_stats(),
  /// kernel/bpf/verifier.c), e.g. "processed 42 insns (limit 1000000) max_states_per_insn 1
  /// total_states 4 peak_states 4 mark_read 3".
  ///
  /// - Parameter log: the verifier's log, at level `BPF_LOG_STATS` or above; nil comes of one that has no
  ///   such line.
  public init?(log: String) {
    guard let line = log.split(separator: "\n").last(where: { $0.hasPrefix("processed ") })
    else { return nil }
    let words = line.split(separator: " ")
    func figure(behind name: Substring) -> UInt64? {
      guard let index = words.firstIndex(of: name), index + 1 < words.count else { return nil }
      return UInt64(words[index + 1])
    }
    guard let processed = figure(behind: "processed"), let total = figure(behind: "total_states"),
      let peak = figure(behind: "peak_states")
    else { return nil }
    self.processed = processed
    totalStates = total
    peakStates = peak
  }
}
