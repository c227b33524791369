public import CSequencerAtomics
public import SequencerABI

/// The producer's half of the protocol: gate, claim, publish. Wait-free: no loop over shared state,
/// no lock, a bounded number of instructions.
///
/// Numbers in the comments are the steps of docs/protocol.md. Every test that can fail (filters,
/// look-ups, sizing) belongs before ``claim(slots:family:)``; after it a record must be published.
@frozen public struct Producer<Memory: ProducerMemory> {
  /// The ring that is written to.
  public let memory: Memory

  /// A producer on `memory`.
  @inlinable @inline(__always) public init(_ memory: Memory) { self.memory = memory }

  /// Claims `slots` slots for a record of `family`, or counts the event as lost.
  ///
  /// - Parameters:
  ///   - slots: 1 … ``RingGeometry/maxSpan`` − 1; one more is taken for the gap block where this CPU
  ///     lost events since its last record.
  ///   - family: what the event, or its loss, is counted under.
  /// - Returns: the claim, which must be published; nil if the gate is closed and the ring above
  ///   its high water (the loss is counted, and told in the stream by the next record of this CPU).
  @inlinable @inline(__always)
  public func claim(slots: UInt64, family: EventFamily) -> Claim? {
    let control = unsafe memory.control
    let cpu = unsafe memory.cpuState
    unsafe seq_add_u64(cpu + (CPUStateLayout.offered + Int(family.rawValue) * 8), 1)
    // 1: gating before the ticket. The claim's full barrier then orders the record's stores after
    // the consumer's release of these slots, on weakly ordered CPUs too.
    let gating = unsafe seq_load_before_barrier_u64(control + ControlLayout.gating)
    let closed = unsafe seq_load_u32(control + ControlLayout.gate) != 0
    let pending = unsafe seq_load_u32(cpu + CPUStateLayout.pendingTotal) != 0
    let span = slots &+ (pending ? 1 : 0)
    memory.reached(.viewRead)
    // 2: the slow path. Only a closed gate makes a producer read the contended line twice.
    if closed {
      let cursor = unsafe seq_load_u64(control + ControlLayout.cursor)
      if cursor &+ span &- gating > memory.highWater {
        unsafe countLoss(cpu, family)
        memory.reached(.lossCounted)
        return nil
      }
    }
    memory.reached(.admitted)
    // Two ways that have nothing in common but their steps: what a gap needs (sixteen counters) would
    // otherwise be kept in memory by a producer that has none to tell.
    if pending { return take(span, gating: gating, telling: true) }
    return take(slots, gating: gating, telling: false)
  }

  /// Counts an event as lost that can't be written where it happens; it is told in the stream like any other
  /// loss.
  ///
  /// - Parameter family: what the event is counted under.
  @inlinable @inline(__always) public func lose(_ family: EventFamily) {
    let cpu = unsafe memory.cpuState
    unsafe seq_add_u64(cpu + (CPUStateLayout.offered + Int(family.rawValue) * 8), 1)
    unsafe countLoss(cpu, family)
  }

  /// Takes the ticket, whether or not a gap is told.
  @inlinable @inline(__always)
  func take(_ span: UInt64, gating: UInt64, telling: Bool) -> Claim? {
    let control = unsafe memory.control
    let cpu = unsafe memory.cpuState
    // What waits to be told is taken before the claim: a loss of a nested context after this point
    // belongs behind this record, and stays pending for the next one.
    var gap = GapBlock.none
    if telling { unsafe gap.take(from: cpu) }
    memory.reached(.pendingTaken)
    // 3: the ticket. Pairs with the consumer's release of `gating` and its acquire of `sequence`.
    let ticket = unsafe seq_fetch_add_u64(control + ControlLayout.cursor, span)
    memory.reached(.claimed)
    // Here, while the ticket is in a register: all that follows waits for this address.
    let bytes = unsafe seq_settled(memory.slot(ticket))
    // A nested context may have noted a later ticket: an earlier one is a looser bound, still true.
    unsafe seq_store_u64(cpu + CPUStateLayout.lastSequence, ticket &+ 1)
    memory.reached(.cursorNoted)
    // 4
    let inUse = ticket &+ span &- gating
    if inUse > memory.highWater {
      unsafe seq_store_u32(control + ControlLayout.gate, 1)
      memory.reached(.gateSettled)
      // 5: can't happen while the reserve holds. A stale view of `gating` is not yet an overrun.
      let capacity = memory.geometry.capacity
      if inUse > capacity {
        let fresh = unsafe seq_fetch_add_u64(control + ControlLayout.gating, 0)
        if ticket &+ span &- fresh > capacity {
          unsafe seq_store_u32(control + ControlLayout.poisoned, 1)
          return nil
        }
      }
    } else {
      memory.reached(.gateSettled)
    }
    // From here on a consumer that waits for this slot knows whom it waits for. Not before step 5:
    // until then the slot might hold a record that is not read yet.
    unsafe seq_store_u64(bytes, ClaimMark.word(sequence: ticket &+ 1, cpu: memory.cpu))
    memory.reached(.marked)
    var lostBefore: UInt32 = 0
    if telling {
      unsafe gap.store(to: bytes + Int((span &- 1) &<< Slot.sizeShift))
      lostBefore = gap.total > 0xFFFF_FFFF ? 0xFFFF_FFFF : UInt32(truncatingIfNeeded: gap.total)
    }
    unsafe seq_store_u32(bytes + MetadataWord.lostBefore, lostBefore)
    return unsafe Claim(
      bytes: bytes, ticket: ticket, shape: MetadataWord.shape(span: span, hasGap: telling))
  }

