import Glibc
import RingStress
import SequencerABI
import SequencerCore
import Testing

@testable import Sequencer

/// How a wait ends. Only lower bounds on time are checked, and that nothing sleeps its whole second.
@Suite(.serialized) struct WaiterTests {
  /// Descriptors that stand for the kernel's: a bell that rings when written to, an interrupt.
  private struct Bells: ~Copyable {
    let bell: (read: Int32, write: Int32)
    let interrupt: (read: Int32, write: Int32)
    let pages: Int32

    init() throws {
      func newPipe() throws -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        // Two descriptors, as pipe() writes them.
        let status = unsafe withUnsafeMutableBytes(of: &ends) { raw in
          unsafe pipe(raw.bindMemory(to: Int32.self).baseAddress!)
        }
        guard status == 0 else { throw SequencerError("no pipe to be had") }
        return ends
      }
      var name = Array("/tmp/ordinal-doorbell-XXXXXX".utf8CString)
      let file = unsafe mkstemp(&name)
      guard file >= 0, ftruncate(file, 8192) == 0 else { throw SequencerError("no file to be had") }
      unsafe unlink(name)
      let bell = try newPipe()
      let interrupt = try newPipe()
      pages = file
      self.bell = bell
      self.interrupt = interrupt
    }

    deinit {
      for descriptor in [bell.read, bell.write, interrupt.read, interrupt.write, pages] {
        close(descriptor)
      }
    }

