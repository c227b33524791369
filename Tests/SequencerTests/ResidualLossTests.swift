import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Losses of a CPU that went quiet are told while the others keep the ring from ever being empty.
struct ResidualLossTests {
  // Closes after 161 records of one slot.
  private let ring = HostRing(capacity: 256, reserve: 96, cpuCount: 3)

  private struct Told: Equatable {
    var cpu: Int
    var total: UInt64
    var after: UInt64
    var at: UInt64
  }

  private func produce(_ cpu: Int, _ count: Int = 1) {
    for number in 0..<count {
      TestRecord(producer: UInt64(cpu), number: UInt64(number))
        .produce(Producer(ring.memory(cpu: cpu)))
    }
  }

  private func collect(
    _ collector: inout ResidualLosses, _ position: UInt64,
    at moment: ResidualLosses.Moment = .running, interrupted: (Int) -> Void = { _ in }
  ) -> [Told] {
    var told: [Told] = []
    unsafe collector.collect(
      position: position, control: ring.control, states: ring.cpuStates, at: moment,
      interrupted: interrupted
    ) { cpu, gap in
      told.append(Told(cpu: cpu, total: gap.total, after: gap.afterSequence, at: position))
    }
    return told
  }

  @Test("Under a stream without a pause the loss is told where it happened")
  func neverIdle() {
    var consumer = ring.consumer()
    var collector = ResidualLosses(cpuCount: 3)
    produce(1, 2)
    produce(0, 159)
    // CPU 1 loses three, and is not heard of again. Another goes on for twenty laps.
    produce(1, 3)
    var told: [Told] = []
    _ = consumer.readAll(limit: 10)
    for _ in 0..<500 {
      _ = consumer.readAll(limit: 10)
      told += collect(&collector, consumer.position)
      produce(0, 10)
      #expect(consumer.backlog > 100)
    }
    #expect(consumer.position == 5010 && ring.lost(cpu: 0) == 0)
    // It happened before ticket 161 was taken, and is told as soon as that place is passed.
    #expect(told == [Told(cpu: 1, total: 3, after: 2, at: 170)])
  }

  @Test("An empty ring needs no second look")
  func idle() {
    var consumer = ring.consumer()
    var collector = ResidualLosses(cpuCount: 3)
    produce(0, 161)
    produce(2, 4)
    produce(1, 1)
    _ = consumer.readAll()
    #expect(
      collect(&collector, 161) == [
        Told(cpu: 1, total: 1, after: 0, at: 161), Told(cpu: 2, total: 4, after: 0, at: 161),
      ])
    #expect(collect(&collector, 161).isEmpty)
  }

  @Test("A CPU that claims or loses again is not quiet")
  func notQuiet() {
    var consumer = ring.consumer()
    var collector = ResidualLosses(cpuCount: 3)
    produce(0, 161)
    produce(1, 2)
    // First look; its place is ticket 161.
    #expect(collect(&collector, 0).isEmpty)
    produce(1, 1)
    _ = consumer.readAll(limit: 160)
    produce(0, 5)
    _ = consumer.readAll(limit: 1)
    // Its loss since then may lie behind the five.
    #expect(collect(&collector, 161).isEmpty)
    _ = consumer.readAll(limit: 5)
    #expect(collect(&collector, 166) == [Told(cpu: 1, total: 3, after: 0, at: 166)])
    // A record of its own tells the loss, and nobody else does.
    produce(0, 161)
    produce(1, 1)
    #expect(collect(&collector, 166).isEmpty)
    _ = consumer.readAll(limit: 160)
    produce(1, 1)
    _ = consumer.readAll(limit: 1)
    #expect(collect(&collector, 327).isEmpty)
    let record = consumer.readAll().first
    #expect(record?.gap?.total == 1)
    #expect(collect(&collector, 329).isEmpty)
  }

  /// What a CPU may do between the collector's second look and its taking.
  enum WakeUp: CaseIterable { case publishes, loses, publishesAndLoses, losesAndPublishes }

  @Test("A CPU that wakes up while its losses are taken", arguments: WakeUp.allCases)
  func wakesUp(wakeUp: WakeUp) throws {
    var consumer = ring.consumer()
    var collector = ResidualLosses(cpuCount: 3)
    produce(1, 1)
    produce(0, 160)
    produce(1, 2)
    #expect(collect(&collector, 0).isEmpty)
    var delivered = consumer.readAll(limit: 161)
    // Another has claimed since; so the ring is not empty.
    produce(0, 3)
    // `fill` claims up to the high water on CPU 2 and loses nothing.
    let fill = { self.produce(2, 161 - Int(self.backlog(behind: 161))) }
    let told = collect(&collector, 161) { cpu in
      #expect(cpu == 1)
      switch wakeUp {
      case .publishes: produce(1)
      case .loses:
        fill()
        produce(1)
      case .publishesAndLoses:
        produce(1)
        fill()
        produce(1)
      case .losesAndPublishes:
        fill()
        produce(1)
        unsafe ring.control.storeBytes(of: 0, toByteOffset: ControlLayout.gate, as: UInt32.self)
        produce(1)
      }
    }
    // What was lost just now lies behind claims that are not read yet: not told here.
    #expect(told.isEmpty)
    var position: UInt64 = 161
    var later: [Told] = []
    while true {
      let next = consumer.readAll(limit: 1)
      if next.isEmpty { break }
      delivered += next
      position = consumer.position
      later += collect(&collector, position)
    }
    later += collect(&collector, position, at: .ended)
    // Each loss once, by the record or by the collector; in its place, bounded by a delivered record.
    let inRecords = delivered.compactMap(\.gap).reduce(0) { $0 + $1.total }
    #expect(inRecords + later.reduce(0) { $0 + $1.total } == ring.lost(cpu: 1))
    for gap in later {
      #expect(gap.after <= gap.at)
      let own = delivered.filter { $0.cpu == 1 && $0.ticket < gap.at }.map { $0.ticket + 1 }
      #expect(own.contains(gap.after))
    }
  }

  private func backlog(behind position: UInt64) -> UInt64 {
    ring.controlWord(ControlLayout.cursor) - position
  }

  @Test("What is not to be told here is left to the successor, or told at the end")
  func moments() {
    var collector = ResidualLosses(cpuCount: 3)
    produce(0, 161)
    produce(1, 2)
    #expect(collect(&collector, 0).isEmpty)
    #expect(collect(&collector, 0, at: .leaving).isEmpty)
    #expect(collect(&collector, 0, at: .ended) == [Told(cpu: 1, total: 2, after: 0, at: 0)])
    #expect(collect(&collector, 0, at: .ended).isEmpty)
  }
}
