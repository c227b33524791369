// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
import CSequencerAtomics
public import SequencerABI
public import SequencerCore

/// The ring as the kernel's programs see it: three map elements, their sizes frozen in the
/// configuration, so that the verifier knows every bound.
@safe public struct KernelRing: ProducerMemory {
  public let control: UnsafeMutableRawPointer
  public let cpuState: UnsafeMutableRawPointer
  let slots: UnsafeMutableRawPointer
  /// The CPU this program runs on; programs do not migrate.
  public let cpu: UInt32

  /// Finds the maps' elements; nil only where the object was loaded with too few CPUs.
  ///
  /// Without a look-up: the three maps have one element each, and their symbols stand for its address
  /// (`directMaps` of the user side). A look-up passes its key through memory (docs/adr/0015).
  @inline(__always) public init?() {
    let index = kit_cpu_index()
    guard index < UInt64(kit_cpus()) else { return nil }
    unsafe control = kit_map_control()
    unsafe slots = kit_map_ring()
    // Worked out here, where the verifier has just learnt the bound.
    unsafe cpuState = seq_settled(
      kit_map_cpu_state() + Int(truncatingIfNeeded: index &* UInt64(CPUStateLayout.size)))
    // Asked again: kept from above it would be spilled before the comparison, and read back without its bound.
    cpu = kit_cpu()
  }

  @inline(__always) public var geometry: RingGeometry {
    RingGeometry(
      uncheckedCapacity: kit_capacity(), reserve: kit_capacity() &- kit_high_water())
  }

  // A constant of the configuration: not worth a subtraction.
  @inline(__always) public var highWater: UInt64 { kit_high_water() }

  @inline(__always) public func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe slots + Int((ticket & (kit_capacity() &- 1)) &<< Slot.sizeShift)
  }

  /// Marks this CPU while it rings: the doorbell has a lock, and programs that tell of locks must not ring
  /// while it is held (BPF/Programs/Lock.swift). An interrupt that rings meanwhile takes the mark away
  /// early, so the mark is put back to what it was.
  @inline(__always) public func ringDoorbell() {
    if !isChosen(.lock) { return kit_ring_doorbell() }
    let mark = unsafe cpuState + CPUStateLayout.ringing
    let before = unsafe seq_load_u32(mark)
    unsafe seq_store_u32(mark, 1)
    kit_ring_doorbell()
    unsafe seq_store_u32(mark, before)
  }

  /// Whether this CPU rings the doorbell, in this context or one that it interrupted.
  @inline(__always) public var isRinging: Bool {
    unsafe seq_load_u32(cpuState + CPUStateLayout.ringing) != 0
  }
}