  /// Makes the record visible to the consumer and wakes it if it sleeps.
  ///
  /// - Parameters:
  ///   - claim: the record, filled but for what is given here.
  ///   - kind: what it tells.
  ///   - cpu: the CPU it was written on.
  ///   - flags: all but ``RecordFlags/gap``.
  ///   - payloadLength: bytes written behind the header.
  @inlinable @inline(__always)
  public func publish(
    _ claim: consuming Claim, kind: EventKind, cpu: UInt32, flags: RecordFlags,
    payloadLength: UInt32
  ) {
    publish(
      claim, content: MetadataWord.content(kind: kind, cpu: cpu, flags: flags),
      payloadLength: payloadLength)
  }

  /// The same for a record whose kind is chosen before its claim: one claim then serves several kinds.
  ///
  /// - Parameters:
  ///   - claim: the record, filled but for what is given here.
  ///   - content: kind, CPU and flags (``SequencerABI/MetadataWord``).
  ///   - payloadLength: bytes written behind the header.
  @inlinable @inline(__always)
  public func publish(_ claim: consuming Claim, content: UInt64, payloadLength: UInt32) {
    unsafe seq_store_u64(claim.bytes + MetadataWord.offset, claim.shape | content)
    unsafe claim.header.pointee.payloadLength = payloadLength
    memory.reached(.filled)
    // 7: full barrier. Pairs with the consumer's acquire of `sequence`.
    _ = unsafe seq_exchange_u64(claim.bytes, claim.ticket &+ 1)
    memory.reached(.published)
    // 8: pairs with the consumer's `parked = 1; full barrier; look again`: one of the two sees the
    // other, so no wake-up is lost. The exchange lets one producer of many ring.
    let parked = unsafe memory.control + ControlLayout.parked
    if unsafe seq_load_u32(parked) != 0, unsafe seq_exchange_u32(parked, 0) != 0 {
      memory.ringDoorbell()
    }
  }

  @inlinable @inline(__always)
  func countLoss(_ cpu: UnsafeMutableRawPointer, _ family: EventFamily) {
    // The bound first, then the family, the hint last: whoever takes in between finds a bound that
    // is no tighter than the truth, and at worst a hint without a loss.
    //
    // The bound moves on only where no loss waits to be told, by the counters themselves: whoever
    // takes resets the hint first, and may be stopped before it has taken what the bound stands for.
    // `lastSequence` is read before that look, so that a nested context that loses between the two
    // is not bounded by a record that came after its loss.
    let last = unsafe seq_load_u64(cpu + CPUStateLayout.lastSequence)
    if unsafe !hasPendingLoss(cpu) {
      unsafe seq_store_u64(cpu + CPUStateLayout.pendingAfter, last)
    }
    unsafe seq_add_u32(cpu + (CPUStateLayout.pendingLost + Int(family.rawValue) * 4), 1)
    unsafe seq_add_u64(cpu + (CPUStateLayout.lost + Int(family.rawValue) * 8), 1)
    unsafe seq_add_u32(cpu + CPUStateLayout.pendingTotal, 1)
  }
}

/// Slots that belong to one producer between its claim and its publish.
///
/// Not copyable: publishing consumes it, so a record can't be published twice, and the compiler
/// sees a path that forgets to.
@safe @frozen public struct Claim: ~Copyable {
  /// The record's first byte; `span` slots follow without a break.
  public let bytes: UnsafeMutableRawPointer
  /// The record's place in the global order.
  public let ticket: UInt64
  /// The claim's part of the header's ``MetadataWord``: one word, as the kernel's programs have few
  /// registers to keep it in while they fill the record.
  @usableFromInline let shape: UInt64

  @inlinable @inline(__always)
  init(bytes: UnsafeMutableRawPointer, ticket: UInt64, shape: UInt64) {
    unsafe self.bytes = bytes
    self.ticket = ticket
    self.shape = shape
  }

  /// Slots claimed, the gap block included.
  @inlinable public var span: UInt64 { MetadataWord.span(shape) }
  /// Whether the last slot is a gap block.
  @inlinable public var hasGap: Bool { MetadataWord.hasGap(shape) }

  /// The metadata line. `sequence` belongs to ``Producer/publish(_:kind:cpu:flags:payloadLength:)``.
  @inlinable public var header: UnsafeMutablePointer<RecordHeader> {
    @inline(__always) get { unsafe bytes.assumingMemoryBound(to: RecordHeader.self) }
  }

  /// Where the payload starts.
  @inlinable public var payload: UnsafeMutableRawPointer {
    @inline(__always) get { unsafe bytes + Slot.headerSize }
  }
}
