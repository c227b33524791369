#if !SEQ_TARGET_BPF
  public import CSequencerAtomics
  public import SequencerABI

  /// Points of the consumer's path between which a test may stall it. Otherwise nothing happens.
  public enum ConsumerStep: Sendable, CaseIterable {
    case found, advanced, journaled, cleared, released, gateSeen, gateOpened
    case parkAnnounced, lookedAgain, parkCancelled
  }

  /// What a consumer needs of the memory.
  public protocol ConsumerMemory: RingMemory {
    /// Called at each step of a consumer; for tests that stall it.
    func reached(_ step: ConsumerStep)
  }

  extension ConsumerMemory {
    @inlinable @inline(__always) public func reached(_ step: ConsumerStep) {}
  }

  /// The consumer's half of the protocol: look, hand out, release, open the gate, park.
  ///
  /// One consumer a ring; mutating methods say so. Not in the kernel's object: BPF has no
  /// load-acquire at the instruction-set level the programs are built for.
  @frozen public struct Consumer<Memory: ConsumerMemory> {
    /// The ring that is read.
    public let memory: Memory
    /// The ticket of the next record to read; only ``advance(over:span:)`` moves it.
    public var position: UInt64
    /// The position the producers were last told; only ``release()`` moves it.
    public var released: UInt64
    /// What was handed out and told since the ring was made, by this consumer and those before it.
    public var journal: ConsumerJournal
    /// Whether a record since the last release has more than one slot.
    @usableFromInline var hasContinuations = false

    /// Whether the control area says what our producers and consumers can have written: as many tickets
    /// taken and not given back as there are slots, and a journal within them.
    ///
    /// Read while producers run: `cursor` last, as it only grows.
    @inlinable public static func isSound(_ memory: Memory) -> Bool {
      let journal = unsafe ConsumerJournal(memory.control).position
      let gating = unsafe seq_load_acquire_u64(memory.control + ControlLayout.gating)
      let cursor = unsafe seq_load_u64(memory.control + ControlLayout.cursor)
      guard cursor >= gating, cursor - gating <= memory.geometry.capacity else { return false }
      return journal <= cursor
    }

    /// A consumer that goes on where the last one ended, wherever in its work that was.
    ///
    /// - Precondition: ``isSound(_:)``, where someone else may have written to the control area.
    @inlinable public init(resuming memory: Memory) {
      self.memory = memory
      journal = unsafe ConsumerJournal(memory.control)
      position = unsafe seq_load_acquire_u64(memory.control + ControlLayout.gating)
      released = position
      // The last one may have died between its journal and its release: finish that.
      if journal.position > position {
        position = journal.position
        hasContinuations = true
        finishRelease()
      }
    }

    /// The next record if it is published: its first byte and its span.
    ///
    /// A span outside 1 … ``RingGeometry/maxSpan`` can't be published by our programs; it is returned
    /// as it is, for the caller to stop on.
    @inlinable @inline(__always)
    public func next() -> (bytes: UnsafeMutableRawPointer, span: UInt64)? {
      let slot = unsafe memory.slot(position)
      // Pairs with the producer's exchange of `sequence` (step 7).
      guard unsafe seq_load_acquire_u64(slot) == position &+ 1 else { return nil }
      let span = unsafe slot.load(fromByteOffset: 18, as: UInt16.self)
      memory.reached(.found)
      return unsafe (slot, UInt64(span))
    }

    /// Fetches the lines of a slot that comes soon, so that reading it does not wait for them: both, as a
    /// record of one slot has its metadata in the first and its payload in the second.
    @inlinable @inline(__always)
    public func prefetch() {
      // Further ahead gains nothing more: `ordinal bench design`.
      let slot = unsafe memory.slot(position &+ 4)
      unsafe seq_prefetch(slot)
      unsafe seq_prefetch(slot + Slot.size / 2)
    }

    /// Steps over the record that ``next()`` returned. Its slots stay as they are until
    /// ``release()``: a consumer that dies before has lost nothing.
    @inlinable @inline(__always)
    public mutating func advance(over bytes: UnsafeMutableRawPointer, span: UInt64) {
      journal.records &+= 1
      let flags = RecordFlags(rawValue: unsafe bytes.load(fromByteOffset: 22, as: UInt16.self))
      if span > 1 {
        hasContinuations = true
        if flags.contains(.gap) {
          unsafe journal.addLoss(
            bytes.load(fromByteOffset: Int(span &- 1) &* Slot.size, as: GapBlock.self))
        }
      }
      position &+= span
      memory.reached(.advanced)
    }

    /// Gives the slots that were read back to the producers, and opens the gate when half the ring
    /// is free again.
    @inlinable @inline(__always)
    public mutating func release() {
      if position != released || journal.hasUnwrittenLoss {
        // First the journal: from here on a successor goes on behind these records.
        journal.position = position
        unsafe journal.write(memory.control)
        memory.reached(.journaled)
        finishRelease()
      }
      // Acquire: `cursor` is read after a closed gate was seen. Read before, it could be older than the
      // last opening, and one crowd of producers would be let through twice. Release: whoever sees the
      // gate open sees `gating` too. The reserve's bound needs both (Model/ring.pml, WEAK).
      if unsafe seq_load_acquire_u32(memory.control + ControlLayout.gate) != 0 {
        let cursor = unsafe seq_load_u64(memory.control + ControlLayout.cursor)
        memory.reached(.gateSeen)
        if cursor &- position <= memory.geometry.highWater / 2 {
          unsafe seq_store_release_u32(memory.control + ControlLayout.gate, 0)
          memory.reached(.gateOpened)
        }
      }
    }

    @inlinable @inline(__always)
    mutating func finishRelease() {
      if hasContinuations { clearContinuations() }
      memory.reached(.cleared)
      // Pairs with the producer's read of `gating` before its claim (steps 1 and 3).
      unsafe seq_store_release_u64(memory.control + ControlLayout.gating, position)
      released = position
      memory.reached(.released)
    }

    /// Clears the words where later laps look for a sequence, in the slots of the records between
    /// `released` and `position` that are not their first: they hold payload, and a payload (an
    /// argument list, say) could be made to look like a published record.
    @inlinable @inline(never)
    mutating func clearContinuations() {
      hasContinuations = false
      var ticket = released
      while ticket != position {
        let slot = unsafe memory.slot(ticket)
        let span = unsafe UInt64(slot.load(fromByteOffset: 18, as: UInt16.self))
        guard span != 0, span <= RingGeometry.maxSpan, span <= position &- ticket else { return }
        var offset = Slot.size
        for _ in 1..<max(span, 1) {
          unsafe seq_store_u64(slot + offset, 0)
          offset += Slot.size
        }
        ticket &+= span
      }
    }

    /// The CPU whose producer claimed the record at ``position`` and has not published it; nil where
    /// that can't be told: nobody claimed it, its producer has not come to leave its mark, or it is
    /// published.
    @inlinable public var claimant: UInt32? {
      ClaimMark.cpu(in: unsafe seq_load_u64(memory.slot(position)), sequence: position &+ 1)
    }

    /// Tickets claimed and not yet read; a look at the contended line.
    @inlinable public var backlog: UInt64 {
      unsafe seq_load_u64(memory.control + ControlLayout.cursor) &- position
    }

    /// Whether a producer found the ring overrun, which the reserve rules out: stop, and say so.
    @inlinable public var isPoisoned: Bool {
      unsafe seq_load_u32(memory.control + ControlLayout.poisoned) != 0
    }

    /// Announces that the consumer will sleep, and looks once more.
    ///
    /// - Returns: whether to sleep; false if a record came meanwhile (the announcement is taken back).
    @inlinable public mutating func prepareToPark() -> Bool {
      release()
      unsafe seq_store_u32(memory.control + ControlLayout.parked, 1)
      memory.reached(.parkAnnounced)
      // Pairs with the producer's publish and its look at `parked` (steps 7 and 8).
      seq_full_barrier()
      let isEmpty = unsafe next() == nil
      memory.reached(.lookedAgain)
      if isEmpty { return true }
      cancelPark()
      return false
    }

    /// Takes the announcement back.
    @inlinable public func cancelPark() {
      _ = unsafe seq_exchange_u32(memory.control + ControlLayout.parked, 0)
      memory.reached(.parkCancelled)
    }
  }
#endif
