public import CSequencerAtomics
public import SequencerABI

extension GapBlock {
  /// A gap in which nothing was lost.
  @inlinable public static var none: GapBlock {
    @inline(__always) get {
      GapBlock(
        afterSequence: 0, total: 0, lost: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    }
  }

  /// Takes what a CPU lost and has not told yet; each loss is taken exactly once, by a producer of
  /// that CPU or by the consumer, whoever comes first.
  ///
  /// The bound is read before the counters: a loss that slips in between makes it looser, never
  /// wrong.
  @inlinable @inline(__always)
  public mutating func take(from cpu: UnsafeMutableRawPointer) {
    afterSequence = unsafe seq_load_u64(cpu + CPUStateLayout.pendingAfter)
    _ = unsafe seq_exchange_u32(cpu + CPUStateLayout.pendingTotal, 0)
    lost.0 = unsafe takeFamily(0, cpu)
    lost.1 = unsafe takeFamily(1, cpu)
    lost.2 = unsafe takeFamily(2, cpu)
    lost.3 = unsafe takeFamily(3, cpu)
    lost.4 = unsafe takeFamily(4, cpu)
    lost.5 = unsafe takeFamily(5, cpu)
    lost.6 = unsafe takeFamily(6, cpu)
    lost.7 = unsafe takeFamily(7, cpu)
    lost.8 = unsafe takeFamily(8, cpu)
    lost.9 = unsafe takeFamily(9, cpu)
    lost.10 = unsafe takeFamily(10, cpu)
    lost.11 = unsafe takeFamily(11, cpu)
    lost.12 = unsafe takeFamily(12, cpu)
    lost.13 = unsafe takeFamily(13, cpu)
    lost.14 = unsafe takeFamily(14, cpu)
    lost.15 = unsafe takeFamily(15, cpu)
  }

  @inlinable @inline(__always)
  mutating func takeFamily(_ family: Int, _ cpu: UnsafeMutableRawPointer) -> UInt32 {
    let counter = unsafe cpu + (CPUStateLayout.pendingLost + family * 4)
    let taken = unsafe seq_exchange_u32(counter, 0)
    total &+= UInt64(taken)
    return taken
  }

  @inlinable @inline(__always)
  func store(to slot: UnsafeMutableRawPointer) {
    // One slot exactly: the type's size is pinned to 128 by a test.
    unsafe slot.assumingMemoryBound(to: GapBlock.self).pointee = self
  }
}

/// Whether a loss of this CPU waits to be told, by the counters and not by the hint: a look at one
/// cache line.
@inlinable @inline(__always)
public func hasPendingLoss(_ cpu: UnsafeMutableRawPointer) -> Bool {
  // Two families a word; the line is aligned to its size, and a test pins that.
  let line = unsafe cpu + CPUStateLayout.pendingLost
  let any =
    unsafe seq_load_u64(line) | seq_load_u64(line + 8) | seq_load_u64(line + 16)
    | seq_load_u64(line + 24) | seq_load_u64(line + 32) | seq_load_u64(line + 40)
    | seq_load_u64(line + 48) | seq_load_u64(line + 56)
  return any != 0
}
