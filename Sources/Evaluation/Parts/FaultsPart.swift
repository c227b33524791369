import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer
import Synchronization

/// What comes of events when something goes wrong.
///
/// Faults: `stall`, a producer stays between its claim and its publish for 10 ms, while another sends;
/// `stopped`, the consumer does not run until twice what the buffers hold was sent, then all of as much again
/// is sent; `overrun`, 100 laps of a small buffer before a consumer that is too slow.
///
/// Metrics, each with the fault behind it: `capture_rate`, delivered over offered; `lost`, as the transport
/// counts them; `placed`, of these told as places in the stream; `unaccounted`, what is neither delivered nor
/// told as lost; `violations`, events of a producer behind a later one of the same producer, or twice;
/// `torn`, events of which not every word is of the same event; `longest_wait`, ns, for which the consumer
/// had nothing.
package enum FaultsPart: EvaluationPart {
  package static let name = "faults"
  package static let abstract =
    "Conservation and order when a producer stalls, the consumer stops, buffers overrun."

  private static let payload = 248
  private static let linger: UInt64 = 10_000_000
  // A seat's events are numbered from here on.
  private static func first(_ seat: Int) -> UInt64 { UInt64(seat) << 40 }

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 5
    var options = settings.options(payload: payload)
    options.bytes = EvaluationSettings.atLeast(512 << 10)
    options.events = [.call]
    let opened = try settings.transports.map { try $0.open(options) }
    for round in 0..<rounds {
      for (fault, run) in [("stall", stall), ("stopped", stopped), ("overrun", overrun)] {
        progress.say("\(fault), round \(round + 1) of \(rounds)")
        for transport in opened {
          let outcome = try run(transport, settings)
          func add(_ metric: String, _ value: UInt64, _ unit: String = "events") {
            samples.add(
              "\(metric)_\(fault)", Double(value), unit: unit,
              transport: transport.transport.rawValue, cpus: settings.cpus.count,
              payload: payload, round: round)
          }
          let sink = outcome.sink
          samples.add(
            "capture_rate_\(fault)", Double(sink.count) / Double(outcome.offered), unit: "1",
            transport: transport.transport.rawValue, cpus: settings.cpus.count, payload: payload,
            round: round)
          add("offered", outcome.offered)
          add("lost", outcome.losses.counted)
          add("placed", outcome.losses.placed)
          // More than was offered would be as wrong.
          let told = sink.count + outcome.losses.counted
          add("unaccounted", max(outcome.offered, told) - min(outcome.offered, told))
          add("violations", violations(sink))
          add("torn", sink.torn)
          add("longest_wait", outcome.longestWait, "ns")
        }
      }
    }
    return samples
  }

  private struct Outcome {
    var sink = EventSink(.keepWhole(payload: FaultsPart.payload), capacity: 1 << 18)
    var offered: UInt64 = 0
    var losses = Losses()
    var longestWait: UInt64 = 0
  }

  private static func stall(
    _ transport: any EventTransport, _ settings: EvaluationSettings
  ) throws -> Outcome {
    let before = transport.source.offered()
    try transport.source.aim(process: UInt32(getpid()), linger: linger)
    let outcome = try run(transport, settings, pause: nil) { transport in
      let loop = transport.source.loop
      let stalled = try PinnedThreads.start(on: [settings.cpus.last ?? 0]) { _ in
        evaluation_emit(first(1))
        return 1
      }
      let other = try PinnedThreads.start(on: [settings.consumerCPU]) { _ in
        for call in 0..<30 {
          try loop.send(50, from: first(0) + UInt64(call * 50))
          usleep(500)
        }
        return 30 * 50
      }
      return [stalled, other]
    }
    guard transport.source.offered() > before else {
      throw EvaluationError("the call that should stall was not seen; run `ordinal doctor`")
    }
    return outcome
  }

  private static func stopped(
    _ transport: any EventTransport, _ settings: EvaluationSettings
  ) throws -> Outcome {
    let capacity = eventsHeld(transport, settings)
    let sent = Sent()
    // Asked before the first drain, so that there is none before.
    let sleep: () -> UInt32 = {
      while sent.count.load(ordering: .acquiring) < 2 * capacity { usleep(200) }
      return 0
    }
    return try run(transport, settings, pause: sleep) {
      [try flood(on: settings.producerCPUs(settings.cpus.count), 4 * capacity, $0, sent)]
    }
  }

  private static func overrun(
    _ transport: any EventTransport, _ settings: EvaluationSettings
  ) throws -> Outcome {
    let events = 100 * eventsHeld(transport, settings)
    return try run(transport, settings, pause: { 20 }) {
      [try flood(on: settings.producerCPUs(settings.cpus.count), events, $0, Sent())]
    }
  }

  /// Events that were sent, told to a consumer that waits for them.
  private final class Sent: Sendable { let count = Atomic<Int>(0) }

  private static func eventsHeld(
    _ transport: any EventTransport, _ settings: EvaluationSettings
  ) -> Int {
    let options = transport.source.options
    let bytes = transport.transport.bytes(
      of: options.bytes, cpus: settings.cpus.count, cpusPerShard: options.cpusPerShard)
    return bytes / transport.transport.bytesOfEvent(options.payload)
  }

  /// Sends `events` in all, as fast as it goes, from all of `cpus` at the same time.
  private static func flood(
    on cpus: [Int], _ events: Int, _ transport: any EventTransport, _ counter: Sent
  ) throws -> PinnedThreads.Running<Int> {
    let loop = transport.source.loop
    let share = events / cpus.count
    return try PinnedThreads.start(on: cpus) { cpu in
      let first = first((cpus.firstIndex(of: cpu) ?? 0) + 2)
      var sent = 0
      while sent < share {
        let count = min(256, share - sent)
        try loop.send(count, from: first + UInt64(sent))
        sent += count
        _ = counter.count.add(count, ordering: .releasing)
      }
      return sent
    }
  }

  /// Consumes what `produce` sends.
  ///
  /// - Parameters:
  ///   - transport: drained here.
  ///   - settings: the CPUs.
  ///   - pause: asked before each drain: microseconds to do nothing; nil: wait as the transport does.
  ///   - produce: starts the producers.
  /// - Returns: what came of it, all producers over and all drained.
  /// - Throws: what a producer or the transport throws.
  private static func run(
    _ transport: any EventTransport, _ settings: EvaluationSettings, pause: (() -> UInt32)?,
    _ produce: (any EventTransport) throws -> [PinnedThreads.Running<Int>]
  ) throws -> Outcome {
    try settings.pinConsumer()
    var outcome = Outcome()
    let before = try transport.losses()
    transport.begin()
    let threads = try produce(transport)
    var last = monotonicNow()
    while !threads.allSatisfy(\.isOver) {
      if let pause, case let time = pause(), time > 0 { usleep(time) }
      if try transport.drain(&outcome.sink, limit: 64) > 0 {
        let now = monotonicNow()
        outcome.longestWait = max(outcome.longestWait, now - last)
        last = now
      } else if pause == nil {
        transport.wait(nanoseconds: 1_000_000)
      }
    }
    for thread in threads {
      outcome.offered += UInt64(try thread.join().reduce(0) { $0 + $1.value })
    }
    // Numbered behind all others, each a producer of its own.
    let cpus = settings.producerCPUs(settings.cpus.count)
    outcome.offered += UInt64(
      try transport.settle(&outcome.sink, on: cpus, numbered: first(1 << 20)))
    outcome.losses = try transport.losses()
    outcome.losses.counted -= before.counted
    outcome.losses.placed -= before.placed
    return outcome
  }

  private static func violations(_ sink: EventSink) -> UInt64 {
    var oracles: [UInt64: TokenOracle] = [:]
    for event in sink.kept {
      oracles[event.number >> 40, default: TokenOracle()].observe(event.number)
    }
    return oracles.values.reduce(0) { $0 + $1.violations }
  }

  package static func references(metric: String, transport: String) -> [String] { [] }
}
