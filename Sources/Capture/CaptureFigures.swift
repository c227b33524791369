public import Sequencer

/// Where a capture's events went, from one place: the summary and every sink take these.
///
/// A value of its own, from ``CaptureSession/figures()``: whoever shows or serves figures while a run
/// goes on is handed such values by the thread that drains. Of two taken in a row, no count of the
/// later one is lower; taking them resets nothing.
///
/// At rest `offered = handedOut + lost`, and what the kernel skipped comes on top. While events go on
/// to come `offered` is never less (it is read last), and the difference, ``inFlight``, are the events
/// that lie in the ring or are on their way into it. On weakly ordered CPUs a CPU's own counters may
/// be seen in another order than it stepped them, for the event that it is at.
public struct CaptureFigures: Sendable {
  /// Sums of the per-CPU counters: `offered` since the ring was made, the others of this run.
  public var totals: AccountTotals
  /// The same since the ring was made, whoever read it.
  public var sinceMade: AccountTotals
  /// Events that passed the kernel's filters and reached the gate, counted before it. Of a capture
  /// that is left to a successor: those that this consumer handed out or told as lost.
  public var offered: UInt64
  /// Records that this consumer handed out.
  public var handedOut: UInt64
  /// Losses that this consumer told in the stream: of ``lost``, those that have their place by now.
  public var told: UInt64
  /// Losses at the gate by CPU and, as the second index, by the raw value of the family; for CPUs that
  /// lost something. Empty for a capture that was taken over or is left to a successor: a CPU's
  /// counters don't tell one run's losses from the other's.
  public var lostByCPUAndFamily: [Int: [UInt64]]
  /// Runs the kernel skipped, by program, of the programs that make events. A skipped run of one that
  /// only notes what another needs loses no event, and isn't here.
  public var missed: [(program: String, count: UInt64)]
  /// Tasks that a filter should have followed and could not.
  public var followFailures: UInt64
  /// When tracing began and, if it did, ended: ns of `CLOCK_MONOTONIC`.
  public var began: UInt64
  public var ended: UInt64?

  /// Losses at the gate by CPU; see ``lostByCPUAndFamily``.
  public var lostByCPU: [Int: UInt64] { lostByCPUAndFamily.mapValues { $0.reduce(0, &+) } }
  /// Events that were offered and neither handed out nor lost so far: in the ring, or on their way.
  public var inFlight: UInt64 { offered &- handedOut &- lost }
  /// Sum of all losses at the gate.
  public var lost: UInt64 { totals.lost.reduce(0, &+) }
  /// Sum of all events the kernel's filters turned away.
  public var filtered: UInt64 { totals.filtered.reduce(0, &+) }
  /// Sum of all skipped runs.
  public var missedTotal: UInt64 { missed.reduce(0) { $0 &+ $1.count } }
}
