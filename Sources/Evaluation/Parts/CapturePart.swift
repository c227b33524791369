import CEvaluation
import EvaluationCKit
import EvaluationTransports
import Glibc

/// Delivered over offered, against work of a known size.
///
/// Metrics, each with the workload behind it: `capture_rate`, `offered` (counted by the programs, apart from
/// any transport), `delivered`, `lost` (as the transport counts them), `unaccounted`, what is neither delivered
/// nor told as lost, and `violations`, exits before their fork. Workloads: `forks`, processes as in the
/// paper's table 5.2, with equal bytes; `paper_forks`, the same at the paper's sizes (128 MiB for its ring and
/// the other transports, 8 and 64 KiB a CPU for its perf buffers); `paper_printed`, the same and a line
/// written for each event, as the paper's perf program did; `overload`, 100 laps of a small ring from inside
/// the kernel, which no task's life can judge.
package enum CapturePart: EvaluationPart {
  package static let name = "capture"
  package static let abstract =
    "Events delivered of those offered: the paper's table, and overload."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    // Else a wake-up may bring the consumer to the producer's CPU, which has no time for it.
    try settings.pinConsumer()
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 3
    let forks = settings.forks ?? (settings.isQuick ? 2000 : 50_000)
    samples.note("a storm is \(forks) processes that end at once: two events each")
    let paper: UInt64 = 128 << 20
    for (workload, bytes, transports, printer) in [
      ("forks", settings.bytes, settings.transports, false),
      ("paper_forks", paper, settings.transports, false),
      (
        "paper_printed", paper, settings.transports.filter { $0 == .perf8K || $0 == .perf64K }, true
      ),
    ] {
      var options = settings.options()
      options.bytes = bytes
      options.events = [.fork, .exit]
      let opened = try transports.map { try $0.open(options) }
      for round in 0..<rounds {
        for cpus in settings.cpuCounts {
          progress.say("\(workload), \(cpus) CPUs, round \(round + 1) of \(rounds)")
          for transport in opened {
            try storm(
              transport, workload, forks, settings.producerCPUs(cpus), prints: printer, round,
              &samples)
          }
        }
      }
    }
    try overload(settings, rounds, progress, &samples)
    return samples
  }

  private static func storm(
    _ transport: any EventTransport, _ workload: String, _ forks: Int, _ cpus: [Int],
    prints: Bool, _ round: Int, _ samples: inout Samples
  ) throws {
    // Judged when all is over: the consumer's work is the same for all, and little.
    var sink = EventSink(.keep, capacity: 3 * forks)
    if prints { unsafe sink.printer = open("/dev/null", O_WRONLY | O_CLOEXEC) }
    defer { if prints { close(sink.printer) } }
    let offeredBefore = transport.source.offered()
    let lostBefore = try transport.losses().counted
    try transport.source.aim(atProcesses: true)
    transport.begin()
    let share = UInt64(max(1, forks / cpus.count))
    let threads = try PinnedThreads.start(on: cpus) { _ in
      evaluation_storm(share, -1, nil, nil)
    }
    while !threads.isOver {
      if try transport.drain(&sink, limit: 1024) > 0 { continue }
      transport.wait(nanoseconds: 2_000_000)
    }
    transport.end()
    while try transport.drain(&sink, limit: .max) > 0 {}
    for made in try threads.join() where made.value != Int64(share) {
      throw EvaluationError("a storm of processes ended early; see `ulimit -u` and memory")
    }
    let offered = transport.source.offered() - offeredBefore
    // The storm's own count: whatever the programs say, they can't have seen less.
    guard offered >= 2 * share * UInt64(cpus.count) else {
      throw EvaluationError("programs saw \(offered) events of \(2 * forks); run `ordinal doctor`")
    }
    add(
      transport, workload, cpus.count, offered: offered, delivered: sink.count,
      lost: try transport.losses().counted - lostBefore, round, &samples)
    samples.add(
      "violations_\(workload)", Double(violations(sink)), unit: "events",
      transport: transport.transport.rawValue, cpus: cpus.count,
      payload: transport.source.options.payload, round: round)
  }

  private static func violations(_ sink: EventSink) -> UInt64 {
    var oracle = LifeOracle()
    for event in sink.kept {
      let task = LifeOracle.Task(id: event.id, start: event.subject)
      if event.kind == EVAL_FORK.rawValue { oracle.observe(.fork, of: task) }
      if event.kind == EVAL_EXIT.rawValue { oracle.observe(.exit, of: task) }
    }
    return oracle.violations
  }

  private static func overload(
    _ settings: EvaluationSettings, _ rounds: Int, _ progress: Progress,
    _ samples: inout Samples
  ) throws {
    var options = settings.options()
    options.bytes = EvaluationSettings.atLeast(512 << 10)
    let opened = try settings.transports.map { try $0.open(options) }
    // 100 laps of 4096 slots.
    let events = settings.isQuick ? 100_000 : 409_600
    for round in 0..<rounds {
      for cpus in settings.cpuCounts {
        progress.say("overload, \(cpus) CPUs, round \(round + 1) of \(rounds)")
        for transport in opened {
          var sink = EventSink(.count)
          let lostBefore = try transport.losses().counted
          transport.begin()
          let loop = transport.source.loop
          let calls = max(1, events / cpus / 4096)
          let threads = try PinnedThreads.start(on: settings.producerCPUs(cpus)) { _ in
            for _ in 0..<calls { try loop.send(4096) }
            return calls * 4096
          }
          while !threads.isOver {
            if try transport.drain(&sink, limit: 256) > 0 { continue }
            transport.wait(nanoseconds: 1_000_000)
          }
          var offered = UInt64(try threads.join().reduce(0) { $0 + $1.value })
          offered += UInt64(try transport.settle(&sink, on: settings.producerCPUs(cpus)))
          add(
            transport, "overload", cpus, offered: offered, delivered: sink.count,
            lost: try transport.losses().counted - lostBefore, round, &samples)
        }
      }
    }
  }

  private static func add(
    _ transport: any EventTransport, _ workload: String, _ cpus: Int, offered: UInt64,
    delivered: UInt64, lost: UInt64, _ round: Int, _ samples: inout Samples
  ) {
    func add(_ metric: String, _ value: Double, _ unit: String) {
      samples.add(
        "\(metric)_\(workload)", value, unit: unit, transport: transport.transport.rawValue,
        cpus: cpus, payload: transport.source.options.payload, round: round)
    }
    add("capture_rate", Double(delivered) / Double(offered), "1")
    add("offered", Double(offered), "events")
    add("delivered", Double(delivered), "events")
    add("lost", Double(lost), "events")
    add("unaccounted", Double(offered) - Double(delivered) - Double(lost), "events")
  }

  package static func references(metric: String, transport: String) -> [String] { [] }
}
