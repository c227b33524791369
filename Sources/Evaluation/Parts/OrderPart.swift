import CEvaluation
import EvaluationCKit
import EvaluationTransports
import Glibc
import Sequencer

/// Whether events come in the order in which they happened, by oracles that know nothing of tickets.
///
/// Metrics: `violations_tokens_…`, numbers that threads on all CPUs emit in turn, each only after the one
/// before was over, and that come out of turn; `violations_logs_…`, what a thread wrote down itself against
/// what came of it; `violations_lives`, a task's exec before its fork or behind its exit; `judged_…`, how many
/// events that rests on; `clock_backwards`, tokens whose time is before that of the token before. The settings
/// behind the metric: `park`, `spin`, `small` (buffers that overflow), `large` (a payload of 248 bytes).
package enum OrderPart: EvaluationPart {
  package static let name = "order"
  package static let abstract = "Events out of order, by oracles that know nothing of tickets."

  private struct Setting {
    let name: String
    let waiting: EndToEnd.Waiting
    let payload: Int
    let bytes: UInt64?
  }

  private static let settings = [
    Setting(name: "park", waiting: .park, payload: 56, bytes: nil),
    Setting(name: "spin", waiting: .spin, payload: 56, bytes: nil),
    Setting(
      name: "small", waiting: .park, payload: 56, bytes: EvaluationSettings.atLeast(512 << 10)),
    Setting(name: "large", waiting: .park, payload: 248, bytes: nil),
  ]

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    try settings.pinConsumer()
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 5
    let tokens: UInt64 = settings.isQuick ? 20_000 : 100_000
    for setting in self.settings {
      var options = setting.waiting.adapt(settings.options(payload: setting.payload))
      options.bytes = setting.bytes ?? options.bytes
      options.events = [.call]
      options.isStamped = true
      let opened = try settings.transports.map { try $0.open(options) }
      for round in 0..<rounds {
        progress.say("tokens, \(setting.name), round \(round + 1) of \(rounds)")
        for transport in opened {
          // A consumer that spins takes a CPU from the threads: each hand-over waits for its turn there.
          let count = setting.waiting == .spin ? tokens / 100 : tokens
          try passTokens(transport, count, setting, settings, round, &samples)
        }
      }
    }
    try watchLives(settings, rounds, progress, &samples)
    return samples
  }

  private static func passTokens(
    _ transport: any EventTransport, _ tokens: UInt64, _ setting: Setting,
    _ settings: EvaluationSettings, _ round: Int, _ samples: inout Samples
  ) throws {
    // Two threads on one CPU hand the token on as well as two CPUs; only the order of CPUs is not tried.
    let cpus =
      settings.cpus.count > 1 ? settings.cpus : [settings.consumerCPU, settings.consumerCPU]
    let baton = TokenBaton()
    let deadline = monotonicNow() + (settings.isQuick ? 2 : 10) * 1_000_000_000
    try transport.source.aim(process: UInt32(getpid()))
    transport.begin()
    let threads = try PinnedThreads.start(on: cpus) { _ in
      baton.pass(of: cpus.count, to: tokens, until: deadline)
    }
    let sink = try consume(transport, setting.waiting, capacity: Int(tokens)) { threads.isOver }
    let logs = try threads.join().map(\.value)
    // What the machine left time for: each of the first tokens once, and none behind them.
    let passed = logs.reduce(0) { $0 + $1.count }
    guard passed > 0, logs.compactMap(\.last).max() == UInt64(passed) - 1 else {
      throw EvaluationError("not every token was passed; run bench order again")
    }
    var oracle = TokenOracle()
    // By seat: a thread has every token that is its seat's number of the threads.
    var byThread = logs.sorted { ($0.first ?? 0) < ($1.first ?? 0) }.map { LogOracle(log: $0) }
    for event in sink.kept where event.kind == EVAL_CALL.rawValue {
      oracle.observe(event.number, stamp: event.stamp)
      byThread[Int(event.number % UInt64(cpus.count))].observe(event.number)
    }
    func add(_ metric: String, _ value: UInt64) {
      samples.add(
        metric, Double(value), unit: "events", transport: transport.transport.rawValue,
        cpus: settings.cpus.count, payload: setting.payload, round: round)
    }
    add("violations_tokens_\(setting.name)", oracle.violations)
    add("violations_logs_\(setting.name)", byThread.reduce(0) { $0 + $1.violations })
    add("judged_tokens_\(setting.name)", oracle.observed)
    add("clock_backwards_\(setting.name)", oracle.clockBackwards)
  }

  private static func watchLives(
    _ settings: EvaluationSettings, _ rounds: Int, _ progress: Progress,
    _ samples: inout Samples
  ) throws {
    var options = settings.options()
    options.events = [.fork, .exec, .exit]
    let opened = try settings.transports.map { try $0.open(options) }
    let children: UInt64 = settings.isQuick ? 200 : 1000
    for round in 0..<rounds {
      progress.say("lives, round \(round + 1) of \(rounds)")
      for transport in opened {
        try transport.source.aim(atProcesses: true)
        transport.begin()
        let cpus = settings.cpus
        let threads = try PinnedThreads.start(on: cpus) { cpu in
          // Its children go to the next CPU first: their events are of another one than their forks.
          let next = cpus[((cpus.firstIndex(of: cpu) ?? 0) + 1) % cpus.count]
          return unsafe evaluation_storm(children, Int32(next), "/bin/true", nil)
        }
        let sink = try consume(transport, .park, capacity: Int(children) * cpus.count * 4) {
          threads.isOver
        }
        for made in try threads.join() where made.value != Int64(children) {
          throw EvaluationError("a storm of processes ended early; see `ulimit -u` and memory")
        }
        var oracle = LifeOracle()
        for event in sink.kept {
          let task = LifeOracle.Task(id: event.id, start: event.subject)
          switch event.kind {
          case EVAL_FORK.rawValue: oracle.observe(.fork, of: task)
          case EVAL_EXEC.rawValue: oracle.observe(.exec, of: task)
          case EVAL_EXIT.rawValue: oracle.observe(.exit, of: task)
          default: break
          }
        }
        for (metric, value) in [
          ("violations_lives", oracle.violations), ("judged_lives", oracle.judged),
        ] {
          samples.add(
            metric, Double(value), unit: "events", transport: transport.transport.rawValue,
            cpus: cpus.count, payload: options.payload, round: round)
        }
      }
    }
  }

  /// Keeps every event until the work is over and all is drained.
  private static func consume(
    _ transport: any EventTransport, _ waiting: EndToEnd.Waiting, capacity: Int,
    until isOver: () -> Bool
  ) throws -> EventSink {
    var sink = EventSink(.keep, capacity: capacity)
    while !isOver() {
      if try transport.drain(&sink, limit: 1024) > 0 { continue }
      if waiting == .park { transport.wait(nanoseconds: 2_000_000) }
    }
    transport.end()
    while try transport.drain(&sink, limit: .max) > 0 {}
    return sink
  }

  package static func references(metric: String, transport: String) -> [String] { [] }
}
