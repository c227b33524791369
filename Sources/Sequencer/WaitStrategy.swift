import COrdinalSystem
import Glibc

/// What a consumer does while no record is ready; the names are the Disruptor's.
public enum WaitStrategy: String, Sendable, CaseIterable {
  /// Looks again at once: the lowest latency, a whole CPU.
  case busySpin = "spin"
  /// Looks a few times, then gives the CPU to whoever wants it.
  case yield
  /// Looks a few times, then sleeps until a producer rings the doorbell. The default.
  case park
}

/// What a ``Waiter`` did.
public struct WaitFigures: Equatable, Sendable {
  /// Times it slept until the doorbell, the interrupt or the deadline.
  public var parks: UInt64 = 0
  /// Times it was about to sleep, and its second look found a record.
  public var secondLooks: UInt64 = 0
  /// Timed naps in a stream.
  public var naps: UInt64 = 0
  /// Times the net under the doorbell, and not the bell, ended a sleep over a published record: a lost
  /// wake-up, or a machine that stood still for the whole second.
  public var lateWakeUps: UInt64 = 0
  /// Zeroes.
  public init() {}
}

/// Waits for records by a ``WaitStrategy``, and watches the clock for stalled producers.
///
/// One value a consumer. Parking adapts to the stream (docs/waking.md):
/// - While records come so close that one is found by looking again, it looks again; looks that find nothing
///   become fewer.
/// - While several records come in the time of a nap, it naps for about ``Pace/recordsOfANap`` of them, and no
///   producer rings.
/// - Else it parks, and the next record rings; and also where a ring is shared by the many records of a burst,
///   for which it now and then looks.
public struct Waiter {
  private let strategy: WaitStrategy
  private var spins = 0
  /// Looks before it sleeps: as many as lately were worth it.
  private var spinBudget: Int
  // When the last sleep began, ns, and the records handed out by then: what came since says how close
  // records are.
  private var sleepBegan: UInt64 = 0
  private var recordsBefore: UInt64 = 0
  // Naps until the next look for bursts.
  private var napsLeft = 0
  /// The longest time seen between finding a record claimed and finding it published, ns.
  public private(set) var longestStall: UInt64 = 0
  /// The CPU whose producer the longest stall was; nil if there was none, or if it ended before that
  /// CPU was seen.
  public private(set) var longestStallCPU: UInt32?
  /// The CPU that holds the record the consumer waits for; nil if it waits for none or can't tell.
  public private(set) var stallCPU: UInt32?
  private var stallPosition = UInt64.max
  private var stallSince: UInt64 = 0
  /// What it did since it was made.
  public private(set) var figures = WaitFigures()
  private let pace: Pace

  static let spinLimit = 64
  /// The longest nap, ns.
  static let nap = 1_000_000
  /// The shortest, ns: a sleep takes some microseconds of a CPU.
  static let shortestNap = 10_000
  /// The longest sleep, ns: a net under the doorbell, and the interval of the stall watch.
  static let longestSleep = 1_000_000_000

  /// Why a wait ended.
  public enum Outcome: Sendable, Equatable {
    /// Look at the ring again.
    case lookAgain
    /// The interrupt descriptor is readable.
    case interrupted
  }

  /// When a waiter sleeps, and how long at most. Tests and benchmarks take other values than users.
  package struct Pace: Sendable {
    /// Looks before it sleeps, at most.
    package var spinLimit = Waiter.spinLimit
    /// ``Waiter/nap``; 0: it always parks and never naps.
    package var nap = Waiter.nap
    /// ``Waiter/shortestNap``.
    package var shortestNap = Waiter.shortestNap
    /// Records that a nap is as long as, at the rate since the last sleep.
    package var recordsOfANap: UInt64 = 8
    /// Records that one ring brings, from which on it is worth what it costs its producer.
    package var recordsOfARing: UInt64 = 8
    /// Naps between two looks for bursts, each of which costs a ring.
    package var napsInARow = 64
    /// ``Waiter/longestSleep``.
    package var longestSleep = Waiter.longestSleep
    /// What users have.
    package init() {}

    /// How long to nap where records come `gap` ns apart; nil: park, a nap would bring less than two.
    func nap(gap: UInt64) -> Int? {
      guard nap > 0, gap <= UInt64(nap) / 2 else { return nil }
      return min(nap, max(shortestNap, Int(gap &* recordsOfANap)))
    }
  }

  /// A waiter of `strategy`.
  public init(_ strategy: WaitStrategy) { self.init(strategy, pace: Pace()) }

  /// A waiter of `strategy` with a pace of its own.
  package init(_ strategy: WaitStrategy, pace: Pace) {
    self.strategy = strategy
    self.pace = pace
    spinBudget = pace.spinLimit
  }

  /// Call after records were delivered.
  public mutating func progressed(_ consumer: borrowing RingConsumer) {
    // Found by looking, without a sleep: that is worth it.
    if spins > 0, spins < spinBudget { spinBudget = min(pace.spinLimit, spinBudget * 2) }
    spins = 0
    if stallPosition != .max { noteStall(consumer) }
  }

