public import Sequencer

/// Where a capture's events went, from one place: the summary and every sink take these.
public struct CaptureFigures: Sendable {
  /// Sums of the per-CPU counters: `offered` since the ring was made, the others of this run.
  public var totals: AccountTotals
  /// Events that passed the kernel's filters and reached the gate, counted before it. Of a capture
  /// that is left to a successor: those that this consumer handed out or told as lost.
  public var offered: UInt64
  /// Losses by CPU, for CPUs that lost something.
  public var lostByCPU: [Int: UInt64]
  /// Runs the kernel skipped, by program.
  public var missed: [(program: String, count: UInt64)]
  /// Tasks that a filter should have followed and could not.
  public var followFailures: UInt64
  /// When tracing began and, if it did, ended: ns of `CLOCK_MONOTONIC`.
  public var began: UInt64
  public var ended: UInt64?

  /// Sum of all losses at the gate.
  public var lost: UInt64 { totals.lost.reduce(0, &+) }
  /// Sum of all events the kernel's filters turned away.
  public var filtered: UInt64 { totals.filtered.reduce(0, &+) }
  /// Sum of all skipped runs.
  public var missedTotal: UInt64 { missed.reduce(0) { $0 &+ $1.count } }
}
