import CSequencerAtomics
import Glibc
import Sequencer
package import SequencerABI
package import SequencerCore

/// Threads that hammer a small ring while one reads it, each stalled at random between any two steps
/// of the protocol.
///
/// Every thread is a CPU of its own. With more than one level a thread interrupts itself, as an
/// interrupt does a task: between two steps of a record it offers another one.
package struct Stress: Sendable, CustomStringConvertible {
  /// Producing threads; one more reads.
  package var threads: Int
  /// Slots of the longest claim, its gap block included.
  package var longest: UInt64
  /// Records to be delivered; the threads go on until the consumer has had them.
  package var records: UInt64
  /// Contexts that nest on a thread.
  package var levels: Int
  /// Whether the consumer takes losses that were not told yet while the threads run.
  package var collectsResiduals: Bool
  /// Whether the ring is the smallest that users can have on so many CPUs, and not smaller still.
  package var isLeastRing: Bool

  /// A stress of these sizes.
  package init(
    threads: Int, longest: UInt64, records: UInt64, levels: Int = 1,
    collectsResiduals: Bool = false, isLeastRing: Bool = false
  ) {
    self.threads = threads
    self.longest = longest
    self.records = records
    self.levels = levels
    self.collectsResiduals = collectsResiduals
    self.isLeastRing = isLeastRing
  }

  package var description: String {
    "\(threads) threads, spans up to \(longest)\(levels > 1 ? ", \(levels) levels" : "")"
      + "\(collectsResiduals ? ", collecting" : ""), \(geometry.capacity) slots"
  }

  /// A reserve of two claims for each context, and as little more as there can be.
  package var geometry: RingGeometry {
    if isLeastRing {
      let capacity = RingGeometry.minimumCapacity(possibleCPUs: UInt64(threads))
      if let least = RingGeometry(capacity: capacity, possibleCPUs: UInt64(threads)) {
        return least
      }
    }
    let reserve = 2 * UInt64(threads * levels) * longest
    var capacity: UInt64 = 16
    while capacity < reserve + 4 * longest + 8 { capacity *= 2 }
    return RingGeometry(uncheckedCapacity: capacity, reserve: reserve)
  }

  /// What came of it.
  package struct Result {
    /// Events that the threads offered, by the threads' own count.
    package var offered: UInt64 = 0
    /// Records that the consumer was handed, each once.
    package var delivered: UInt64 = 0
    /// Events that the threads were told are lost.
    package var lost: UInt64 = 0
    /// Times the consumer slept.
    package var parks = 0
    /// Times a consumer died with records it had not released, and another one went on.
    package var successors = 0
    /// Stalls at each step of the producers and of the consumer.
    package var producerStalls: [ProducerStep: Int] = [:]
    package var consumerStalls: [ConsumerStep: Int] = [:]
    /// What is wrong, in words; nothing where all promises were kept.
    package var complaints: [String] = []

    package init() {}
  }

  /// Runs it until ``records`` records were delivered and all that was offered is accounted for.
  package func run() -> Result {
    let ring = HostRing(geometry: geometry, cpuCount: threads)
    let cpus = (0..<threads).map { StressProducer(self, ring, cpu: $0) }
    let reader = StressConsumer(self, ring)
    onThreads(threads + 1) { index in
      if index == threads { reader.run() } else { cpus[index].run() }
    }
    var result = Result()
    reader.report(to: &result)
    for cpu in cpus { cpu.report(to: &result, reader.checker) }
    if ring.controlSwitch(ControlLayout.poisoned) != 0 { result.complaints.append("overrun") }
    if result.delivered < records { result.complaints.append("only \(result.delivered) records") }
    if result.offered != result.delivered + result.lost {
      result.complaints.append("\(result.offered) offered, not delivered + lost")
    }
    return result
  }
}

/// Words of the control area that nothing else uses: how many producers are through, and whether they
/// should be.
enum StressWord {
  static let finished = 2048
  static let stop = 2176
}

/// One producing thread and what it knows.
private final class StressProducer: @unchecked Sendable {
  private let stress: Stress
  private let ring: HostRing
  private let cpu: Int
  private var random: RandomNumbers
  private var stalls: RandomStalls
  private var producers: [Producer<HostMemory>] = []
  // By level.
  private var offered: [UInt64]
  private var lost: [UInt64]
  private var stalled: [ProducerStep: Int] = [:]

  init(_ stress: Stress, _ ring: HostRing, cpu: Int) {
    self.stress = stress
    self.ring = ring
    self.cpu = cpu
    random = RandomNumbers(seed: UInt64(cpu + 1))
    stalls = RandomStalls(seed: UInt64(cpu + 100))
    offered = Array(repeating: 0, count: stress.levels)
    lost = offered
    for level in 0..<stress.levels {
      let memory = ring.memory(cpu: cpu) { [unowned self] step in reached(step, level) }
      producers.append(Producer(memory))
    }
  }

  func run() {
    while unsafe seq_load_u64(ring.control + StressWord.stop) == 0 {
      // Lets the consumer come, so that the gate opens and closes again and again.
      if !produce(level: 0), random.oneIn(8) { usleep(1) }
    }
    _ = unsafe seq_fetch_add_u64(ring.control + StressWord.finished, 1)
  }

  private func produce(level: Int) -> Bool {
    // Mostly short ones, as events are; one less than the longest leaves room for a gap block.
    let slots = random.oneIn(4) ? random.next() % (stress.longest - 1) + 1 : 1
    let record = TestRecord(
      producer: UInt64(cpu * stress.levels + level), number: offered[level])
    offered[level] += 1
    if record.produce(producers[level], slots: slots) != nil { return true }
    lost[level] += 1
    return false
  }

