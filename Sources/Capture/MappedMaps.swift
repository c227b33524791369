import BPFLoader
import Glibc
import SequencerABI
import Sequencer

/// The ring's maps, mapped into this process.
struct MappedMaps: ~Copyable {
  let control: MappedRegion
  let ring: MappedRegion
  let cpuState: MappedRegion
  let cpus: Int

  init(control: BPFMap, ring: BPFMap, cpuState: BPFMap, geometry: RingGeometry, cpus: Int)
    throws(SequencerError)
  {
    let control = try MappedRegion(
      descriptor: control.descriptor, byteCount: ControlLayout.size)
    let ring = try MappedRegion(
      descriptor: ring.descriptor, byteCount: Int(geometry.byteCount))
    let cpuState = try MappedRegion(
      descriptor: cpuState.descriptor, byteCount: cpus * CPUStateLayout.size)
    self.control = control
    self.ring = ring
    self.cpuState = cpuState
    self.cpus = cpus
  }

  /// Writes what a successor checks: layouts, sizes, and a number of this ring's own.
  func identify(_ geometry: RingGeometry) {
    let epoch = UInt64.random(in: 1...UInt64.max)
    unsafe control.base.storeBytes(
      of: abiVersion, toByteOffset: ControlLayout.version, as: UInt32.self)
    unsafe control.base.storeBytes(
      of: UInt32(RingGeometry.maxSpan), toByteOffset: ControlLayout.maxSpan, as: UInt32.self)
    unsafe control.base.storeBytes(
      of: geometry.capacity, toByteOffset: ControlLayout.capacity, as: UInt64.self)
    unsafe control.base.storeBytes(
      of: geometry.reserve, toByteOffset: ControlLayout.reserve, as: UInt64.self)
    unsafe control.base.storeBytes(of: epoch, toByteOffset: ControlLayout.epoch, as: UInt64.self)
    unsafe control.base.storeBytes(
      of: ControlLayout.magicValue, toByteOffset: ControlLayout.magic, as: UInt64.self)
  }

  /// Checks what ``identify(_:)`` wrote.
  func check(_ geometry: RingGeometry, name: String) throws(CaptureError) {
    let magic = unsafe control.base.load(fromByteOffset: ControlLayout.magic, as: UInt64.self)
    let version = unsafe control.base.load(fromByteOffset: ControlLayout.version, as: UInt32.self)
    let span = unsafe control.base.load(fromByteOffset: ControlLayout.maxSpan, as: UInt32.self)
    let capacity = unsafe control.base.load(
      fromByteOffset: ControlLayout.capacity, as: UInt64.self)
    guard magic == ControlLayout.magicValue else {
      throw CaptureError("what is pinned as '\(name)' is not a ring of Ordinal; use another name")
    }
    guard version == abiVersion else {
      throw CaptureError(
        "the ring pinned as '\(name)' has layout version \(version), this program reads "
          + "\(abiVersion): drain it with the version that started it (`ordinal record -o FILE --pin "
          + "\(name)`, which ends it too), or give up what is in it: ordinal detach \(name)")
    }
    guard capacity == geometry.capacity, span == UInt32(RingGeometry.maxSpan) else {
      throw CaptureError(
        "the ring pinned as '\(name)' says \(capacity) slots and is another size; remove it: "
          + "ordinal detach \(name)")
    }
  }

  /// Makes the consumer; it owns the mappings from then on.
  ///
  /// - Throws: if what is mapped can't be a ring that was left in order.
  consuming func consume(_ geometry: RingGeometry) throws(SequencerError) -> RingConsumer {
    try RingConsumer(
      geometry: geometry, control: control, slots: ring,
      account: CPUAccount(region: cpuState, cpuCount: cpus))
  }
}
