/// The sizes of a ring: slots, the tail behind them, and the reserve that admission keeps free.
public struct RingGeometry: Equatable, Sendable {
  /// Slots of the ring; a power of two.
  public let capacity: UInt64
  /// Slots that admission keeps free for producers that passed the gate on an old view.
  public let reserve: UInt64

  /// Slots of the longest record, its gap block included.
  @inlinable public static var maxSpan: UInt64 { 48 }
  /// Contexts that can nest on one CPU: task, softirq, hardirq, NMI.
  @inlinable public static var nestingLevels: UInt64 { 4 }
  /// Slots past which no ring is made (512 GiB); keeps every size far from overflow.
  @inlinable public static var maxCapacity: UInt64 { 1 << 32 }

  /// The slots kept free for `possibleCPUs` CPUs: two claims of the longest record for each
  /// context that may stand between its check and its claim (docs/design: the factor two is
  /// needed, a reserve of one claim a context is overrun).
  @inlinable public static func reserve(possibleCPUs: UInt64) -> UInt64 {
    2 &* possibleCPUs &* nestingLevels &* maxSpan
  }

  /// The smallest capacity, in slots, that works with `possibleCPUs` CPUs: four reserves,
  /// rounded up to a power of two.
  @inlinable public static func minimumCapacity(possibleCPUs: UInt64) -> UInt64 {
    let least = 4 &* reserve(possibleCPUs: possibleCPUs)
    var capacity: UInt64 = 1
    while capacity < least { capacity &<<= 1 }
    return capacity
  }

  /// A geometry of `capacity` slots for `possibleCPUs` CPUs, or nil if the capacity is not a
  /// power of two, below ``minimumCapacity(possibleCPUs:)`` or above ``maxCapacity``.
  @inlinable public init?(capacity: UInt64, possibleCPUs: UInt64) {
    guard possibleCPUs > 0, capacity & (capacity &- 1) == 0,
      capacity >= RingGeometry.minimumCapacity(possibleCPUs: possibleCPUs),
      capacity <= RingGeometry.maxCapacity
    else { return nil }
    self.init(
      uncheckedCapacity: capacity, reserve: RingGeometry.reserve(possibleCPUs: possibleCPUs))
  }

  /// A geometry whose numbers the caller vouches for (programs in the kernel, tests of small rings).
  @inlinable public init(uncheckedCapacity capacity: UInt64, reserve: UInt64) {
    self.capacity = capacity
    self.reserve = reserve
  }

  /// `ticket & mask` is the index of a ticket's slot.
  @inlinable public var mask: UInt64 { capacity &- 1 }
  /// Slots in use above which the gate closes.
  @inlinable public var highWater: UInt64 { capacity &- reserve }
  /// Slots behind the ring, so that a record that starts at the last slot runs on contiguously.
  @inlinable public var tailSlots: UInt64 { RingGeometry.maxSpan &- 1 }
  /// Bytes of the ring map's one element.
  @inlinable public var byteCount: UInt64 { (capacity &+ tailSlots) &<< Slot.sizeShift }
}
