import CEvaluation
import EvaluationTransports
import Sequencer

/// Events at a rate, from inside the kernel to a consumer on its own CPU.
struct EndToEnd {
  /// What a consumer does when there is nothing.
  enum Waiting: String, CaseIterable {
    /// It looks again.
    case spin
    /// It sleeps: parked on the doorbell, or in epoll.
    case park

    /// What a transport is loaded with, so that its producers ring for this consumer only: a ringbuf's
    /// `BPF_RB_NO_WAKEUP` for one that spins. (By default its producers ring whenever the consumer has
    /// caught up, which one that spins always has.)
    func adapt(_ options: EventOptions) -> EventOptions {
      var options = options
      options.submitFlags = self == .spin ? 1 : 0
      return options
    }
  }

  /// What came of a run.
  struct Outcome {
    var sent: Int
    var delivered: Int
    /// Events a second that were sent.
    var rate: Double
    var sink: EventSink
    /// Of one CPU: the consumer's CPU time over the wall clock's.
    var consumerShare: Double
  }

  let transport: any EventTransport
  let waiting: Waiting
  /// CPUs that produce, each its part of the rate.
  let producers: [Int]
  let consumer: Int

  /// Sends at `rate` events a second for `nanoseconds` and consumes until all is over.
  ///
  /// - Throws: if the threads can't run, or a transport's bytes can't be what the kernel wrote.
  func run(rate: Double, nanoseconds: UInt64, work: EventSink.Work = .count) throws -> Outcome {
    guard evaluation_pin(Int32(consumer)) == 0 else {
      throw EvaluationError("can't run on CPU \(consumer); choose --cpus that are allowed")
    }
    let paced = PacedProducer(rate: rate / Double(producers.count))
    let loop = transport.source.loop
    var sink = EventSink(work)
    let cpuBefore = evaluation_thread_time()
    let began = monotonicNow()
    let threads = try PinnedThreads.start(on: producers) { _ in
      try paced.run(loop, nanoseconds: nanoseconds)
    }
    while true {
      // Asked before the drain: what was sent by then is there.
      let isOver = threads.isOver
      if try transport.drain(&sink, limit: 1024) > 0 { continue }
      if isOver { break }
      // Not for long: nothing rings when the producers are done.
      if waiting == .park { transport.wait(nanoseconds: 2_000_000) }
    }
    let elapsed = Double(monotonicNow() - began)
    let share = Double(evaluation_thread_time() - cpuBefore) / elapsed
    let outcomes = try threads.join()
    return Outcome(
      sent: outcomes.reduce(0) { $0 + $1.value.sent }, delivered: Int(sink.count),
      rate: outcomes.reduce(0) { $0 + $1.value.rate }, sink: sink, consumerShare: share)
  }

  /// The highest rate whose run loses nothing, to a twentieth; and whether the producers could not go
  /// faster.
  ///
  /// - Parameters:
  ///   - start: events a second to begin with.
  ///   - nanoseconds: of a run.
  /// - Returns: events a second, and whether the producers set the limit.
  /// - Throws: as ``run(rate:nanoseconds:work:)``.
  func highestRate(from start: Double, nanoseconds: UInt64) throws -> (
    rate: Double, isLimited: Bool
  ) {
    try RateSearch.highest(from: start) { rate in
      let outcome = try run(rate: rate, nanoseconds: nanoseconds)
      if outcome.delivered != outcome.sent { return .lost }
      return outcome.rate >= rate * 0.97 ? .kept : .slower(outcome.rate)
    }
  }
}

/// Finds the highest rate that is kept: doubling or halving to a bracket, then bisection.
enum RateSearch {
  enum Verdict: Equatable {
    /// Nothing was lost.
    case kept
    /// Something was.
    case lost
    /// Nothing was lost at the highest rate that the producers came to.
    case slower(Double)
  }

  static func highest(
    from start: Double, _ test: (Double) throws -> Verdict
  ) rethrows -> (rate: Double, isLimited: Bool) {
    var low = 0.0
    var high = Double.infinity
    var limit = 0.0
    var rate = start
    for _ in 0..<24 {
      switch try test(rate) {
      case .kept: low = max(low, rate)
      case .lost: high = min(high, rate)
      case .slower(let real):
        // They went as fast as they can, and nothing was lost.
        limit = max(limit, real)
        high = min(high, rate)
      }
      if high.isInfinite {
        rate *= 2
      } else if low == 0 {
        rate /= 2
        // Not even a hundred a second.
        if rate < 100 { break }
      } else {
        if high / low < 1.05 { break }
        rate = (low * high).squareRoot()
      }
    }
    return limit > low ? (limit, true) : (low, limit > 0)
  }
}
