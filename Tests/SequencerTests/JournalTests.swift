import RingStress
import SequencerABI
import SequencerCore
import Testing

/// What a consumer leaves for its successor: how far it came, what it handed out, what it told.
struct JournalTests {
  private let ring = HostRing(capacity: 256, reserve: 96)

  private func gap(_ count: UInt32, _ family: EventFamily = .test) -> GapBlock {
    var gap = GapBlock.none
    gap.total = UInt64(count)
    if family == .test { gap.lost.15 = count } else { gap.lost.1 = count }
    return gap
  }

  @Test("Losses told while no record comes are in the journal, however often")
  func lossWithoutProgress() {
    var consumer = ring.consumer()
    for round in UInt32(1)...7 {
      consumer.journal.addLoss(gap(1))
      consumer.release()
      let successor = ring.consumer()
      #expect(successor.journal.lostTold[15] == UInt64(round))
      #expect(successor.journal.lostTotal == UInt64(round) && successor.position == 0)
    }
  }

  @Test("Every successor continues the figures, whenever the last one died")
  func figuresContinue() {
    var random = RandomNumbers(seed: 4)
    let producer = Producer(ring.memory())
    var read: UInt64 = 0
    var told: UInt64 = 0
    for round in 0..<500 {
      for _ in 0..<Int.random(in: 0...60, using: &random) {
        TestRecord(producer: 0, number: 0)
          .produce(producer, slots: UInt64.random(in: 1...5, using: &random))
      }
      var consumer = ring.consumer()
      #expect(consumer.journal.records == read && consumer.journal.lostTotal == told, "\(round)")
      for record in consumer.readAll(limit: Int.random(in: 0...50, using: &random)) {
        read += 1
        told += record.gap?.total ?? 0
      }
      if random.oneIn(3) {
        var residual = GapBlock.none
        unsafe residual.take(from: ring.cpuStates)
        consumer.journal.addLoss(residual)
        told += residual.total
        consumer.release()
      }
      // Reads on and dies without a word.
      if let record = unsafe consumer.next() {
        unsafe consumer.advance(over: record.bytes, span: record.span)
      }
    }
    #expect(told > 0 && read > 0)
    var last = ring.consumer()
    for record in last.readAll() {
      read += 1
      told += record.gap?.total ?? 0
    }
    var residual = GapBlock.none
    unsafe residual.take(from: ring.cpuStates)
    #expect(read + told + residual.total == ring.offered())
    #expect(told + residual.total == ring.lost())
  }

  @Test("An entry that was only half written does not count")
  func halfWrittenEntry() {
    var consumer = ring.consumer()
    for number in UInt64(0)..<3 {
      TestRecord(producer: 0, number: number).produce(Producer(ring.memory()), slots: 3)
      _ = consumer.readAll()
    }
    // The next entry is the one written two releases ago: everything of it but its generation.
    for entry in 0..<2 {
      let base = ControlLayout.journal + entry * JournalLayout.size
      let generation = ring.controlWord(base + JournalLayout.generation)
      guard generation == 2 else { continue }
      ring.setControlWord(base + JournalLayout.position, 12)
      ring.setControlWord(base + JournalLayout.records, 4)
      ring.setControlWord(base + JournalLayout.lostTold, 77)
    }
    let successor = ring.consumer()
    #expect(successor.position == 9 && successor.journal.records == 3)
    #expect(successor.journal.lostTotal == 0)
  }

  @Test("A successor finishes the release that the last one died in")
  func finishesTheRelease() {
    var consumer = ring.consumer()
    let producer = Producer(ring.memory())
    for number in UInt64(0)..<4 {
      TestRecord(producer: 0, number: number).produce(producer, slots: 5)
    }
    _ = consumer.readAll(limit: 2)
    // As if the producers had not been told: death between journal and release.
    ring.setControlWord(ControlLayout.gating, 0)
    var successor = ring.consumer()
    #expect(successor.position == 10 && ring.controlWord(ControlLayout.gating) == 10)
    #expect(successor.readAll().map(\.record.number) == [2, 3])
  }
}
