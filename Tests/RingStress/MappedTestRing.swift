import Glibc
package import Sequencer
import SequencerABI
package import SequencerCore

/// A ring with the consumer that users get, over mapped memory, and the producers' side of it. The
/// consumer is one thread's at a time.
package final class MappedTestRing: @unchecked Sendable {
  package let ring: HostRing
  package var consumer: RingConsumer

  package init(
    capacity: UInt64 = 256, reserve: UInt64 = 96, cpuCount: Int = 1, bellDescriptor: Int32 = -1
  ) throws {
    let geometry = RingGeometry(uncheckedCapacity: capacity, reserve: reserve)
    let control = try MappedTestRing.region(ControlLayout.size)
    let slots = try MappedTestRing.region(Int(geometry.byteCount))
    let cpus = try MappedTestRing.region(cpuCount * CPUStateLayout.size)
    // The consumer keeps the mappings as long as this value lives.
    ring = unsafe HostRing(
      geometry: geometry, cpuCount: cpuCount, control: control.base, slots: slots.base,
      cpuStates: cpus.base, bellDescriptor: bellDescriptor)
    consumer = try RingConsumer(
      geometry: geometry, control: control, slots: slots,
      account: CPUAccount(region: cpus, cpuCount: cpuCount))
  }

  private static func region(_ byteCount: Int) throws -> MappedRegion {
    // A shared mapping of /dev/zero is memory of its own, as a mapped map is.
    let descriptor = unsafe open("/dev/zero", O_RDWR | O_CLOEXEC)
    defer { close(descriptor) }
    return try MappedRegion(descriptor: descriptor, byteCount: byteCount)
  }

  // Copies of the consumer's figures: an expectation can't look into what can't be copied.
  package var isReady: Bool { consumer.isReady }
  package var backlog: UInt64 { consumer.backlog }
  package var position: UInt64 { consumer.position }
  package var journal: ConsumerJournal { consumer.journal }

  /// Publishes `count` records.
  package func produce(_ count: Int, slots: UInt64 = 1, cpu: Int = 0) {
    for number in 0..<count {
      TestRecord(producer: UInt64(cpu), number: UInt64(number))
        .produce(Producer(ring.memory(cpu: cpu)), slots: slots)
    }
  }

  /// The tickets that a drain hands out.
  package func drain(limit: Int = .max) throws -> [UInt64] {
    var tickets: [UInt64] = []
    _ = try consumer.drain(limit: limit) { record throws(Never) in
      tickets.append(record.header.sequence - 1)
    }
    return tickets
  }
}
