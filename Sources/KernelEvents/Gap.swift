public import SequencerABI

/// One counter for each ``SequencerABI/EventFamily``; a value of 128 bytes without storage elsewhere.
public struct FamilyCounts: Equatable, Sendable {
  @usableFromInline var counts: InlineArray<16, UInt64>

  /// Makes sixteen zeros.
  @inlinable public init() { counts = InlineArray(repeating: 0) }

  /// The count of `family`.
  @inlinable public subscript(family: EventFamily) -> UInt64 {
    get { counts[Int(family.rawValue)] }
    set { counts[Int(family.rawValue)] = newValue }
  }

  /// The count at `index`, the raw value of a family, known or not.
  ///
  /// - Precondition: `index` is below ``SequencerABI/EventFamily/count``.
  @inlinable public subscript(index index: Int) -> UInt64 {
    get { counts[index] }
    set { counts[index] = newValue }
  }

  /// The sum of all counts, wrapping past 2⁶⁴.
  @inlinable public var total: UInt64 {
    var sum: UInt64 = 0
    for index in 0..<EventFamily.count { sum &+= counts[index] }
    return sum
  }

  /// Adds `other`, family by family.
  @inlinable public mutating func add(_ other: FamilyCounts) {
    for index in 0..<EventFamily.count { counts[index] &+= other.counts[index] }
  }

  @inlinable public static func == (left: FamilyCounts, right: FamilyCounts) -> Bool {
    for index in 0..<EventFamily.count where left.counts[index] != right.counts[index] {
      return false
    }
    return true
  }
}

/// A place in the stream where events of one CPU were lost.
///
/// It comes from a record's gap block (then ``beforeSequence`` is that record's), or from the
/// consumer's reading of the counters of a CPU that went quiet (then ``beforeSequence`` is nil).
/// Sequences are numbered as ``DecodedEvent/sequence`` is.
public struct Gap: Equatable, Sendable {
  /// The CPU the events were lost on; ``unknownCPU`` where that isn't known.
  public var cpu: UInt32
  /// How many were lost, by family.
  public var lost: FamilyCounts
  /// The last event of the CPU before the first loss; nil where there was none or it isn't known.
  public var afterSequence: UInt64?
  /// The first event of the CPU after the last loss; nil where none came yet.
  public var beforeSequence: UInt64?

  /// Tells of `lost` events on `cpu` between two sequences.
  public init(
    cpu: UInt32, lost: FamilyCounts, afterSequence: UInt64? = nil, beforeSequence: UInt64? = nil
  ) {
    self.cpu = cpu
    self.lost = lost
    self.afterSequence = afterSequence
    self.beforeSequence = beforeSequence
  }

  /// The CPU of losses whose place isn't known: a consumer died between taking and telling them.
  public static var unknownCPU: UInt32 { .max }

  /// All events lost here.
  public var total: UInt64 { lost.total }
}

extension Gap {
  /// A loss that no record tells of, out of a gap block: the consumer collected it, or a recording holds it.
  ///
  /// - Parameters:
  ///   - block: what was lost, and after which record of the CPU.
  ///   - cpu: the CPU, or ``unknownCPU``.
  public init(told block: GapBlock, cpu: UInt32) {
    self.init(
      cpu: cpu, lost: FamilyCounts(block.lost),
      afterSequence: block.afterSequence == 0 ? nil : block.afterSequence - 1, beforeSequence: nil)
  }
}

extension FamilyCounts {
  /// The counters of a gap block.
  public init(_ lost: LossByFamily) {
    self.init()
    var lost = lost
    // Sixteen 32-bit counters without padding: the ABI's layout test pins it.
    unsafe withUnsafeBytes(of: &lost) { bytes in
      for index in 0..<EventFamily.count {
        self[index: index] = UInt64(unsafe bytes.load(fromByteOffset: index * 4, as: UInt32.self))
      }
    }
  }
}
