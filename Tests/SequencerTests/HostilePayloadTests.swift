import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Payloads that imitate a published record of a later lap; and what a successor finds.
struct HostilePayloadTests {
  private let ring = HostRing(capacity: 256, reserve: 96)

  /// Claims and publishes a record whose every continuation slot starts with the sequence that a
  /// record of `laps` laps later would carry there, and imitates its header.
  private func publishHostile(slots: UInt64, laps: UInt64) throws -> UInt64 {
    let producer = Producer(ring.memory())
    let claim = try producer.admitted(slots: slots)
    for slot in 1..<slots {
      var forged = RecordHeader()
      forged.sequence = claim.ticket + slot + laps * 256 + 1
      forged.kind = EventKind.test.rawValue
      forged.span = 1
      unsafe claim.bytes.storeBytes(
        of: forged, toByteOffset: Int(slot) * Slot.size, as: RecordHeader.self)
    }
    let ticket = claim.ticket
    producer.publish(claim, kind: .test, cpu: 0, flags: [], payloadLength: 64)
    return ticket
  }

  /// A consumer as it would be without its care for payloads.
  private func readCarelessly(_ position: inout UInt64) -> [UInt64] {
    var tickets: [UInt64] = []
    while true {
      let slot = unsafe ring.slots + Int(position & 255) * Slot.size
      guard unsafe slot.load(as: UInt64.self) == position + 1 else { return tickets }
      tickets.append(position)
      position += unsafe UInt64(slot.load(fromByteOffset: 18, as: UInt16.self))
      ring.setControlWord(ControlLayout.gating, position)
    }
  }

  /// One lap of honest records up to the hostile one's slots, then a claim that is not published.
  private func lap(_ read: @escaping () -> [UInt64]) throws -> (honest: [UInt64], forged: [UInt64])
  {
    let producer = Producer(ring.memory())
    let first = read()
    #expect(first == [0])
    // Honest records fill what is between, and the hostile one's first slot.
    for number in UInt64(4)...255 {
      TestRecord(producer: 0, number: number).produce(producer)
      let tickets = read()
      #expect(tickets == [number])
    }
    TestRecord(producer: 0, number: 256).produce(producer)
    // A producer has the ticket of a continuation slot and is stalled, before its mark replaces what
    // lies there: nothing may be read of it.
    var tickets: [UInt64] = []
    let stalled = Producer(
      ring.memory { step in
        if step == .claimed { tickets = read() }
      })
    TestRecord(producer: 0, number: 257).produce(stalled)
    return (tickets.filter { $0 <= 256 }, tickets.filter { $0 > 256 })
  }

  @Test func forgedSequencesAreNeverRead() throws {
    #expect(try publishHostile(slots: 4, laps: 1) == 0)
    var consumer = ring.consumer()
    let (honest, forged) = try lap { consumer.readAll().map(\.ticket) }
    #expect(honest == [256] && forged.isEmpty)
    #expect(consumer.readAll().map(\.ticket) == [257])
  }

  @Test("Without that care they would be: the attack is real")
  func carelessConsumerIsFooled() throws {
    #expect(try publishHostile(slots: 4, laps: 1) == 0)
    var position: UInt64 = 0
    let (honest, forged) = try lap { readCarelessly(&position) }
    #expect(honest == [256])
    // It read three records that nobody published.
    #expect(forged == [257, 258, 259])
  }

  @Test("No word that a record leaves behind passes for a record in the laps to come")
  func everyForgeryOfEveryLap() throws {
    var consumer = ring.consumer()
    var survivors = 0
    for laps in UInt64(1)...20 {
      for slots in [2, 3, 17, 47] as [UInt64] {
        let ticket = try publishHostile(slots: slots, laps: laps)
        #expect(consumer.readAll().map(\.ticket) == [ticket])
        for later in 1...UInt64(25) {
          for slot in 1..<slots {
            let wanted = ticket + slot + later * 256 + 1
            let index = Int((ticket + slot) & 255)
            let word = unsafe ring.slots.load(fromByteOffset: index * Slot.size, as: UInt64.self)
            if word == wanted { survivors += 1 }
          }
        }
      }
    }
    #expect(survivors == 0)
  }

  @Test("A record read and not released is whole for the successor, whatever its payload")
  func successorFindsWholeRecords() throws {
    let producer = Producer(ring.memory())
    for number in UInt64(0)..<5 {
      TestRecord(producer: 3, number: number).produce(producer, slots: 11)
    }
    let hostile = try publishHostile(slots: 4, laps: 1)
    // The first consumer reads all and dies before it releases.
    var first = ring.consumer()
    while let record = unsafe first.next() {
      unsafe first.advance(over: record.bytes, span: record.span)
    }
    #expect(first.position == 59)
    var second = ring.consumer()
    #expect(second.position == 0)
    for number in UInt64(0)..<5 {
      let record = try #require(second.readAll(limit: 1).first)
      #expect(record.record.number == number && record.isWhole)
    }
    guard let record = unsafe second.next() else { throw NotAdmitted() }
    let word = unsafe record.bytes.load(fromByteOffset: Slot.size, as: UInt64.self)
    #expect(word == hostile + 1 + 256 + 1)
  }
}
