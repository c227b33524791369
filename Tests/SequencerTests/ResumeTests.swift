import RingStress
import SequencerABI
import SequencerCore
import Testing

/// A consumer may die at any moment; its successor goes on at what was released.
struct ResumeTests {
  @Test(arguments: UInt64(1)...40)
  func successorsReadEverythingOnce(seed: UInt64) {
    let ring = HostRing(capacity: 256, reserve: 96)
    let producer = Producer(ring.memory())
    var random = RandomNumbers(seed: seed)
    var number: UInt64 = 0
    var released: [UInt64] = []
    for _ in 0..<300 {
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        TestRecord(producer: 0, number: number)
          .produce(producer, slots: UInt64.random(in: 1...15, using: &random))
        number += 1
      }
      var consumer = ring.consumer()
      let records = consumer.readAll(limit: Int.random(in: 0...6, using: &random))
      for record in records { #expect(record.isWhole) }
      released += records.map(\.record.number)
      // Reads on without telling, and dies.
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        guard let record = unsafe consumer.next() else { break }
        unsafe consumer.advance(over: record.bytes, span: record.span)
      }
    }
    var last = ring.consumer()
    let rest = last.readAll()
    for record in rest { #expect(record.isWhole) }
    released += rest.map(\.record.number)
    #expect(released == released.sorted() && Set(released).count == released.count)
    #expect(UInt64(released.count) + ring.lost() == number)
  }

  @Test func startsAtGating() {
    let ring = HostRing(capacity: 256, reserve: 96)
    ring.start(at: 12_345)
    #expect(ring.consumer().position == 12_345 && ring.consumer().released == 12_345)
    TestRecord(producer: 0, number: 0).produce(Producer(ring.memory()))
    var consumer = ring.consumer()
    #expect(consumer.readAll().map(\.ticket) == [12_345])
  }
}
