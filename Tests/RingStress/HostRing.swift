import CSequencerAtomics
import Glibc
package import SequencerABI
package import SequencerCore

/// A ring in this process's memory, laid out as the maps are, with the counters of some CPUs.
@safe package final class HostRing: Sendable {
  package let geometry: RingGeometry
  package let cpuCount: Int
  package nonisolated(unsafe) let control: UnsafeMutableRawPointer
  package nonisolated(unsafe) let slots: UnsafeMutableRawPointer
  package nonisolated(unsafe) let cpuStates: UnsafeMutableRawPointer
  /// Rung by producers that found the consumer parked; read it with ``rings``.
  nonisolated(unsafe) private let bell: UnsafeMutablePointer<UInt64>
  private let ownsMemory: Bool
  /// A pipe that is rung as well; none if negative. The caller's to close, behind the ring.
  private let bellDescriptor: Int32

  /// A zeroed ring; small ones take a reserve that the test vouches for.
  package convenience init(capacity: UInt64, reserve: UInt64, cpuCount: Int = 1) {
    self.init(
      geometry: RingGeometry(uncheckedCapacity: capacity, reserve: reserve), cpuCount: cpuCount)
  }

  /// A zeroed ring.
  package init(geometry: RingGeometry, cpuCount: Int) {
    self.geometry = geometry
    self.cpuCount = cpuCount
    ownsMemory = true
    bellDescriptor = -1
    unsafe control = HostRing.zeroed(ControlLayout.size)
    unsafe slots = HostRing.zeroed(Int(geometry.byteCount))
    unsafe cpuStates = HostRing.zeroed(cpuCount * CPUStateLayout.size)
    unsafe bell = .allocate(capacity: 1)
    unsafe bell.initialize(to: 0)
  }

  /// A ring in memory that someone else owns and keeps.
  package init(
    geometry: RingGeometry, cpuCount: Int, control: UnsafeMutableRawPointer,
    slots: UnsafeMutableRawPointer, cpuStates: UnsafeMutableRawPointer,
    bellDescriptor: Int32 = -1
  ) {
    self.geometry = geometry
    self.cpuCount = cpuCount
    ownsMemory = false
    self.bellDescriptor = bellDescriptor
    unsafe self.control = unsafe control
    unsafe self.slots = unsafe slots
    unsafe self.cpuStates = unsafe cpuStates
    unsafe bell = .allocate(capacity: 1)
    unsafe bell.initialize(to: 0)
  }

  deinit {
    unsafe bell.deallocate()
    guard ownsMemory else { return }
    unsafe control.deallocate()
    unsafe slots.deallocate()
    unsafe cpuStates.deallocate()
  }

  private static func zeroed(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 4096)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    return unsafe memory
  }

  /// How often the doorbell rang.
  package var rings: UInt64 { unsafe seq_load_acquire_u64(bell) }
  package func ring() {
    _ = unsafe seq_fetch_add_u64(bell, 1)
    if bellDescriptor >= 0 {
      var one: UInt8 = 1
      _ = unsafe write(bellDescriptor, &one, 1)
    }
  }

  /// Whether the consumer announced sleep; for any thread.
  package var isParked: Bool { unsafe seq_load_u32(control + ControlLayout.parked) != 0 }

  /// What a producer on `cpu` sees; `hook` is called at each of its steps.
  package func memory(cpu: Int = 0, hook: ((ProducerStep) -> Void)? = nil) -> HostMemory {
    precondition(cpu < cpuCount)
    return HostMemory(ring: self, cpu: cpu, hook: hook)
  }

  /// A consumer that goes on at `gating`; `hook` is called at each of its steps.
  package func consumer(hook: ((ConsumerStep) -> Void)? = nil) -> Consumer<HostMemory> {
    Consumer(resuming: HostMemory(ring: self, cpu: 0, hook: nil, consumerHook: hook))
  }

  package func controlWord(_ offset: Int) -> UInt64 {
    unsafe control.load(fromByteOffset: offset, as: UInt64.self)
  }
  package func controlSwitch(_ offset: Int) -> UInt32 {
    unsafe control.load(fromByteOffset: offset, as: UInt32.self)
  }
  package func setControlWord(_ offset: Int, _ value: UInt64) {
    unsafe control.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
  }
  package func setControlSwitch(_ offset: Int, _ value: UInt32) {
    unsafe control.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
  }

  /// Starts the ring at `ticket` as if everything before had been read.
  package func start(at ticket: UInt64) {
    setControlWord(ControlLayout.cursor, ticket)
    setControlWord(ControlLayout.gating, ticket)
  }

  private func counter(_ table: Int, _ cpu: Int, _ family: EventFamily) -> UInt64 {
    unsafe cpuStates.load(
      fromByteOffset: cpu * CPUStateLayout.size + table + 8 * Int(family.rawValue),
      as: UInt64.self)
  }
  package func offered(cpu: Int = 0, _ family: EventFamily = .test) -> UInt64 {
    counter(CPUStateLayout.offered, cpu, family)
  }
  package func lost(cpu: Int = 0, _ family: EventFamily = .test) -> UInt64 {
    counter(CPUStateLayout.lost, cpu, family)
  }
  package func cpuWord(_ offset: Int, cpu: Int = 0) -> UInt64 {
    unsafe cpuStates.load(fromByteOffset: cpu * CPUStateLayout.size + offset, as: UInt64.self)
  }
}

/// One CPU's view of a ``HostRing``.
@safe package struct HostMemory: ProducerMemory, ConsumerMemory {
  package let ring: HostRing
  package let cpu: UInt32
  package let hook: ((ProducerStep) -> Void)?
  package let consumerHook: ((ConsumerStep) -> Void)?
  package let geometry: RingGeometry
  // Copies of the ring's pointers: the hot path of the stress does without its reference counts.
  private let slots: UnsafeMutableRawPointer
  package let control: UnsafeMutableRawPointer
  package let cpuState: UnsafeMutableRawPointer

  package init(
    ring: HostRing, cpu: Int, hook: ((ProducerStep) -> Void)?,
    consumerHook: ((ConsumerStep) -> Void)? = nil
  ) {
    self.ring = ring
    self.cpu = UInt32(cpu)
    self.hook = hook
    self.consumerHook = consumerHook
    geometry = ring.geometry
    unsafe slots = ring.slots
    unsafe control = ring.control
    unsafe cpuState = ring.cpuStates + cpu * CPUStateLayout.size
  }

  package func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe slots + Int((ticket & geometry.mask) << Slot.sizeShift)
  }
  package func ringDoorbell() { ring.ring() }
  package func reached(_ step: ProducerStep) { hook?(step) }
  package func reached(_ step: ConsumerStep) { consumerHook?(step) }
}
