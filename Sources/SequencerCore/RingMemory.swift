public import SequencerABI

/// Points of the producer's path between which a test may stall it. In the kernel nothing happens.
public enum ProducerStep: Sendable {
  case viewRead, admitted, lossCounted, pendingTaken, claimed, cursorNoted, gateSettled, marked
  case filled, published
}

/// Where a ring lives: what both halves of the protocol need of the memory.
///
/// The kernel's programs, the host's consumer and the thread stress each have one; the protocol in
/// this module is the same code for all of them. Every pointer stays valid while the value is used.
public protocol RingMemory {
  /// Sizes of the ring.
  var geometry: RingGeometry { get }
  /// Slots in use above which the gate closes: ``RingGeometry/highWater``.
  var highWater: UInt64 { get }
  /// The control area, ``ControlLayout``.
  var control: UnsafeMutableRawPointer { get }
  /// The slot of a ticket.
  func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer
}

extension RingMemory {
  @inlinable @inline(__always) public var highWater: UInt64 { geometry.highWater }
}

/// What a producer needs besides.
public protocol ProducerMemory: RingMemory {
  /// The state of the CPU the caller runs on, ``CPUStateLayout``.
  var cpuState: UnsafeMutableRawPointer { get }
  /// The number of that CPU.
  var cpu: UInt32 { get }
  /// Wakes the parked consumer.
  func ringDoorbell()
  /// Called at each step of a producer; for tests that stall one.
  func reached(_ step: ProducerStep)
}

extension ProducerMemory {
  @inlinable @inline(__always) public func reached(_ step: ProducerStep) {}
}
