public import CSequencerAtomics
public import SequencerABI
public import SequencerCore

/// The ring as user space maps it: ``ConsumerMemory`` over two regions.
///
/// Borrows the regions' memory: whoever makes one keeps them alive.
@safe @frozen public struct MappedRing: ConsumerMemory {
  public let geometry: RingGeometry
  public let control: UnsafeMutableRawPointer
  @usableFromInline let slots: UnsafeMutableRawPointer

  /// A ring over mapped memory, or over any memory of ``RingGeometry/byteCount`` bytes.
  @inlinable public init(
    geometry: RingGeometry, control: UnsafeMutableRawPointer, slots: UnsafeMutableRawPointer
  ) {
    self.geometry = geometry
    unsafe self.control = unsafe control
    unsafe self.slots = unsafe slots
  }

  @inlinable @inline(__always) public func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe slots + Int(truncatingIfNeeded: (ticket & geometry.mask) &<< Slot.sizeShift)
  }
}

/// Reads a ring in ticket order, without a lock, a copy or a system call while records are ready.
///
/// Owns the mappings. Single consumer: one value a ring, used by one thread at a time.
public struct RingConsumer: ~Copyable {
  @usableFromInline let control: MappedRegion
  @usableFromInline let slots: MappedRegion
  /// The per-CPU counters, losses and their bounds.
  public let account: CPUAccount
  @usableFromInline var core: Consumer<MappedRing>
  private var residual: ResidualLosses
  /// Whether draining gives slots back as it goes. A consumer that must not lose what it has read and
  /// not yet kept sets it to false and calls ``release()`` itself.
  public var releasesWhileDraining = true
  /// Slots after which a draining consumer tells the producers how far it is.
  @usableFromInline static var releaseInterval: UInt64 { 512 }

  /// A consumer of mapped maps; goes on where the last one ended.
  ///
  /// - Throws: if the control area can't be what producers and consumers of this ring have written.
  public init(
    geometry: RingGeometry, control: consuming MappedRegion, slots: consuming MappedRegion,
    account: consuming CPUAccount
  ) throws(SequencerError) {
    precondition(
      control.byteCount >= ControlLayout.size && slots.byteCount >= Int(geometry.byteCount),
      "the maps are too small")
    let ring = unsafe MappedRing(geometry: geometry, control: control.base, slots: slots.base)
    guard Consumer.isSound(ring) else {
      throw SequencerError(
        "the ring's control area is damaged: its positions contradict each other; "
          + "stop every program that holds the ring and start anew")
    }
    self.control = control
    self.slots = slots
    residual = ResidualLosses(cpuCount: account.cpuCount)
    self.account = account
    core = Consumer(resuming: ring)
  }

  /// The ticket of the next record to read.
  @inlinable public var position: UInt64 { core.position }

  /// Tickets claimed and not yet read.
  @inlinable public var backlog: UInt64 { core.backlog }

  /// A word of the control area, ``ControlLayout``; for figures, not for the protocol.
  @inlinable public func controlWord(_ offset: Int) -> UInt64 {
    unsafe seq_load_u64(core.memory.control + offset)
  }

  /// Sets a 32-bit switch of the control area.
  @inlinable public func setControlSwitch(_ offset: Int, _ value: UInt32) {
    _ = unsafe seq_exchange_u32(core.memory.control + offset, value)
  }

  /// Counts tasks that user space marked as followed.
  @inlinable public func addFollowed(_ count: UInt64) {
    _ = unsafe seq_fetch_add_u64(core.memory.control + ControlLayout.followed, count)
  }

  /// Hands every ready record to `body`, in ticket order, up to `limit` records.
  ///
  /// A record is lent for the call only. Its slots go back to the producers within
  /// a few hundred slots, and at the end. If `body` throws, the record counts as not read and is
  /// handed out again.
  ///
  /// - Returns: the number of records handed out.
  @inlinable
  public mutating func drain<Failure: Error>(
    limit: Int = .max, _ body: (RecordView) throws(Failure) -> Void
  ) throws(DrainError<Failure>) -> Int {
    var count = 0
    while count < limit, let record = unsafe core.next() {
      guard unsafe record.span != 0 && record.span <= RingGeometry.maxSpan else {
        throw .ring(damaged())
      }
      core.prefetch()
      let bytes = unsafe UnsafeRawBufferPointer(
        start: record.bytes, count: Int(record.span) &* Slot.size)
      do {
        // The slots stay the consumer's until they are released below.
        try body(RecordView(unsafe bytes.bytes))
      } catch {
        if releasesWhileDraining { core.release() }
        throw .body(error)
      }
      unsafe core.advance(over: record.bytes, span: record.span)
      if core.position &- core.released >= RingConsumer.releaseInterval, releasesWhileDraining {
        core.release()
      }
      count &+= 1
    }
    if releasesWhileDraining { core.release() }
    if count == 0 && core.isPoisoned { throw .ring(damaged()) }
    return count
  }

