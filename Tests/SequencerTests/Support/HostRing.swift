import CSequencerAtomics
import Glibc
import SequencerABI
import SequencerCore

/// A ring in this process's memory, laid out as the maps are, with the counters of some CPUs.
@safe final class HostRing: Sendable {
  let geometry: RingGeometry
  let cpuCount: Int
  nonisolated(unsafe) let control: UnsafeMutableRawPointer
  nonisolated(unsafe) let slots: UnsafeMutableRawPointer
  nonisolated(unsafe) let cpuStates: UnsafeMutableRawPointer
  /// Rung by producers that found the consumer parked; read it with ``rings``.
  nonisolated(unsafe) private let bell: UnsafeMutablePointer<Int>
  private let ownsMemory: Bool

  /// A zeroed ring; small ones take a reserve that the test vouches for.
  init(capacity: UInt64, reserve: UInt64, cpuCount: Int = 1) {
    geometry = RingGeometry(uncheckedCapacity: capacity, reserve: reserve)
    self.cpuCount = cpuCount
    ownsMemory = true
    unsafe control = HostRing.zeroed(ControlLayout.size)
    unsafe slots = HostRing.zeroed(Int(geometry.byteCount))
    unsafe cpuStates = HostRing.zeroed(cpuCount * CPUStateLayout.size)
    unsafe bell = .allocate(capacity: 1)
    unsafe bell.initialize(to: 0)
  }

  /// A ring in memory that someone else owns and keeps.
  init(
    geometry: RingGeometry, cpuCount: Int, control: UnsafeMutableRawPointer,
    slots: UnsafeMutableRawPointer, cpuStates: UnsafeMutableRawPointer
  ) {
    self.geometry = geometry
    self.cpuCount = cpuCount
    ownsMemory = false
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

  /// How often the doorbell rang; only for tests of one thread.
  var rings: Int { unsafe bell.pointee }
  func ring() { unsafe bell.pointee += 1 }

  /// Whether the consumer announced sleep; for any thread.
  var isParked: Bool { unsafe seq_load_u32(control + ControlLayout.parked) != 0 }

  /// What a producer on `cpu` sees; `hook` is called at each of its steps.
  func memory(cpu: Int = 0, hook: ((ProducerStep) -> Void)? = nil) -> HostMemory {
    precondition(cpu < cpuCount)
    return HostMemory(ring: self, cpu: cpu, hook: hook)
  }

  /// A consumer that goes on at `gating`.
  func consumer() -> Consumer<HostMemory> { Consumer(resuming: memory()) }

  func controlWord(_ offset: Int) -> UInt64 {
    unsafe control.load(fromByteOffset: offset, as: UInt64.self)
  }
  func controlSwitch(_ offset: Int) -> UInt32 {
    unsafe control.load(fromByteOffset: offset, as: UInt32.self)
  }
  func setControlWord(_ offset: Int, _ value: UInt64) {
    unsafe control.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
  }
  func setControlSwitch(_ offset: Int, _ value: UInt32) {
    unsafe control.storeBytes(of: value, toByteOffset: offset, as: UInt32.self)
  }

  /// Starts the ring at `ticket` as if everything before had been read.
  func start(at ticket: UInt64) {
    setControlWord(ControlLayout.cursor, ticket)
    setControlWord(ControlLayout.gating, ticket)
  }

  private func counter(_ table: Int, _ cpu: Int, _ family: EventFamily) -> UInt64 {
    unsafe cpuStates.load(
      fromByteOffset: cpu * CPUStateLayout.size + table + 8 * Int(family.rawValue),
      as: UInt64.self)
  }
  func offered(cpu: Int = 0, _ family: EventFamily = .test) -> UInt64 {
    counter(CPUStateLayout.offered, cpu, family)
  }
  func lost(cpu: Int = 0, _ family: EventFamily = .test) -> UInt64 {
    counter(CPUStateLayout.lost, cpu, family)
  }
  func cpuWord(_ offset: Int, cpu: Int = 0) -> UInt64 {
    unsafe cpuStates.load(fromByteOffset: cpu * CPUStateLayout.size + offset, as: UInt64.self)
  }
}

/// One CPU's view of a ``HostRing``.
@safe struct HostMemory: ProducerMemory {
  let ring: HostRing
  let cpu: UInt32
  let hook: ((ProducerStep) -> Void)?
  let geometry: RingGeometry
  // Copies of the ring's pointers: the hot path of the stress does without its reference counts.
  private let slots: UnsafeMutableRawPointer
  let control: UnsafeMutableRawPointer
  let cpuState: UnsafeMutableRawPointer

  init(ring: HostRing, cpu: Int, hook: ((ProducerStep) -> Void)?) {
    self.ring = ring
    self.cpu = UInt32(cpu)
    self.hook = hook
    geometry = ring.geometry
    unsafe slots = ring.slots
    unsafe control = ring.control
    unsafe cpuState = ring.cpuStates + cpu * CPUStateLayout.size
  }

  func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe slots + Int((ticket & geometry.mask) << Slot.sizeShift)
  }
  func ringDoorbell() { ring.ring() }
  func reached(_ step: ProducerStep) { hook?(step) }
}