  private func reached(_ step: ProducerStep, _ level: Int) {
    if stalls.stall() { stalled[step, default: 0] += 1 }
    if level + 1 < stress.levels, random.oneIn(64) { _ = produce(level: level + 1) }
  }

  /// Compares the thread's own counts with what came out.
  func report(to result: inout Stress.Result, _ checker: StressChecker) {
    for level in 0..<stress.levels {
      result.offered += offered[level]
      result.lost += lost[level]
      let producer = cpu * stress.levels + level
      let delivered = checker.delivered(producer: producer)
      if offered[level] != delivered + lost[level] {
        result.complaints.append(
          "producer \(producer): \(offered[level]) offered, \(delivered) delivered, "
            + "\(lost[level]) lost")
      }
    }
    let (allOffered, allLost) = (offered.reduce(0, +), lost.reduce(0, +))
    if ring.offered(cpu: cpu) != allOffered || ring.lost(cpu: cpu) != allLost
      || checker.told(cpu: cpu) != allLost
    {
      result.complaints.append(
        "cpu \(cpu): \(allOffered) offered and \(allLost) lost, counted "
          + "\(ring.offered(cpu: cpu)) and \(ring.lost(cpu: cpu)), told \(checker.told(cpu: cpu))")
    }
    result.producerStalls.merge(stalled) { $0 + $1 }
  }
}

/// The reading thread: reads in batches, sleeps, dies and is succeeded.
private final class StressConsumer: @unchecked Sendable {
  private let stress: Stress
  private let ring: HostRing
  private(set) var checker: StressChecker
  private var random = RandomNumbers(seed: 99)
  private var stalls = RandomStalls(seed: 98)
  private var stalled: [ConsumerStep: Int] = [:]
  private var parks = 0
  private var successors = 0
  private var collector: ResidualLosses

  init(_ stress: Stress, _ ring: HostRing) {
    self.stress = stress
    collector = ResidualLosses(cpuCount: stress.threads)
    self.ring = ring
    checker = StressChecker(
      cpuCount: stress.threads, levels: stress.levels, isExact: !stress.collectsResiduals)
  }

  private func newConsumer() -> Consumer<HostMemory> {
    ring.consumer { [unowned self] step in
      if stalls.stall() { stalled[step, default: 0] += 1 }
    }
  }

  func run() {
    var consumer = newConsumer()
    while true {
      // Before the look at the ring: what they published is then seen.
      let isOver =
        unsafe seq_load_acquire_u64(ring.control + StressWord.finished) == UInt64(stress.threads)
      // This one will die before it releases what it reads, and its successor is handed that again.
      let before = random.oneIn(1024) ? checker : nil
      var count = 0
      let limit = Int(random.next() % 64) + 1
      while count < limit, let next = unsafe consumer.next() {
        checker.check(unsafe Delivered(next.bytes, span: next.span))
        unsafe consumer.advance(over: next.bytes, span: next.span)
        count += 1
      }
      if let before, count > 0 {
        checker = before
        successors += 1
        consumer = newConsumer()
        continue
      }
      consumer.release()
      if checker.delivered >= stress.records || checker.complaint != nil {
        unsafe seq_store_u64(ring.control + StressWord.stop, 1)
      }
      if count == 0, isOver {
        collect(consumer.position, .ended)
      } else if stress.collectsResiduals {
        // Whether or not the ring is empty.
        collect(consumer.position, .running)
      }
      if count == 0 || checker.complaint != nil {
        if isOver { return }
        park(&consumer)
      }
    }
  }

  /// Sleeps as a consumer does, but for the sleep.
  private func park(_ consumer: inout Consumer<HostMemory>) {
    let rings = ring.rings
    guard consumer.prepareToPark() else { return }
    parks += 1
    let began = monotonicNow()
    // A word that only the producers who saw it asleep change, or the last one's end.
    while ring.rings == rings,
      unsafe seq_load_u64(ring.control + StressWord.finished) < UInt64(stress.threads)
    {
      sched_yield()
      // Nothing that runs sleeps so long, on any machine.
      if monotonicNow() - began > 60_000_000_000 {
        checker.complain("a wake-up was lost")
        break
      }
    }
    consumer.cancelPark()
  }

  private func collect(_ position: UInt64, _ moment: ResidualLosses.Moment) {
    unsafe collector.collect(
      position: position, control: ring.control, states: ring.cpuStates, at: moment
    ) { cpu, gap in checker.addResidual(gap.total, cpu: cpu) }
    for cpu in 0..<stress.threads { checker.setHeld(collector.held(cpu: cpu), cpu: cpu) }
  }

  func report(to result: inout Stress.Result) {
    result.delivered = checker.delivered
    result.parks = parks
    result.successors = successors
    result.consumerStalls = stalled
    if let complaint = checker.complaint { result.complaints.append(complaint) }
  }
}

/// Decides where a thread stands still: seldom, and for times from a few instructions to many
/// records of the others.
private struct RandomStalls {
  private var random: RandomNumbers

  init(seed: UInt64) { random = RandomNumbers(seed: seed) }

  /// Stalls now and then.
  ///
  /// - Returns: whether it did.
  mutating func stall() -> Bool {
    let number = random.next()
    switch number & 0x3FFF {
    case 0: usleep(UInt32(number >> 40) & 63)
    case 1...16: sched_yield()
    case 17...80: for _ in 0..<(number >> 50) & 511 { seq_spin_hint() }
    default: return false
    }
    return true
  }
}
