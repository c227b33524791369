#if !SEQ_TARGET_BPF
  public import CSequencerAtomics
  public import SequencerABI

  /// What a consumer did, kept in the control area for its successor: how far it came, how many
  /// records it handed out, which losses it told.
  ///
  /// Two entries are written in turn, the generation last. Whenever the consumer dies, the entry with
  /// the higher generation is whole, so the successor's account begins exactly where this one's ended.
  @frozen public struct ConsumerJournal: Sendable {
    /// The ticket up to which records were handed out.
    public var position: UInt64 = 0
    /// Records handed out since the ring was made.
    public var records: UInt64 = 0
    /// Losses told in the stream since the ring was made, by family.
    public var lostTold = InlineArray<16, UInt64>(repeating: 0)
    /// Whether a loss was told since the last write.
    @usableFromInline var hasUnwrittenLoss = false
    /// Whether any loss was ever told: before, the entries' counters stay zero.
    @usableFromInline var hasLoss = false
    /// Entries written since the ring was made; odd ones are the second entry's.
    @usableFromInline var generation: UInt64 = 0

    /// A consumer that did nothing yet.
    @inlinable public init() {}

    /// Takes over the losses that an earlier consumer told and did not come to note.
    @inlinable public mutating func adopt(lostTold: InlineArray<16, UInt64>) {
      self.lostTold = lostTold
      hasLoss = lostTotal != 0
      hasUnwrittenLoss = true
    }

    /// Reads the journal in a control area, while its consumer may go on: for those who only look.
    public init(reading control: UnsafeMutableRawPointer) { unsafe self.init(control) }

    /// Reads the journal of the last consumer; zeros where there was none.
    @inlinable init(_ control: UnsafeMutableRawPointer) {
      let first = unsafe control + ControlLayout.journal
      let second = unsafe first + JournalLayout.size
      let firstGeneration = unsafe seq_load_acquire_u64(first + JournalLayout.generation)
      let secondGeneration = unsafe seq_load_acquire_u64(second + JournalLayout.generation)
      generation = max(firstGeneration, secondGeneration)
      let entry = unsafe secondGeneration > firstGeneration ? second : first
      position = unsafe seq_load_u64(entry + JournalLayout.position)
      records = unsafe seq_load_u64(entry + JournalLayout.records)
      for family in 0..<EventFamily.count {
        lostTold[family] = unsafe seq_load_u64(entry + JournalLayout.lostTold + family * 8)
      }
      hasLoss = lostTotal != 0
    }

    /// Notes the losses of a gap.
    @inlinable public mutating func addLoss(_ gap: GapBlock) {
      hasUnwrittenLoss = true
      hasLoss = true
      var lost = gap.lost
      // Sixteen 32-bit counters without padding; the ABI's layout test pins it.
      unsafe withUnsafeBytes(of: &lost) { bytes in
        for family in 0..<EventFamily.count {
          lostTold[family] &+= UInt64(
            unsafe bytes.load(fromByteOffset: family * 4, as: UInt32.self))
        }
      }
    }

    /// Sum of the losses told.
    @inlinable public var lostTotal: UInt64 {
      var sum: UInt64 = 0
      for family in 0..<EventFamily.count { sum &+= lostTold[family] }
      return sum
    }

    @inlinable @inline(__always) mutating func write(_ control: UnsafeMutableRawPointer) {
      generation &+= 1
      let entry =
        unsafe control + ControlLayout.journal + (generation & 1 == 1 ? JournalLayout.size : 0)
      unsafe seq_store_u64(entry + JournalLayout.position, position)
      unsafe seq_store_u64(entry + JournalLayout.records, records)
      if hasLoss { unsafe writeLosses(entry) }
      // After what it vouches for.
      unsafe seq_store_release_u64(entry + JournalLayout.generation, generation)
      hasUnwrittenLoss = false
    }

    @inlinable @inline(never) func writeLosses(_ entry: UnsafeMutableRawPointer) {
      for family in 0..<EventFamily.count {
        unsafe seq_store_u64(entry + JournalLayout.lostTold + family * 8, lostTold[family])
      }
    }
  }
#endif
