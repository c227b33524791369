import RingStress
import Sequencer
import SequencerABI
import SequencerCore
import Testing

/// Runs of records, as a recorder takes them; and a successor that goes on behind what it finds written.
struct RecordRunTests {
  private struct Refused: Error {}

  /// What a body was lent.
  private struct Lent: Equatable {
    var tickets: [UInt64] = []
    var first: UInt64 = 0
    var end: UInt64 = 0
    var count = 0
    var byteCount = 0
    var records: UInt64 = 0
  }

  private func take(
    _ test: MappedTestRing, slots: Int = 4096, records: Int = .max
  ) throws -> Lent {
    var lent = Lent()
    let count = try test.consumer.drainRun(slots: slots, records: records) {
      run throws(Never) in
      run.forEach { lent.tickets.append($0.header.sequence - 1) }
      lent.first = run.firstPosition
      lent.end = run.endPosition
      lent.count = run.count
      lent.byteCount = run.bytes.byteCount
      lent.records = run.journal.records
    }
    #expect(count == lent.count)
    return lent
  }

  @Test func oneRunOfAllThatIsReady() throws {
    let test = try MappedTestRing()
    test.produce(2, slots: 3)
    test.produce(3)
    let lent = try take(test)
    #expect(
      lent
        == Lent(
          tickets: [0, 3, 6, 7, 8], first: 0, end: 9, count: 5, byteCount: 9 * 128, records: 5))
    #expect(test.ring.controlWord(ControlLayout.gating) == 9)
    #expect(try take(test) == Lent())
  }

  @Test func endsAtTheRingsEnd() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96)
    test.produce(150)
    #expect(try take(test).count == 150)
    // From ticket 150 on: a record of three lies across the end, slot 255 being its first.
    test.produce(105)
    test.produce(5, slots: 1)
    let lent = try take(test)
    #expect(lent.first == 150 && lent.end == 256 && lent.byteCount == 106 * 128)
    let rest = try take(test)
    #expect(rest.first == 256 && rest.end == 260 && rest.tickets == [256, 257, 258, 259])
  }

  @Test("A record across the ring's end is lent whole")
  func acrossTheEnd() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96)
    test.produce(150)
    _ = try take(test)
    test.produce(104)
    test.produce(1, slots: 5)
    test.produce(2)
    var tickets: [UInt64] = []
    var slots: UInt64 = 0
    while case let lent = try take(test), lent.count > 0 {
      tickets += lent.tickets
      slots += lent.end - lent.first
      #expect(UInt64(lent.byteCount) == (lent.end - lent.first) * 128)
    }
    #expect(slots == 111 && tickets.last == 260 && tickets.contains(254))
  }

  @Test("Limits: records exactly, slots up to the record that reaches them")
  func limits() throws {
    let test = try MappedTestRing()
    test.produce(20, slots: 3)
    #expect(try take(test, records: 0) == Lent())
    #expect(test.position == 0)
    #expect(try take(test, records: 4).end == 12)
    #expect(try take(test, slots: 1).end == 15)
    #expect(try take(test, slots: 3).end == 18)
    #expect(try take(test, slots: 4).end == 24)
    #expect(try take(test, slots: 100, records: 1).end == 27)
    #expect(try take(test).end == 60)
  }

  @Test("What a body refuses is handed out again, and nothing is given back")
  func refused() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96)
    // Losses too: 161 fit, and the next record tells of those behind.
    test.produce(170)
    #expect(try take(test, records: 161).count == 161)
    test.produce(3, slots: 2)
    let before = test.journal
    for _ in 0..<2 {
      do {
        _ = try test.consumer.drainRun { _ throws(Refused) in throw Refused() }
        Issue.record("the error was swallowed")
      } catch {
        guard case .body = error else { throw error }
      }
      let after = test.journal
      #expect(test.position == 161 && after.records == before.records)
      #expect(after.lostTotal == 0 && before.lostTotal == 0)
      #expect(test.ring.controlWord(ControlLayout.gating) == 161)
    }
    let lent = try take(test)
    #expect(lent.count == 3 && lent.records == 164 && test.journal.lostTotal == 9)
  }

  @Test("A consumer that keeps what it read releases when it is told")
  func keeps() throws {
    let test = try MappedTestRing()
    test.consumer.releasesWhileDraining = false
    test.produce(5)
    #expect(try take(test).count == 5)
    #expect(test.ring.controlWord(ControlLayout.gating) == 0)
    test.consumer.release()
    #expect(test.ring.controlWord(ControlLayout.gating) == 5)
  }

  @Test(
    "A damaged record ends a run before it, and is an error then", arguments: [0, 49] as [UInt16])
  func damaged(span: UInt16) throws {
    let test = try MappedTestRing()
    test.produce(4)
    unsafe test.ring.slots.storeBytes(of: span, toByteOffset: 2 * 128 + 18, as: UInt16.self)
    #expect(try take(test).end == 2)
    for _ in 0..<2 {
      #expect(throws: DrainError<Never>.self) {
        _ = try test.consumer.drainRun { _ throws(Never) in Issue.record("lent") }
      }
      #expect(test.position == 2)
    }
  }

  // MARK: Going on behind what is written

  @Test("A successor steps over what is written, at each record's boundary")
  func skips() throws {
    for boundary in 0...5 {
      let test = try MappedTestRing()
      test.produce(5, slots: 3)
      var kept = ConsumerJournal()
      kept.position = UInt64(boundary * 3)
      kept.records = UInt64(boundary)
      kept.lostTold[1] = 4
      try test.consumer.skip(to: kept)
      #expect(test.position == kept.position && test.journal.records == kept.records)
      #expect(test.journal.lostTold[1] == 4)
      #expect(test.ring.controlWord(ControlLayout.gating) == kept.position)
      #expect(try take(test).count == 5 - boundary)
      #expect(test.journal.records == 5)
    }
  }

  @Test("What fits no record of the ring is refused, and nothing is given back")
  func skipsNowhere() throws {
    let test = try MappedTestRing()
    test.produce(2, slots: 3)
    #expect(try take(test, records: 1).count == 1)
    for (position, records) in [
      (4, 2), (5, 2), (6, 1), (6, 3), (7, 2), (9, 3), (0, 0), (3, 0), (UInt64.max, 2),
    ] as [(UInt64, UInt64)] {
      var kept = ConsumerJournal()
      kept.position = position
      kept.records = records
      kept.lostTold[0] = 9
      let error = #expect(throws: SequencerError.self) { try test.consumer.skip(to: kept) }
      #expect(error?.description.contains("\n") == false)
      #expect(test.position == 3 && test.journal.records == 1 && test.journal.lostTotal == 0)
      #expect(test.ring.controlWord(ControlLayout.gating) == 3)
    }
    #expect(try take(test).tickets == [3])
  }

  @Test("A file that has no block yet does not make the ring forget what it told")
  func skipsWithoutLosses() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96)
    test.produce(165)
    #expect(try take(test).count == 161)
    test.produce(1)
    #expect(try take(test).count == 1)
    #expect(test.journal.lostTotal == 4)
    var kept = ConsumerJournal()
    kept.position = test.position
    kept.records = test.journal.records
    try test.consumer.skip(to: kept)
    #expect(test.journal.lostTotal == 4)
    var told = 0
    test.consumer.collectResidualLoss(at: .ended) { _, _ in told += 1 }
    #expect(told == 0)
  }

  // MARK: Losses nobody told

  @Test("What a consumer took and did not come to tell is told at the end, once")
  func untold() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96, cpuCount: 2)
    test.produce(161)
    test.produce(7, cpu: 1)
    #expect(try take(test).count == 161)
    // A consumer takes the losses and dies.
    var taken = GapBlock.none
    unsafe taken.take(from: test.ring.cpuStates + CPUStateLayout.size)
    #expect(taken.total == 7)
    var told: [(cpu: Int, total: UInt64, after: UInt64)] = []
    for moment in [ResidualLosses.Moment.running, .leaving, .running] {
      test.consumer.collectResidualLoss(at: moment) {
        told.append(($0, $1.total, $1.afterSequence))
      }
    }
    #expect(told.isEmpty)
    for _ in 0..<2 {
      test.consumer.collectResidualLoss(at: .ended) {
        told.append(($0, $1.total, $1.afterSequence))
      }
    }
    #expect(told.count == 1)
    #expect(told.first?.cpu == RingConsumer.unknownCPU && told.first?.total == 7)
    #expect(told.first?.after == 0 && test.journal.lostTotal == 7)
  }

  @Test("What was told in records and by CPU is not told again")
  func toldAlready() throws {
    let test = try MappedTestRing(capacity: 256, reserve: 96, cpuCount: 2)
    test.produce(164)
    test.produce(2, cpu: 1)
    #expect(try take(test).count == 161)
    test.produce(1)
    #expect(try take(test).count == 1)
    #expect(test.journal.lostTotal == 3)
    var told: [Int] = []
    test.consumer.collectResidualLoss(at: .ended) { cpu, _ in told.append(cpu) }
    #expect(told == [1] && test.journal.lostTotal == 5)
  }
}