  /// Gives the records that were read back to the producers; see ``releasesWhileDraining``.
  @inlinable public mutating func release() { core.release() }

  /// What was handed out and told since the ring was made, also by consumers before this one.
  /// Its position is that of the next record, given back or not.
  @inlinable public var journal: ConsumerJournal {
    var journal = core.journal
    journal.position = core.position
    return journal
  }

  /// Tells the losses that no later record tells of, of CPUs that went quiet: each once, behind every
  /// record that was claimed before it. To be called now and then while records come, whenever none is
  /// ready, and at the end; see ``SequencerCore/ResidualLosses``.
  ///
  /// - Parameters:
  ///   - moment: whether the run goes on.
  ///   - body: takes each gap; its place in the stream is here.
  public mutating func collectResidualLoss(
    at moment: ResidualLosses.Moment = .running, _ body: (_ cpu: Int, _ gap: GapBlock) -> Void
  ) {
    var journal = core.journal
    unsafe residual.collect(
      position: core.position, control: core.memory.control, states: account.states, at: moment
    ) { cpu, gap in
      journal.addLoss(gap)
      body(cpu, gap)
    }
    if moment == .ended { tellUntold(&journal, body) }
    core.journal = journal
    if releasesWhileDraining { core.release() }
  }

  /// What the counters have and nobody told: a consumer died between taking a CPU's losses and telling
  /// them, or a record that told of them was never published. Their place is not known.
  private func tellUntold(
    _ journal: inout ConsumerJournal, _ body: (_ cpu: Int, _ gap: GapBlock) -> Void
  ) {
    let lost = account.totals().lost
    var gap = GapBlock.none
    for family in 0..<EventFamily.count {
      let untold = lost[family] &- journal.lostTold[family]
      // Below: counters of another's making; nothing is told of them.
      guard untold > 0, untold < 1 << 62 else { continue }
      let count = UInt32(clamping: untold)
      // Sixteen 32-bit counters without padding: the ABI's layout test pins it.
      unsafe withUnsafeMutableBytes(of: &gap.lost) {
        unsafe $0.storeBytes(of: count, toByteOffset: family * 4, as: UInt32.self)
      }
      gap.total &+= UInt64(count)
    }
    if gap.total == 0 { return }
    journal.addLoss(gap)
    // More than a gap can tell is no count of ours: it is told as the most there is, and once.
    for family in 0..<EventFamily.count {
      let untold = lost[family] &- journal.lostTold[family]
      if untold > 0, untold < 1 << 62 { journal.lostTold[family] = lost[family] }
    }
    body(RingConsumer.unknownCPU, gap)
  }

  /// The CPU of losses whose place is not known.
  public static var unknownCPU: Int { Int(UInt32.max) }

  @usableFromInline @inline(never) func damaged() -> SequencerError {
    SequencerError(
      "the ring is damaged at sequence \(core.position): a producer overran it or something else"
        + " wrote to it; stop every program that holds the ring and start anew")
  }

  /// Announces sleep; see ``Consumer/prepareToPark()``.
  @inlinable mutating func prepareToPark() -> Bool { core.prepareToPark() }
  /// Takes the announcement back.
  @inlinable func cancelPark() { core.cancelPark() }

  /// The CPU that holds the record waited for; see ``Consumer/claimant``.
  @inlinable public var claimant: UInt32? { core.claimant }

  /// Whether a record waits to be handed out.
  @inlinable public var isReady: Bool { unsafe core.next() != nil }
}

/// Why a drain stopped early.
public enum DrainError<Failure: Error>: Error {
  /// The ring itself can't be trusted any more.
  case ring(SequencerError)
  /// The body threw.
  case body(Failure)
}
