import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer

/// What a parked consumer costs with nothing to do. All transports at the same time, as none does anything, but
/// each wakes at a moment of its own: the first to wake on a CPU that slept pays for those behind it.
///
/// Metrics: `cpu`, seconds of CPU time a minute, and `wakeups`, a minute. Each sleeps a second at most, the
/// product's own net; libbpf's examples sleep 0.1 s.
package enum IdlePart: EvaluationPart {
  package static let name = "idle"
  package static let abstract = "CPU time and wake-ups of a parked consumer with nothing to do."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    let options = settings.options()
    let rounds = settings.isQuick ? 1 : 3
    let nanoseconds: UInt64 = settings.isQuick ? 3_000_000_000 : 10_000_000_000
    // Each used by its own thread alone.
    struct Lent: @unchecked Sendable { let transport: any EventTransport }
    var opened = try settings.transports.map { Lent(transport: try $0.open(options)) }
    var generator = SeededGenerator(seed: 4)
    for lent in opened { lent.transport.begin() }
    for round in 0..<rounds {
      progress.say("round \(round + 1) of \(rounds), \(nanoseconds / 1_000_000_000) s")
      opened.shuffle(using: &generator)
      let apart = 1_000_000 / opened.count
      let threads = try opened.enumerated().map { index, lent in
        try PinnedThreads.start(on: [settings.consumerCPU]) { _ in
          usleep(UInt32(index * apart))
          return try idle(lent.transport, nanoseconds)
        }
      }
      for (lent, thread) in zip(opened, threads) {
        let (time, sleeps) = try thread.join()[0].value
        let name = lent.transport.transport.rawValue
        let minutes = Double(nanoseconds) / 60e9
        samples.add(
          "cpu", Double(time) / 1e9 / minutes, unit: "s/min", transport: name, round: round)
        samples.add(
          "wakeups", Double(sleeps) / minutes, unit: "1/min", transport: name, round: round)
      }
    }
    return samples
  }

  private static func idle(
    _ transport: any EventTransport, _ nanoseconds: UInt64
  ) throws -> (time: UInt64, sleeps: UInt64) {
    var sink = EventSink(.count)
    let end = monotonicNow() + nanoseconds
    let time = evaluation_thread_time()
    let sleeps = evaluation_thread_sleeps()
    while case let now = monotonicNow(), now < end {
      if try transport.drain(&sink, limit: .max) > 0 {
        throw EvaluationError("events came where nobody sends any; run bench idle again")
      }
      transport.wait(nanoseconds: Int(min(1_000_000_000, end - now)))
    }
    return (evaluation_thread_time() - time, evaluation_thread_sleeps() - sleeps)
  }
}
