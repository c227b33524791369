import RingStress
import Sequencer
import SequencerABI
import SequencerCore
import Testing

/// The consumer that users get: lending, limits, release, and loud stops.
struct RingConsumerTests {
  private struct Refused: Error, Equatable { var ticket: UInt64 }

  @Test func handsOutInOrderUpToTheLimit() throws {
    let test = try MappedTestRing()
    #expect(!test.isReady)
    test.produce(10, slots: 3)
    #expect(test.isReady && test.backlog == 30)
    #expect(try test.drain(limit: 4) == [0, 3, 6, 9])
    #expect(test.position == 12)
    #expect(try test.drain(limit: 0) == [])
    #expect(try test.drain() == [12, 15, 18, 21, 24, 27])
    #expect(try test.drain() == [])
    #expect(!test.isReady && test.backlog == 0)
    #expect(test.journal.records == 10)
  }

  @Test func lendsTheWholeRecord() throws {
    let test = try MappedTestRing()
    for slots in [1, 2, 47] as [UInt64] {
      test.produce(1, slots: slots)
      var lent = 0
      var length: UInt32 = 0
      _ = try test.consumer.drain { record throws(Never) in
        lent = record.bytes.byteCount
        length = record.header.payloadLength
      }
      #expect(lent == Int(slots) * 128 && length == UInt32(slots * 128 - 64))
    }
  }

  @Test("A record whose handling failed is handed out again, and what was before it is released")
  func failedRecordsComeAgain() throws {
    let test = try MappedTestRing()
    test.produce(8, slots: 2)
    var seen: [UInt64] = []
    for _ in 0..<2 {
      do {
        _ = try test.consumer.drain { record throws(Refused) in
          let ticket = record.header.sequence - 1
          if ticket == 6 { throw Refused(ticket: ticket) }
          seen.append(ticket)
        }
        Issue.record("the error was swallowed")
      } catch {
        switch error {
        case .body(let refused): #expect(refused == Refused(ticket: 6))
        case .ring(let error): throw error
        }
      }
      #expect(test.position == 6)
      #expect(test.ring.controlWord(ControlLayout.gating) == 6)
    }
    #expect(seen == [0, 2, 4])
    #expect(try test.drain() == [6, 8, 10, 12, 14])
  }

  @Test("Slots go back within a few hundred slots, not only at the end of a drain")
  func releasesAlongTheWay() throws {
    let test = try MappedTestRing(capacity: 4096, reserve: 384)
    test.produce(1200, slots: 3)
    let ring = test.ring
    var widest: UInt64 = 0
    let count = try test.consumer.drain { record throws(Never) in
      let ticket = record.header.sequence - 1
      widest = max(widest, ticket - ring.controlWord(ControlLayout.gating))
    }
    #expect(count == 1200 && widest >= 512 - 3 && widest < 512 + 48)
    #expect(ring.controlWord(ControlLayout.gating) == 3600)
  }

  @Test("A consumer that keeps what it reads releases by itself only")
  func releasesWhenTold() throws {
    let test = try MappedTestRing(capacity: 4096, reserve: 384)
    test.consumer.releasesWhileDraining = false
    test.produce(1200, slots: 3)
    #expect(try test.drain().count == 1200)
    #expect(test.ring.controlWord(ControlLayout.gating) == 0)
    test.consumer.release()
    #expect(test.ring.controlWord(ControlLayout.gating) == 3600)
  }

  @Test("A span that no program of ours publishes stops the consumer", arguments: [0, 49, 65_535])
  func damagedSpan(span: UInt16) throws {
    let test = try MappedTestRing()
    test.produce(5)
    unsafe test.ring.slots.storeBytes(of: span, toByteOffset: 3 * 128 + 18, as: UInt16.self)
    for _ in 0..<2 {
      do {
        _ = try test.drain()
        Issue.record("a damaged record was handed out")
      } catch let error as DrainError<Never> {
        guard case .ring(let error) = error else { continue }
        #expect(error.description.hasPrefix("the ring is damaged at sequence 3: "))
      }
      #expect(test.position == 3)
    }
  }

  @Test func poisonedRingStops() throws {
    let test = try MappedTestRing()
    test.produce(2)
    test.consumer.setControlSwitch(ControlLayout.poisoned, 1)
    // What was published before is good.
    #expect(try test.drain() == [0, 1])
    #expect(throws: DrainError<Never>.self) { try test.drain() }
  }

  @Test("A loss that no record tells is collected once, and is in the journal")
  func residualLoss() throws {
    let test = try MappedTestRing(cpuCount: 2)
    test.produce(163)
    test.produce(3, cpu: 1)
    _ = try test.drain()
    for round in 0..<2 {
      var told: [Int: (total: UInt64, after: UInt64)] = [:]
      test.consumer.collectResidualLoss { cpu, gap in
        told[cpu] = (gap.total, gap.afterSequence)
      }
      guard round == 0 else {
        #expect(told.isEmpty)
        continue
      }
      #expect(told[0]?.total == 2 && told[0]?.after == 161)
      #expect(told[1]?.total == 3 && told[1]?.after == 0)
    }
    #expect(test.journal.lostTotal == 5)
    #expect(test.ring.consumer().journal.lostTotal == 5)
    test.produce(1)
    #expect(try test.drain() == [161])
    let totals = test.consumer.account.totals()
    let lost = test.consumer.account.lost(cpu: 1, family: .test)
    let offered = test.consumer.account.offered(cpu: 1, family: .test)
    let filtered = test.consumer.account.filtered(cpu: 1, family: .test)
    let test15 = Int(EventFamily.test.rawValue)
    #expect(totals.offered[test15] == 167 && totals.lost[test15] == 5)
    #expect(lost == 3 && offered == 3 && filtered == 0)
  }

  @Test("The gate opens behind a consumer that was too slow")
  func keepsGoing() throws {
    let test = try MappedTestRing()
    var read = 0
    for _ in 0..<100 {
      test.produce(400)
      read += try test.drain().count
    }
    #expect(UInt64(read) + test.ring.lost() == 40_000 && test.ring.lost() > 0)
    #expect(test.journal.records == UInt64(read))
  }
}
