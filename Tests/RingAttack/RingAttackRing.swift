import SequencerABI

/// Sizes of rings to attack.
public enum RingAttackRing {
  /// Bytes of the smallest ring that works with `possibleCPUs` CPUs.
  public static func smallest(possibleCPUs: UInt64) -> UInt64 {
    RingGeometry.minimumCapacity(possibleCPUs: possibleCPUs) * UInt64(Slot.size)
  }
}
