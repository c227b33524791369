import Glibc
import Sequencer
import SequencerABI
import SequencerCore

/// A ring in memory of this process's own, with a producer's and a consumer's side.
struct BenchmarkRing: ~Copyable {
  let geometry: RingGeometry
  let producer: Producer<BenchmarkMemory>
  var consumer: RingConsumer

  /// A ring of `byteCount` bytes of slots, a power of two, for one CPU.
  init(byteCount: Int) throws {
    guard
      let geometry = RingGeometry(
        capacity: UInt64(byteCount / Slot.size), possibleCPUs: 1)
    else { throw SequencerError("a ring of \(byteCount) bytes is not usable") }
    let control = try BenchmarkRing.region(ControlLayout.size)
    let slots = try BenchmarkRing.region(Int(geometry.byteCount))
    let cpu = try BenchmarkRing.region(CPUStateLayout.size)
    // The regions go to the consumer, which lives as long as the producer here.
    let producer = unsafe Producer(
      BenchmarkMemory(
        geometry: geometry, control: control.base, cpuState: cpu.base, slots: slots.base))
    consumer = try RingConsumer(
      geometry: geometry, control: control, slots: slots,
      account: CPUAccount(region: cpu, cpuCount: 1))
    self.geometry = geometry
    self.producer = producer
  }

  private static func region(_ byteCount: Int) throws -> MappedRegion {
    // A shared mapping of /dev/zero is memory of its own, as a mapped map is.
    let descriptor = unsafe open("/dev/zero", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw SequencerError("can't open /dev/zero") }
    defer { close(descriptor) }
    return try MappedRegion(descriptor: descriptor, byteCount: byteCount)
  }

  /// Publishes records of one slot up to the high water: the fullest ring without a loss.
  ///
  /// - Returns: records published.
  func fill() -> Int {
    var count = 0
    while hasRoom(1), let claim = producer.claim(slots: 1, family: .test) {
      unsafe claim.payload.storeBytes(of: UInt64(count), as: UInt64.self)
      producer.publish(claim, kind: .test, cpu: 0, flags: [], payloadLength: 64)
      count += 1
    }
    return count
  }

  /// Whether a record of `slots` slots stays below the high water.
  func hasRoom(_ slots: UInt64) -> Bool { consumer.backlog + slots <= geometry.highWater }

  /// Drains everything that is ready, touching sequence, kind and one word of payload of each
  /// record.
  ///
  /// - Returns: records read, and a sum over what was touched.
  @inline(never) mutating func drain() throws -> (records: Int, sum: UInt64) {
    var sum: UInt64 = 0
    let records = try consumer.drain { record throws(Never) in
      let header = record.header
      // Inside the record: a record is at least one slot. The load is bounds-checked.
      let word = unsafe record.bytes.unsafeLoadUnaligned(
        fromByteOffset: Slot.headerSize, as: UInt64.self)
      sum = sum &+ header.sequence &+ UInt64(header.kind) &+ word
    }
    return (records, sum)
  }

  /// Touches the same words of `count` slots from `first` on with a bare loop: what the memory allows.
  @inline(never) func touch(_ count: Int, from first: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    for ticket in first..<first + UInt64(count) {
      let slot = unsafe producer.memory.slot(ticket)
      sum = unsafe sum &+ slot.load(as: UInt64.self)
      sum = unsafe sum &+ UInt64(slot.load(fromByteOffset: 16, as: UInt16.self))
      sum = unsafe sum &+ slot.load(fromByteOffset: Slot.headerSize, as: UInt64.self)
    }
    return sum
  }
}

/// The producer's view of a ``BenchmarkRing``.
@safe struct BenchmarkMemory: ProducerMemory {
  let geometry: RingGeometry
  let control: UnsafeMutableRawPointer
  let cpuState: UnsafeMutableRawPointer
  let slots: UnsafeMutableRawPointer

  func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe slots + Int(truncatingIfNeeded: (ticket & geometry.mask) &<< Slot.sizeShift)
  }
  var cpu: UInt32 { 0 }
  func ringDoorbell() {}
}
