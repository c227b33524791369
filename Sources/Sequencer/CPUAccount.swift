import CSequencerAtomics
public import SequencerABI

/// The per-CPU counters that producers keep: what was offered, lost, filtered, and what was lost but
/// not yet told in the stream.
///
/// Counters are monotonic and never reset by reading. Reading is safe while producers run.
public struct CPUAccount: ~Copyable {
  private let region: MappedRegion
  /// Possible CPUs, one element each.
  public let cpuCount: Int

  /// The counters in a mapped `cpu_state` map of `cpuCount` elements.
  public init(region: consuming MappedRegion, cpuCount: Int) {
    precondition(region.byteCount >= cpuCount * CPUStateLayout.size, "the map is too small")
    self.region = region
    self.cpuCount = cpuCount
  }

  private func counter(_ offset: Int, cpu: Int, family: Int) -> UInt64 {
    precondition(cpu >= 0 && cpu < cpuCount && family >= 0 && family < EventFamily.count)
    // Acquire: what is read after this is no older.
    return unsafe seq_load_acquire_u64(
      region.base + cpu * CPUStateLayout.size + offset + family * 8)
  }

  /// Events of `family` that passed the filters on `cpu`.
  public func offered(cpu: Int, family: EventFamily) -> UInt64 {
    counter(CPUStateLayout.offered, cpu: cpu, family: Int(family.rawValue))
  }
  /// Events of `family` lost at the gate on `cpu`.
  public func lost(cpu: Int, family: EventFamily) -> UInt64 {
    counter(CPUStateLayout.lost, cpu: cpu, family: Int(family.rawValue))
  }
  /// Events of `family` that a filter turned away on `cpu`.
  public func filtered(cpu: Int, family: EventFamily) -> UInt64 {
    counter(CPUStateLayout.filtered, cpu: cpu, family: Int(family.rawValue))
  }

  /// The sums over all CPUs.
  ///
  /// `offered` is read last: whatever is counted as lost or filtered was offered before.
  ///
  /// - Parameter ofEach: takes each CPU's losses by family, as they went into the sum.
  /// - Returns: the sums.
  public func totals(ofEach: (_ cpu: Int, _ lost: [UInt64]) -> Void = { _, _ in }) -> AccountTotals
  {
    var totals = AccountTotals()
    for cpu in 0..<cpuCount {
      let lost = (0..<EventFamily.count).map {
        counter(CPUStateLayout.lost, cpu: cpu, family: $0)
      }
      for family in 0..<EventFamily.count {
        totals.lost[family] &+= lost[family]
        totals.filtered[family] &+= counter(CPUStateLayout.filtered, cpu: cpu, family: family)
      }
      ofEach(cpu, lost)
    }
    for cpu in 0..<cpuCount {
      for family in 0..<EventFamily.count {
        totals.offered[family] &+= counter(CPUStateLayout.offered, cpu: cpu, family: family)
      }
    }
    return totals
  }

  /// The first CPU's element; the others follow.
  var states: UnsafeMutableRawPointer { unsafe region.base }
}

/// Sums of the per-CPU counters, indexed by the raw value of ``EventFamily``.
public struct AccountTotals: Equatable, Sendable {
  public var offered = [UInt64](repeating: 0, count: EventFamily.count)
  public var lost = [UInt64](repeating: 0, count: EventFamily.count)
  public var filtered = [UInt64](repeating: 0, count: EventFamily.count)
  /// Zeroes.
  public init() {}
}
