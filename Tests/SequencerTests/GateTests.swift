import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Admission: what closes the gate, what passes it, what opens it; and the alarm behind it.
struct GateTests {
  // High water 160, half of it 80.
  private let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 3)

  private func fill() -> UInt64 {
    let producer = Producer(ring.memory())
    var number: UInt64 = 0
    while TestRecord(producer: 0, number: number).produce(producer) != nil { number += 1 }
    return number
  }

  @Test func closesPastHighWater() {
    let producer = Producer(ring.memory())
    for number in UInt64(0)..<160 { TestRecord(producer: 0, number: number).produce(producer) }
    #expect(ring.controlSwitch(ControlLayout.gate) == 0)
    TestRecord(producer: 0, number: 160).produce(producer)
    #expect(ring.controlSwitch(ControlLayout.gate) == 1 && ring.lost() == 0)
    #expect(TestRecord(producer: 0, number: 161).produce(producer) == nil)
    #expect(ring.lost() == 1 && ring.offered() == 162)
    // A loss takes no ticket.
    #expect(ring.controlWord(ControlLayout.cursor) == 161)
  }

  @Test func countsLossesByCPUAndFamily() {
    #expect(fill() == 161)
    for (cpu, family, count) in [
      (0, EventFamily.process, 3), (1, .process, 5), (1, .signal, 2), (2, .bpf, 1),
    ] {
      let producer = Producer(ring.memory(cpu: cpu))
      for _ in 0..<count { TestRecord(producer: 0, number: 0).produce(producer, family: family) }
    }
    #expect(ring.lost(cpu: 0, .test) == 1 && ring.lost(cpu: 0, .process) == 3)
    #expect(ring.lost(cpu: 1, .process) == 5 && ring.lost(cpu: 1, .signal) == 2)
    #expect(ring.lost(cpu: 2, .bpf) == 1 && ring.lost(cpu: 2, .process) == 0)
    #expect(ring.offered(cpu: 1, .process) == 5 && ring.offered(cpu: 2, .bpf) == 1)
  }

  @Test func opensWhenHalfIsFree() {
    _ = fill()
    var consumer = ring.consumer()
    #expect(consumer.readAll(limit: 80).count == 80)
    #expect(ring.controlSwitch(ControlLayout.gate) == 1)
    #expect(consumer.readAll(limit: 1).count == 1)
    #expect(ring.controlSwitch(ControlLayout.gate) == 0)
  }

  @Test("A closed gate turns away only what would not fit")
  func admitsWhatFitsWhileClosed() {
    _ = fill()
    var consumer = ring.consumer()
    #expect(consumer.readAll(limit: 30).count == 30)
    #expect(ring.controlSwitch(ControlLayout.gate) == 1)
    let other = Producer(ring.memory(cpu: 1))
    // 131 in use: 29 fit, 30 do not.
    #expect(TestRecord(producer: 1, number: 0).produce(other, slots: 30) == nil)
    #expect(TestRecord(producer: 1, number: 1).produce(other, slots: 28) == 161)
    #expect(ring.lost(cpu: 1) == 1)
  }

  @Test("A gate closed on an old view after the ring was emptied does not stop anyone")
  func closedAndEmpty() {
    _ = fill()
    var consumer = ring.consumer()
    _ = consumer.readAll()
    ring.setControlSwitch(ControlLayout.gate, 1)
    let producer = Producer(ring.memory(cpu: 1))
    #expect(TestRecord(producer: 1, number: 0).produce(producer) != nil)
    #expect(consumer.readAll().count == 1)
    #expect(ring.controlSwitch(ControlLayout.gate) == 0)
  }

  @Test("Both halves go on through many fillings")
  func fillsAgainAndAgain() {
    let producer = Producer(ring.memory())
    var consumer = ring.consumer()
    var number: UInt64 = 0
    var delivered: UInt64 = 0
    var told: UInt64 = 0
    for round in 0..<500 {
      for _ in 0..<300 {
        TestRecord(producer: 0, number: number).produce(producer, slots: number % 47 + 1)
        number += 1
      }
      for record in consumer.readAll(limit: round % 200 + 1) {
        #expect(record.isWhole)
        delivered += 1
        told += record.lostBefore
      }
    }
    for record in consumer.readAll() {
      delivered += 1
      told += record.lostBefore
    }
    #expect(ring.offered() == number && delivered + ring.lost() == number)
    var residual = GapBlock.none
    unsafe residual.take(from: ring.cpuStates)
    #expect(told + residual.total == ring.lost() && ring.lost() > 0)
  }

  @Test("An overrun that admission failed to prevent is told, and nothing is written")
  func poisoned() {
    ring.setControlWord(ControlLayout.cursor, 256)
    let before = unsafe ring.slots.load(as: UInt64.self)
    let producer = Producer(ring.memory())
    #expect(TestRecord(producer: 0, number: 0).produce(producer) == nil)
    #expect(ring.controlSwitch(ControlLayout.poisoned) == 1)
    #expect(ring.controlSwitch(ControlLayout.gate) == 1)
    #expect(ring.consumer().isPoisoned)
    let after = unsafe ring.slots.load(as: UInt64.self)
    #expect(before == after)
  }

  @Test("An old view of the consumer's position is looked at again before the alarm")
  func staleViewIsNoOverrun() {
    let ring = ring
    ring.setControlWord(ControlLayout.cursor, 256)
    let memory = ring.memory { step in
      if step == .claimed { ring.setControlWord(ControlLayout.gating, 256) }
    }
    #expect(TestRecord(producer: 0, number: 0).produce(Producer(memory)) == 256)
    #expect(ring.controlSwitch(ControlLayout.poisoned) == 0)
  }
}
