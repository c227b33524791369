import RingStress
import SequencerABI
import SequencerCore
import Testing

/// The handshake between a consumer that goes to sleep and producers that wake it.
struct ParkTests {
  private let ring = HostRing(capacity: 256, reserve: 96)

  private func produce() {
    TestRecord(producer: 0, number: 0).produce(Producer(ring.memory()))
  }

  @Test func noBellWhileAwake() {
    produce()
    #expect(ring.rings == 0)
  }

  @Test func firstRecordRingsAndTakesTheAnnouncement() {
    var consumer = ring.consumer()
    let sleeps = consumer.prepareToPark()
    #expect(sleeps)
    #expect(ring.controlSwitch(ControlLayout.parked) == 1)
    produce()
    produce()
    #expect(ring.rings == 1 && ring.controlSwitch(ControlLayout.parked) == 0)
  }

  @Test func doesNotSleepOverARecord() {
    var consumer = ring.consumer()
    produce()
    let sleeps = consumer.prepareToPark()
    #expect(!sleeps)
    #expect(ring.controlSwitch(ControlLayout.parked) == 0)
    produce()
    #expect(ring.rings == 0)
  }

  @Test func sleepsOverAClaimThatIsNotPublished() throws {
    var consumer = ring.consumer()
    let producer = Producer(ring.memory())
    let claim = try producer.admitted(slots: 1)
    let sleeps = consumer.prepareToPark()
    #expect(sleeps)
    producer.publish(claim, kind: .test, cpu: 0, flags: [], payloadLength: 0)
    #expect(ring.rings == 1)
  }

  @Test func cancelSilences() {
    var consumer = ring.consumer()
    let sleeps = consumer.prepareToPark()
    #expect(sleeps)
    consumer.cancelPark()
    produce()
    #expect(ring.rings == 0)
  }

  @Test("Whenever the consumer parks, it sees the record or the producer sees it asleep")
  func everyInterleaving() {
    let steps: [ProducerStep] = [
      .viewRead, .admitted, .pendingTaken, .claimed, .cursorNoted, .gateSettled, .marked,
      .filled, .published,
    ]
    for parkAt in steps {
      let ring = HostRing(capacity: 256, reserve: 96)
      var sleeps = false
      let memory = ring.memory { step in
        guard step == parkAt else { return }
        var consumer = ring.consumer()
        sleeps = consumer.prepareToPark()
      }
      TestRecord(producer: 0, number: 0).produce(Producer(memory))
      #expect(sleeps == (parkAt != .published), "\(parkAt)")
      #expect(ring.rings == (sleeps ? 1 : 0), "\(parkAt)")
    }
  }

  @Test func parkingReleasesAndOpensTheGate() {
    let producer = Producer(ring.memory())
    while TestRecord(producer: 0, number: 0).produce(producer) != nil {}
    var consumer = ring.consumer()
    while let record = unsafe consumer.next() {
      unsafe consumer.advance(over: record.bytes, span: record.span)
    }
    #expect(ring.controlSwitch(ControlLayout.gate) == 1)
    let sleeps = consumer.prepareToPark()
    #expect(sleeps)
    #expect(ring.controlSwitch(ControlLayout.gate) == 0)
    #expect(ring.controlWord(ControlLayout.gating) == 161)
  }
}
