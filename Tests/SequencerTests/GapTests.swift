import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Losses are told in the stream: once, by family, between bounds that are true.
struct GapTests {
  // Closes after 161 records of one slot.
  private let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 2)

  private func produce(_ cpu: Int, _ count: Int, family: EventFamily = .test, slots: UInt64 = 1) {
    let producer = Producer(ring.memory(cpu: cpu))
    for number in 0..<count {
      TestRecord(producer: UInt64(cpu), number: UInt64(number))
        .produce(producer, slots: slots, family: family)
    }
  }

  @Test func travelsWithTheNextRecordOfItsCPU() throws {
    var consumer = ring.consumer()
    produce(1, 2)
    produce(0, 159)
    produce(1, 3, family: .process)
    produce(1, 4, family: .network)
    for record in consumer.readAll() { #expect(record.gap == nil && record.lostBefore == 0) }
    // The other CPU has nothing to tell.
    produce(0, 1)
    produce(1, 1, slots: 2)
    produce(1, 1)
    let records = consumer.readAll()
    #expect(records.map(\.ticket) == [161, 162, 165])
    #expect(records.map(\.span) == [1, 3, 1])
    #expect(records.map(\.lostBefore) == [0, 7, 0])
    let gap = try #require(records[1].gap)
    // The last record of that CPU before the loss: ticket 1.
    #expect(gap.after == 2 && gap.total == 7)
    var expected = [UInt64](repeating: 0, count: EventFamily.count)
    expected[Int(EventFamily.process.rawValue)] = 3
    expected[Int(EventFamily.network.rawValue)] = 4
    #expect(gap.byFamily == expected)
    #expect(records[0].gap == nil && records[2].gap == nil)
    for record in records { #expect(record.isWhole) }
  }

  @Test func boundIsNoneBeforeTheFirstRecord() throws {
    var consumer = ring.consumer()
    produce(0, 161)
    produce(1, 5)
    _ = consumer.readAll()
    produce(1, 1)
    let gap = try #require(consumer.readAll().first?.gap)
    #expect(gap.after == 0 && gap.total == 5)
  }

  @Test func eachGapHasItsOwnBound() throws {
    var consumer = ring.consumer()
    var bounds: [UInt64] = []
    var tickets: [UInt64] = []
    for _ in 0..<20 {
      produce(0, 200)
      for record in consumer.readAll() {
        if let gap = record.gap {
          bounds.append(gap.after)
          #expect(gap.after == tickets.last.map { $0 + 1 })
        }
        tickets.append(record.ticket)
      }
    }
    #expect(bounds.count == 19 && bounds == bounds.sorted() && Set(bounds).count == 19)
  }

  @Test func takesEveryFamily() throws {
    var consumer = ring.consumer()
    produce(0, 161)
    for family in EventFamily.allCases { produce(0, Int(family.rawValue), family: family) }
    _ = consumer.readAll()
    produce(0, 1)
    let gap = try #require(consumer.readAll().first?.gap)
    for family in EventFamily.allCases {
      #expect(gap.byFamily[Int(family.rawValue)] == UInt64(family.rawValue))
    }
    #expect(gap.total == gap.byFamily.reduce(0, +))
  }

  @Test("More losses than the header can tell are told by the block")
  func lostBeforeSaturates() throws {
    var consumer = ring.consumer()
    for family in 1...3 {
      unsafe ring.cpuStates.storeBytes(
        of: UInt32.max, toByteOffset: CPUStateLayout.pendingLost + 4 * family, as: UInt32.self)
    }
    unsafe ring.cpuStates.storeBytes(
      of: 1, toByteOffset: CPUStateLayout.pendingTotal, as: UInt32.self)
    produce(0, 1)
    let record = try #require(consumer.readAll().first)
    #expect(record.lostBefore == 0xFFFF_FFFF && record.gap?.total == 3 * 0xFFFF_FFFF)
  }

  @Test("The longest record leaves room for its gap")
  func longestRecordWithGap() throws {
    var consumer = ring.consumer()
    produce(0, 162)
    _ = consumer.readAll()
    produce(0, 1, slots: RingGeometry.maxSpan - 1)
    let record = try #require(consumer.readAll().first)
    #expect(record.span == RingGeometry.maxSpan && record.isWhole && record.gap?.total == 1)
  }

  @Test("A gap is collected exactly once, by the consumer or by the next record")
  func residualOnce() {
    var consumer = ring.consumer()
    produce(0, 165)
    var first = GapBlock.none
    unsafe first.take(from: ring.cpuStates)
    #expect(first.total == 4 && first.afterSequence == 161)
    var second = GapBlock.none
    unsafe second.take(from: ring.cpuStates)
    #expect(second.total == 0)
    _ = consumer.readAll()
    produce(0, 1)
    #expect(consumer.readAll().map(\.lostBefore) == [0])
  }

  @Test("A consumer stopped amid its collection never makes a bound tighter than the truth")
  func collectorStoppedHalfway() throws {
    var consumer = ring.consumer()
    produce(0, 162)
    // The collector has read the bound and reset the hint, and is scheduled away.
    unsafe ring.cpuStates.storeBytes(
      of: 0, toByteOffset: CPUStateLayout.pendingTotal, as: UInt32.self)
    _ = consumer.readAll()
    // The CPU goes on: 161 records, the first without a gap as the hint is reset; one more loss.
    produce(0, 162)
    _ = consumer.readAll()
    produce(0, 1)
    let gap = try #require(consumer.readAll().first?.gap)
    #expect(gap.total == 2)
    // The first of the two was lost behind ticket 160, before the record of ticket 161.
    #expect(gap.after <= 161)
  }
}
