import RingStress
import SequencerABI
import SequencerCore
import Testing

/// One thread, many laps: every record comes out once, whole and in order.
struct LapTests {
  @Test("Records of every span wrap at every slot", arguments: UInt64(1)...47)
  func span(slots: UInt64) {
    let ring = HostRing(capacity: 256, reserve: 96)
    let producer = Producer(ring.memory())
    var consumer = ring.consumer()
    var number: UInt64 = 0
    var expected: UInt64 = 0
    var starts = Set<UInt64>()
    while expected < 256 * 100 {
      // As much as surely fits below the high water.
      let burst = max(1, 96 / slots)
      for _ in 0..<burst {
        TestRecord(producer: 7, number: number).produce(producer, slots: slots)
        number += 1
      }
      for delivered in consumer.readAll() {
        #expect(delivered.ticket == expected && delivered.isWhole && delivered.span == slots)
        #expect(delivered.record == TestRecord(producer: 7, number: expected / slots))
        #expect(delivered.gap == nil && delivered.lostBefore == 0)
        starts.insert(expected % 256)
        expected += slots
      }
      #expect(expected == number * slots)
    }
    // Odd spans start at every slot, also the last; so do half of the others at what they can reach.
    #expect(starts.count == 256 >> slots.trailingZeroBitCount)
    #expect(ring.lost() == 0 && ring.offered() == number)
    #expect(ring.controlSwitch(ControlLayout.poisoned) == 0)
  }

  @Test(
    "Mixed spans and bursts, from any ticket on",
    arguments: [0, 255, 1 << 32, 1 << 48, (1 << 62) + 77] as [UInt64])
  func mixed(first: UInt64) {
    let ring = HostRing(capacity: 256, reserve: 96)
    ring.start(at: first)
    let producer = Producer(ring.memory())
    var consumer = ring.consumer()
    var random = RandomNumbers(seed: first &+ 1)
    var expected = first
    var number: UInt64 = 0
    var spans: [UInt64] = []
    for _ in 0..<4000 {
      var room = UInt64(110)
      while true {
        let slots = UInt64.random(in: 1...47, using: &random)
        if slots > room { break }
        room -= slots
        TestRecord(producer: 1, number: number).produce(producer, slots: slots)
        number += 1
        spans.append(slots)
      }
      let limit = Int.random(in: 1...20, using: &random)
      while !spans.isEmpty {
        for delivered in consumer.readAll(limit: limit) {
          #expect(delivered.ticket == expected && delivered.isWhole)
          let span = spans.removeFirst()
          #expect(delivered.span == span)
          expected += delivered.span
        }
      }
    }
    #expect(ring.lost() == 0 && ring.offered() == number)
  }

  @Test func emptyRingHasNothing() {
    let ring = HostRing(capacity: 256, reserve: 96)
    let consumer = ring.consumer()
    let isEmpty = unsafe consumer.next() == nil
    #expect(isEmpty && consumer.backlog == 0 && !consumer.isPoisoned)
  }

  @Test("A claimed slot stops the consumer until it is published, whatever lies behind it")
  func waitsForTheClaimed() throws {
    let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 2)
    let slow = Producer(ring.memory())
    let fast = Producer(ring.memory(cpu: 1))
    var consumer = ring.consumer()
    let claim = try slow.admitted(slots: 2)
    for number in UInt64(0)..<10 { TestRecord(producer: 1, number: number).produce(fast) }
    #expect(consumer.readAll().isEmpty && consumer.backlog == 12)
    slow.publish(claim, kind: .test, cpu: 0, flags: [], payloadLength: 0)
    #expect(consumer.readAll().map(\.ticket) == [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  }
}
