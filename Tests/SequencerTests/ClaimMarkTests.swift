import RingStress
import SequencerABI
import SequencerCore
import Testing

/// What a producer leaves in its slot between claim and publish.
struct ClaimMarkTests {
  static let sequences: [UInt64] = [
    1, 2, 0xFFFF_FFFF, (1 << 48) - 1, 1 << 48, (1 << 48) + 7, 1 << 62,
  ]

  @Test("A mark names its CPU for its own sequence, and no other", arguments: sequences)
  func naming(sequence: UInt64) {
    for cpu in [0, 1, 63, 8191, ClaimMark.cpuLimit - 1] {
      let word = ClaimMark.word(sequence: sequence, cpu: cpu)
      // No sequence that is ever published has this bit.
      #expect(word >> 63 == 1)
      #expect(ClaimMark.cpu(in: word, sequence: sequence) == cpu)
      // Slots are shared by tickets a lap apart.
      for other in [sequence + 1, sequence + 256, sequence ^ (1 << 47)] {
        #expect(ClaimMark.cpu(in: word, sequence: other) == nil)
      }
    }
    for word in [0, sequence, sequence - 1] {
      #expect(ClaimMark.cpu(in: word, sequence: sequence) == nil)
    }
  }

  @Test("The consumer names the claimant from its mark to its publication, and at no other step")
  func everyStep() {
    let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 4)
    let steps: [ProducerStep] = [
      .viewRead, .admitted, .pendingTaken, .claimed, .cursorNoted, .gateSettled, .marked, .filled,
      .published,
    ]
    var consumer = ring.consumer()
    // Several laps: what an earlier lap left in a slot is no mark of this one.
    for number in UInt64(0)..<600 {
      let cpu = Int(number % 4)
      var seen: [UInt32?] = []
      let memory = ring.memory(cpu: cpu) { step in
        if steps.contains(step) { seen.append(consumer.claimant) }
      }
      TestRecord(producer: UInt64(cpu), number: number)
        .produce(Producer(memory), slots: number % 5 + 1)
      #expect(
        seen == [nil, nil, nil, nil, nil, nil, UInt32(cpu), UInt32(cpu), nil], "record \(number)")
      #expect(consumer.readAll().map(\.record.number) == [number])
    }
  }

  @Test("A payload can't name a CPU for a later lap's record")
  func forgedMarks() throws {
    let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 8)
    var consumer = ring.consumer()
    let producer = Producer(ring.memory(cpu: 1))
    let claim = try producer.admitted(slots: 3)
    for slot in UInt64(1)...2 {
      let forged = ClaimMark.word(sequence: slot + 256 + 1, cpu: 7)
      unsafe claim.bytes.storeBytes(of: forged, toByteOffset: Int(slot) * 128, as: UInt64.self)
    }
    producer.publish(claim, kind: .test, cpu: 1, flags: [], payloadLength: 64)
    #expect(consumer.readAll().count == 1)
    for number in UInt64(3)...256 {
      TestRecord(producer: 1, number: number).produce(producer)
      #expect(consumer.readAll().count == 1)
    }
    // The slots of the forged marks, one after the other, claimed and not marked yet.
    for slot in UInt64(1)...2 {
      var whileClaimed: UInt32? = 99
      let memory = ring.memory(cpu: 1) { step in
        if step == .claimed { whileClaimed = consumer.claimant }
      }
      #expect(consumer.position == 256 + slot)
      TestRecord(producer: 1, number: slot).produce(Producer(memory))
      #expect(whileClaimed == nil)
      #expect(consumer.readAll().count == 1)
    }
  }

  @Test("A mark is left only where the slot is free: an overrun destroys no record")
  func poisonedLeavesNone() throws {
    // No reserve to speak of, and a consumer that never reads.
    let ring = HostRing(capacity: 64, reserve: 0)
    let consumer = ring.consumer()
    let producer = Producer(ring.memory())
    for number in UInt64(0)..<64 { TestRecord(producer: 0, number: number).produce(producer) }
    // The gate is shut by hand no more: a producer that passed it on an old view.
    ring.setControlSwitch(ControlLayout.gate, 0)
    #expect(TestRecord(producer: 0, number: 64).produce(producer) == nil)
    #expect(ring.controlSwitch(ControlLayout.poisoned) == 1)
    let first = unsafe consumer.next()
    #expect(unsafe first?.span == 1)
  }
}
