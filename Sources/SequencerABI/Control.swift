/// Byte offsets inside the control map; each line lies 128 bytes from the next, so that the
/// adjacent-line prefetcher joins no two of them.
public enum ControlLayout {
  /// UInt64: the next ticket. The only contended line.
  @inlinable public static var cursor: Int { 0 }
  /// UInt64: the consumer's position; producers respect it.
  @inlinable public static var gating: Int { 128 }
  /// UInt32: 0 open, 1 closed.
  @inlinable public static var gate: Int { 136 }
  /// UInt32: 1 while the consumer sleeps and wants the doorbell.
  @inlinable public static var parked: Int { 140 }
  /// UInt32: 1 after an overrun that can't happen; the consumer stops loudly.
  @inlinable public static var poisoned: Int { 144 }
  /// UInt32: 0 until tracing begins and after it ended: the moment all programs start and stop at.
  @inlinable public static var enabled: Int { 148 }
  /// UInt32: the consumer's own process, whose events are filtered; 0: none.
  @inlinable public static var selfTGID: Int { 152 }
  /// UInt64: ``magicValue``.
  @inlinable public static var magic: Int { 256 }
  /// UInt32: ``abiVersion``.
  @inlinable public static var version: Int { 264 }
  /// UInt32: ``RingGeometry/maxSpan``.
  @inlinable public static var maxSpan: Int { 268 }
  /// UInt64: slots of the ring.
  @inlinable public static var capacity: Int { 272 }
  /// UInt64: a number drawn at creation; a successor finds the ring it expects by it.
  @inlinable public static var epoch: Int { 280 }
  /// UInt64: slots kept free, see ``RingGeometry/reserve``.
  @inlinable public static var reserve: Int { 288 }
  /// Int64: tasks followed by a `--pid` or `--tree` filter that are alive.
  @inlinable public static var followed: Int { 384 }
  /// UInt64: tasks that should have been followed and could not be (no memory).
  @inlinable public static var followFailures: Int { 392 }
  /// UInt32: 1 while the task iterator seeds the filter.
  @inlinable public static var seeding: Int { 400 }
  /// UInt64: what `jiffies × tick` lacks to `CLOCK_MONOTONIC`, ns; wraps. For coarse timestamps.
  @inlinable public static var coarseBase: Int { 408 }
  /// The consumer's journal: two entries of ``JournalLayout``, written in turn, so that one of them is
  /// whole whenever the consumer dies.
  @inlinable public static var journal: Int { 512 }
  /// Bytes of the map's one element: a page.
  @inlinable public static var size: Int { 4096 }

  /// "ORDINAL1" in ASCII, least byte first.
  @inlinable public static var magicValue: UInt64 { 0x314C_414E_4944_524F }
}

/// Byte offsets inside an entry of the consumer's journal: what a successor must know.
public enum JournalLayout {
  /// UInt64: the ticket up to which records were handed out.
  @inlinable public static var position: Int { 0 }
  /// UInt64: records handed out since the ring was made.
  @inlinable public static var records: Int { 8 }
  /// UInt64: entries written since the ring was made, this one included. Written last; the entry with
  /// the higher number counts. (Not the position: a loss can be told where no record was read.)
  @inlinable public static var generation: Int { 16 }
  /// UInt64 × 16: losses told in the stream since the ring was made, by family.
  @inlinable public static var lostTold: Int { 128 }
  /// Bytes of an entry.
  @inlinable public static var size: Int { 256 }
}

/// Byte offsets inside one CPU's element of the `cpu_state` map.
public enum CPUStateLayout {
  /// UInt64: ticket + 1 of the last record claimed on this CPU; 0: none.
  @inlinable public static var lastSequence: Int { 0 }
  /// UInt64: `lastSequence` at the first loss of the pending ones.
  @inlinable public static var pendingAfter: Int { 8 }
  /// UInt32: not zero while a loss waits to be reported. A hint: the counters decide.
  @inlinable public static var pendingTotal: Int { 16 }
  /// UInt32: not zero while the CPU rings the doorbell; kept where locks are traced.
  @inlinable public static var ringing: Int { 20 }
  /// UInt32 × 16: losses not yet reported in the stream, by family.
  @inlinable public static var pendingLost: Int { 64 }
  /// UInt64 × 16: all losses, by family; monotonic.
  @inlinable public static var lost: Int { 128 }
  /// UInt64 × 16: all events that passed the filters, by family; monotonic.
  @inlinable public static var offered: Int { 256 }
  /// UInt64 × 16: all events that a filter turned away, by family; monotonic.
  @inlinable public static var filtered: Int { 384 }
  /// Bytes of an element.
  @inlinable public static var size: Int { 512 }
}
