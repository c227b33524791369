import SequencerABI
import Testing

struct RingGeometryTests {
  @Test("The reserve is two of the longest claims for each context that can nest")
  func reserve() {
    #expect(RingGeometry.maxSpan == 48 && RingGeometry.nestingLevels == 4)
    #expect(RingGeometry.reserve(possibleCPUs: 1) == 384)
    #expect(RingGeometry.reserve(possibleCPUs: 2) == 768)
    #expect(RingGeometry.reserve(possibleCPUs: 64) == 24_576)
    #expect(RingGeometry.reserve(possibleCPUs: 4096) == 1_572_864)
  }

  @Test("The least capacity holds four reserves and is the first power of two to do so")
  func minimumCapacity() {
    for cpus in UInt64(1)...4096 {
      let least = RingGeometry.minimumCapacity(possibleCPUs: cpus)
      let reserve = RingGeometry.reserve(possibleCPUs: cpus)
      let isRight = least.nonzeroBitCount == 1 && least >= 4 * reserve && least / 2 < 4 * reserve
      #expect(isRight, "for \(cpus) CPUs: \(least)")
    }
    #expect(RingGeometry.minimumCapacity(possibleCPUs: 1) == 2048)
    #expect(RingGeometry.minimumCapacity(possibleCPUs: 2) == 4096)
    #expect(RingGeometry.minimumCapacity(possibleCPUs: 4096) == 8_388_608)
  }

  @Test(arguments: [UInt64(1), 2, 3, 8, 128, 4096])
  func acceptsFromTheLeastToTheGreatest(cpus: UInt64) throws {
    var capacity = RingGeometry.minimumCapacity(possibleCPUs: cpus)
    #expect(RingGeometry(capacity: capacity / 2, possibleCPUs: cpus) == nil)
    while capacity <= RingGeometry.maxCapacity {
      let geometry = try #require(RingGeometry(capacity: capacity, possibleCPUs: cpus))
      #expect(geometry.capacity == capacity)
      #expect(geometry.reserve == RingGeometry.reserve(possibleCPUs: cpus))
      #expect(geometry.mask == capacity - 1)
      #expect(geometry.highWater + geometry.reserve == capacity)
      #expect(geometry.highWater >= 3 * geometry.reserve)
      #expect(geometry.tailSlots == 47)
      #expect(geometry.byteCount == (capacity + 47) * 128)
      capacity *= 2
    }
    #expect(RingGeometry(capacity: capacity, possibleCPUs: cpus) == nil)
  }

  @Test(arguments: [0, 1, 3, 2047, 2049, 3000, 6144, (1 << 32) - 1, (1 << 32) + 1, 1 << 33, .max])
  func refusesWhatIsNoRing(capacity: UInt64) {
    #expect(RingGeometry(capacity: capacity, possibleCPUs: 1) == nil)
  }

  @Test func refusesNoCPUs() {
    #expect(RingGeometry(capacity: 1 << 20, possibleCPUs: 0) == nil)
  }
}