    func doorbell() throws -> Doorbell { try Doorbell(polled: bell.read, mapped: pages) }
    func ring() { WaiterTests.write(to: bell.write) }
    func interruptNow() { WaiterTests.write(to: interrupt.write) }
  }

  private static func write(to descriptor: Int32) {
    var byte: UInt8 = 1
    _ = unsafe Glibc.write(descriptor, &byte, 1)
  }

  /// Waits until the spinning is over and the next wait does what the strategy says.
  private func spin(
    _ waiter: inout Waiter, _ test: MappedTestRing, _ doorbell: borrowing Doorbell,
    _ bells: borrowing Bells
  ) {
    for _ in 1..<Waiter.spinLimit {
      let outcome = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      #expect(outcome == .lookAgain)
    }
  }

  @Test(arguments: WaitStrategy.allCases)
  func interruptEndsEveryWait(strategy: WaitStrategy) throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(strategy)
    bells.interruptNow()
    var waits = 0
    var outcome = Waiter.Outcome.lookAgain
    while outcome == .lookAgain, waits < 10_000 {
      outcome = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      waits += 1
    }
    #expect(outcome == .interrupted)
    // A busy spin looks up now and then only.
    #expect(waits == (strategy == .busySpin ? 4096 : Waiter.spinLimit))
    #expect(test.ring.controlSwitch(ControlLayout.parked) == 0)
  }

  @Test(arguments: [WaitStrategy.busySpin, .yield])
  func neitherSpinNorYieldParks(strategy: WaitStrategy) throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(strategy)
    let began = monotonicNow()
    for _ in 0..<2000 {
      let outcome = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      #expect(outcome == .lookAgain)
      if test.ring.controlSwitch(ControlLayout.parked) != 0 { Issue.record("it parked") }
    }
    // Two thousand sleeps would take longer.
    #expect(monotonicNow() - began < 100 * UInt64(Waiter.longestSleep))
    test.produce(1)
    #expect(test.ring.rings == 0)
  }

  @Test func parkSleepsUntilTheBell() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    spin(&waiter, test, doorbell, bells)
    let ring = test.ring
    let bellEnd = bells.bell.write
    // Waits for the consumer to park, then publishes as a program would and rings.
    let thread = TestThread {
      let end = monotonicNow() + 20_000_000_000
      while !ring.isParked, monotonicNow() < end { usleep(100) }
      usleep(20_000)
      TestRecord(producer: 0, number: 0).produce(Producer(ring.memory()))
      if ring.rings == 1 { WaiterTests.write(to: bellEnd) }
    }
    let began = monotonicNow()
    let outcome = waiter.wait(
      &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
    let slept = monotonicNow() - began
    thread.join()
    #expect(outcome == .lookAgain && slept >= 20_000_000)
    #expect(test.ring.rings == 1 && test.ring.controlSwitch(ControlLayout.parked) == 0)
    #expect(try test.drain() == [0])
  }

  @Test func parkRespectsTheDeadline() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    spin(&waiter, test, doorbell, bells)
    let began = monotonicNow()
    let outcome = waiter.wait(
      &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read,
      deadline: began + 30_000_000)
    #expect(outcome == .lookAgain && monotonicNow() - began >= 30_000_000)
    // One that has passed ends the wait at once; without it this would take a thousand seconds.
    let late = monotonicNow()
    for _ in 0..<1000 {
      _ = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: 1)
    }
    #expect(monotonicNow() - late < 100 * UInt64(Waiter.longestSleep))
    #expect(test.ring.controlSwitch(ControlLayout.parked) == 0)
  }

  @Test func parkDoesNotSleepOverARecord() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    spin(&waiter, test, doorbell, bells)
    test.produce(1)
    for _ in 0..<100 {
      let outcome = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      #expect(outcome == .lookAgain)
    }
    #expect(test.ring.rings == 0 && test.ring.controlSwitch(ControlLayout.parked) == 0)
  }

  /// Waits until it slept, one way or the other.
  ///
  /// - Returns: the looks that it took, the one that slept included, and how long that one took, ns.
  private func sleep(
    _ waiter: inout Waiter, _ test: MappedTestRing, _ doorbell: borrowing Doorbell,
    _ bells: borrowing Bells
  ) -> (looks: Int, time: UInt64) {
    for looks in 1...10_000 {
      let before = waiter.figures
      let began = monotonicNow()
      _ = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      if waiter.figures != before { return (looks, monotonicNow() - began) }
    }
    Issue.record("it never slept")
    return (0, 0)
  }

  /// Takes records for a stream even where a busy machine lets seconds pass between them.
  private var patient: Waiter.Pace {
    var pace = Waiter.Pace()
    pace.nap = 20_000_000_000
    // And naps the shortest nap all the same.
    pace.recordsOfANap = 0
    return pace
  }

  @Test("While records keep coming it naps without asking for the bell")
  func napsInAStream() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park, pace: patient)
    // A bell that rings all the time, so that a park ends at once.
    bells.ring()
    _ = sleep(&waiter, test, doorbell, bells)
    #expect(waiter.figures.parks == 1)
    for round in 1...20 {
      test.produce(5)
      _ = try test.drain()
      waiter.progressed(test.consumer)
      let slept = sleep(&waiter, test, doorbell, bells)
      // Nothing rang, and a nap that hears no bell lasts its time.
      #expect(test.ring.rings == 0 && waiter.figures.naps == round)
      #expect(slept.time >= UInt64(Waiter.shortestNap))
    }
    // A nap that brought nothing: the next record rings.
    _ = sleep(&waiter, test, doorbell, bells)
    #expect(waiter.figures.naps == 20 && waiter.figures.parks == 2)
  }

  @Test("Where a ring is shared by many records it parks, and looks for that now and then")
  func parksBetweenBursts() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park, pace: patient)
    bells.ring()
    func burst(_ count: Int) throws {
      test.produce(count)
      _ = try test.drain()
      waiter.progressed(test.consumer)
      _ = sleep(&waiter, test, doorbell, bells)
    }
    _ = sleep(&waiter, test, doorbell, bells)
    for _ in 1...5 { try burst(50) }
    #expect(waiter.figures.parks == 6 && waiter.figures.naps == 0)
    // Few of them: it naps, and parks once in a while to see how many a ring brings.
    for _ in 1...Waiter.Pace().napsInARow { try burst(5) }
    #expect(waiter.figures.parks == 6 && waiter.figures.naps == 64)
    try burst(50)
    #expect(waiter.figures.parks == 7 && waiter.figures.naps == 64)
    try burst(50)
    #expect(waiter.figures.parks == 8 && waiter.figures.naps == 64)
  }

  @Test("Where records are rare, each rings")
  func parksBetweenRareRecords() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    bells.ring()
    _ = sleep(&waiter, test, doorbell, bells)
    for round in 2...6 {
      usleep(2000)
      test.produce(1)
      _ = try test.drain()
      waiter.progressed(test.consumer)
      _ = sleep(&waiter, test, doorbell, bells)
      #expect(waiter.figures.parks == round && waiter.figures.naps == 0)
    }
  }

  @Test(
    "a nap is as long as some records, within bounds",
    arguments: [
      (0, 10_000), (1000, 10_000), (5000, 40_000), (100_000, 800_000), (200_000, 1_000_000),
      (500_000, 1_000_000), (500_001, nil), (.max, nil),
    ] as [(UInt64, Int?)])
  func napLength(_ gap: UInt64, _ nap: Int?) {
    #expect(Waiter.Pace().nap(gap: gap) == nap)
    var never = Waiter.Pace()
    never.nap = 0
    #expect(never.nap(gap: gap) == nil)
  }

  @Test("Looks that find nothing become fewer, and more when they find something again")
  func looksByTheirWorth() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    bells.ring()
    #expect(sleep(&waiter, test, doorbell, bells).looks == Waiter.spinLimit)
    for expected in [32, 16, 8, 8] {
      test.produce(1)
      _ = try test.drain()
      waiter.progressed(test.consumer)
      #expect(sleep(&waiter, test, doorbell, bells).looks == expected)
    }
    // Found after a sleep, then twice by the fourth look: the looks are doubled twice.
    for looks in [0, 3, 3] {
      for _ in 0..<looks {
        _ = waiter.wait(
          &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
      }
      test.produce(1)
      _ = try test.drain()
      waiter.progressed(test.consumer)
    }
    #expect(sleep(&waiter, test, doorbell, bells).looks == 32)
  }

  @Test("A claim that is not published is told with its age")
  func stall() throws {
    let test = try MappedTestRing(cpuCount: 3)
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.park)
    let producer = Producer(test.ring.memory(cpu: 2))
    let claim = try producer.admitted(slots: 1)
    #expect(waiter.stallAge() == 0)
    _ = waiter.wait(
      &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
    usleep(15_000)
    #expect(waiter.stallAge() >= 15_000_000 && waiter.stallCPU == 2)
    _ = waiter.wait(
      &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
    #expect(waiter.longestStall >= 15_000_000)
    usleep(15_000)
    producer.publish(claim, kind: .test, cpu: 2, flags: [], payloadLength: 0)
    #expect(try test.drain() == [0])
    waiter.progressed(test.consumer)
    #expect(waiter.longestStall >= 30_000_000 && waiter.stallAge() == 0)
    #expect(waiter.longestStallCPU == 2 && waiter.stallCPU == nil)
  }

  @Test("A producer stopped before it left its mark is not named until it has")
  func stallWithoutAMark() throws {
    let test = try MappedTestRing(cpuCount: 3)
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.yield)
    var named: [UInt32?] = []
    let memory = test.ring.memory(cpu: 1) { step in
      guard step == .claimed || step == .marked else { return }
      for _ in 0..<3 {
        _ = waiter.wait(
          &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
        named.append(waiter.stallCPU)
      }
    }
    TestRecord(producer: 1, number: 0).produce(Producer(memory))
    #expect(named == [nil, nil, nil, 1, 1, 1])
    #expect(try test.drain() == [0])
    waiter.progressed(test.consumer)
    #expect(waiter.longestStall > 0 && waiter.longestStallCPU == 1)
  }

  @Test func noStallWithoutAClaim() throws {
    let test = try MappedTestRing()
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var waiter = Waiter(.yield)
    for _ in 0..<500 {
      _ = waiter.wait(
        &test.consumer, doorbell: doorbell, interrupt: bells.interrupt.read, deadline: nil)
    }
    test.produce(3)
    _ = try test.drain()
    waiter.progressed(test.consumer)
    #expect(waiter.longestStall == 0 && waiter.stallAge() == 0)
  }

  @Test("Silence tells the kernel that every token was taken")
  func silence() throws {
    let bells = try Bells()
    let doorbell = try bells.doorbell()
    var produced: UInt64 = 48
    // The producers' position: the first word of the second page.
    let written = unsafe pwrite(bells.pages, &produced, 8, 4096)
    doorbell.silence()
    var consumed: UInt64 = 0
    let read = unsafe pread(bells.pages, &consumed, 8, 0)
    #expect(written == 8 && read == 8 && consumed == 48)
  }
}