  /// Waits once; to be called when a drain delivered nothing.
  ///
  /// - Parameters:
  ///   - consumer: the ring that has nothing.
  ///   - doorbell: its producers' wake-up.
  ///   - interrupt: a descriptor (a signalfd) that ends a wait when readable.
  ///   - deadline: ns of `CLOCK_MONOTONIC` by which to return; nil: none.
  /// - Returns: whether to look at the ring or at the interrupt.
  public mutating func wait(
    _ consumer: inout RingConsumer, doorbell: borrowing Doorbell, interrupt: Int32,
    deadline: UInt64?
  ) -> Outcome {
    spins += 1
    let spinsOn = spins < (strategy == .park ? spinBudget : pace.spinLimit)
    // A claim shows in the slot itself, whose line is looked at anyway. Only one whose producer has not come
    // to leave its mark is seen by the cursor, and each look at that line takes it from the producers.
    if stallPosition != .max || consumer.claimant != nil
      || (!spinsOn || spins % 64 == 0) && consumer.backlog != 0
    {
      noteStall(consumer)
    }
    if spinsOn {
      spinHint()
      return .lookAgain
    }
    switch strategy {
    case .busySpin:
      if spins % 4096 == 0 { return poll(doorbell: -1, interrupt: interrupt, timeout: 0) }
      spinHint()
      return .lookAgain
    case .yield:
      sched_yield()
      return poll(doorbell: -1, interrupt: interrupt, timeout: 0)
    case .park: return sleep(&consumer, doorbell, interrupt, deadline)
    }
  }

  private mutating func sleep(
    _ consumer: inout RingConsumer, _ doorbell: borrowing Doorbell, _ interrupt: Int32,
    _ deadline: UInt64?
  ) -> Outcome {
    // As many looks found nothing. Never none: else it would not be seen when they are worth it again.
    if spins == spinBudget { spinBudget = max(min(8, pace.spinLimit), spinBudget / 2) }
    let now = monotonicNow()
    let nap = napLength(now, consumer)
    if let nap {
      figures.naps &+= 1
      let ready = ordinal_nap(interrupt, Int64(sleepTime(nap, now, deadline)))
      return ready != 0 ? .interrupted : .lookAgain
    }
    guard consumer.prepareToPark() else {
      figures.secondLooks &+= 1
      return .lookAgain
    }
    let timeout = sleepTime(pace.longestSleep, now, deadline)
    let outcome = poll(
      doorbell: doorbell.descriptor, interrupt: interrupt, timeout: timeout)
    figures.parks &+= 1
    // The whole sleep is over, and a record that rang no bell lies there.
    if timeout == pace.longestSleep, consumer.isReady, monotonicNow() &- now >= UInt64(timeout) {
      figures.lateWakeUps &+= 1
    }
    consumer.cancelPark()
    doorbell.silence()
    return outcome
  }

  /// How long to nap, from what came since the last sleep began; nil: park.
  private mutating func napLength(_ now: UInt64, _ consumer: borrowing RingConsumer) -> Int? {
    let records = consumer.journal.records
    let arrived = records &- recordsBefore
    let time = now &- sleepBegan
    sleepBegan = now
    recordsBefore = records
    guard arrived > 0, let nap = pace.nap(gap: time / arrived) else {
      napsLeft = 0
      return nil
    }
    // The last sleep was a park, so that it was a ring that brought these.
    if napsLeft == 0 {
      if arrived >= pace.recordsOfARing { return nil }
      napsLeft = pace.napsInARow + 1
    }
    napsLeft -= 1
    return napsLeft == 0 ? nil : nap
  }

  /// The age of the claim the consumer waits for, ns, from when it first waited; 0 if it waits for none.
  public func stallAge() -> UInt64 {
    stallPosition == .max ? 0 : monotonicNow() &- stallSince
  }

  private mutating func noteStall(_ consumer: borrowing RingConsumer) {
    let now = monotonicNow()
    if stallPosition != .max {
      let isSame = stallPosition == consumer.position
      // A producer may have been interrupted before it left its mark.
      if isSame, stallCPU == nil { stallCPU = consumer.claimant }
      if now &- stallSince >= longestStall {
        longestStall = now &- stallSince
        longestStallCPU = stallCPU
      }
      if isSame { return }
      stallPosition = .max
      stallCPU = nil
    }
    if consumer.backlog != 0 && !consumer.isReady {
      stallPosition = consumer.position
      stallSince = now
      stallCPU = consumer.claimant
    }
  }

  private func sleepTime(_ wanted: Int, _ now: UInt64, _ deadline: UInt64?) -> Int {
    guard let deadline else { return wanted }
    return deadline <= now ? 0 : min(wanted, Int(clamping: deadline &- now))
  }

  private func poll(doorbell: Int32, interrupt: Int32, timeout: Int) -> Outcome {
    let ready = ordinal_wait_readable(doorbell, interrupt, Int64(timeout))
    return ready & 2 != 0 ? .interrupted : .lookAgain
  }
}

/// Now on `CLOCK_MONOTONIC`, ns: the clock of the events' timestamps.
public func monotonicNow() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}
