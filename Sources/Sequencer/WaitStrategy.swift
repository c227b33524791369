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

/// Waits for records by a ``WaitStrategy``, and watches the clock for stalled producers.
///
/// One value a consumer. Parking adapts: while events keep coming it takes short timed naps between
/// batches, so that not every event pays for a wake-up; when a nap brings nothing it parks.
public struct Waiter {
  private let strategy: WaitStrategy
  private var spins = 0
  private var lastWake: UInt64 = 0
  private var isStreaming = false
  private var hasNapped = false
  /// The longest time seen between finding a record claimed and finding it published, ns.
  public private(set) var longestStall: UInt64 = 0
  /// The CPU whose producer the longest stall was; nil if there was none, or if it ended before that
  /// CPU was seen.
  public private(set) var longestStallCPU: UInt32?
  /// The CPU that holds the record the consumer waits for; nil if it waits for none or can't tell.
  public private(set) var stallCPU: UInt32?
  private var stallPosition = UInt64.max
  private var stallSince: UInt64 = 0

  /// How ``WaitStrategy/park`` adapts; the benchmark varies it.
  package struct Tuning: Sendable {
    /// A nap between batches, ns; 0: none, every wait is ended by the doorbell.
    package var nap = 1_000_000
    /// Two wake-ups closer than this, ns, are a stream.
    package var streamInterval: UInt64 = 2_000_000
    /// What ``Waiter/init(_:)`` takes.
    package init() {}
  }

  private let tuning: Tuning
  static let spinLimit = 200
  /// The longest sleep, ns: a net under the doorbell, and the interval of the stall watch.
  static let longestSleep = 1_000_000_000

  /// Why a wait ended.
  public enum Outcome: Sendable, Equatable {
    /// Look at the ring again.
    case lookAgain
    /// The interrupt descriptor is readable.
    case interrupted
  }

  /// A waiter of `strategy`.
  public init(_ strategy: WaitStrategy) { self.init(strategy, tuning: Tuning()) }

  /// A waiter with other numbers than the default's.
  package init(_ strategy: WaitStrategy, tuning: Tuning) {
    self.strategy = strategy
    self.tuning = tuning
  }

  /// Call after records were delivered.
  public mutating func progressed(_ consumer: borrowing RingConsumer) {
    spins = 0
    // A nap that brought records: the stream goes on.
    if hasNapped { isStreaming = true }
    hasNapped = false
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
    if stallPosition != .max || consumer.backlog != 0 { noteStall(consumer) }
    spins += 1
    if spins < Waiter.spinLimit {
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
    case .park: break
    }
    let now = monotonicNow()
    if isStreaming {
      // Until the next batch says otherwise.
      isStreaming = false
      hasNapped = true
      lastWake = now
      return poll(
        doorbell: -1, interrupt: interrupt, timeout: sleepTime(tuning.nap, now, deadline))
    }
    hasNapped = false
    guard consumer.prepareToPark() else { return .lookAgain }
    let outcome = poll(
      doorbell: doorbell.descriptor, interrupt: interrupt,
      timeout: sleepTime(Waiter.longestSleep, now, deadline))
    consumer.cancelPark()
    doorbell.silence()
    let woken = monotonicNow()
    isStreaming = tuning.nap > 0 && woken &- lastWake < tuning.streamInterval
    lastWake = woken
    return outcome
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
