import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer

/// What traced work loses: its time for a turn of its loop, by who traces it.
///
/// Metrics: `mean_`, `p99_` and, of the consumer, `consumer_cpu_`, each for `exec` (vfork, exec of /bin/true,
/// exit, wait; all forks, execs and exits of the machine are events), `pipe` (a byte to another thread on the
/// same CPU and back; its switches are events) and `call` (one system call). Traced by nobody (`off`), by
/// programs that do all but send (`null`), by each transport with its consumer parked, and by bpftrace and
/// `perf record`, of the same events.
package enum OverheadPart: EvaluationPart {
  package static let name = "overhead"
  package static let abstract = "What traced work loses, by transport and against other programs."

  private struct Work {
    let name: String
    let kind: evaluation_work_kind
    let events: Set<KernelEvent>
    let traced: Tracer.Events
    let turns: Int
    let quickTurns: Int
  }

  private static let works = [
    Work(
      name: "exec", kind: EVALUATION_EXEC, events: [.fork, .exec, .exit], traced: .processes,
      turns: 600, quickTurns: 100),
    Work(
      name: "pipe", kind: EVALUATION_PIPE, events: [.leave], traced: .switches, turns: 40_000,
      quickTurns: 5000),
    Work(
      name: "call", kind: EVALUATION_CALL, events: [.call], traced: .calls, turns: 300_000,
      quickTurns: 30_000),
  ]

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 5
    var tracers: [String] = []
    for (name, package) in Tracer.known {
      if let version = Tracer.version(name) {
        tracers.append(name)
        samples.note("\(name): \(version)")
      } else {
        samples.note("\(name) is not measured: install the package \(package)")
      }
    }
    var generator = SeededGenerator(seed: 5)
    for work in works {
      let turns = settings.isQuick ? work.quickTurns : work.turns
      var options = settings.options()
      options.events = work.events
      let null = try EventSource.open(.null, options)
      let opened = try settings.transports.map { try $0.open(options) }
      var names = ["off", "null"] + settings.transports.map(\.rawValue) + tracers
      for round in 0..<rounds {
        names.shuffle(using: &generator)
        for name in names {
          progress.say("\(work.name), round \(round + 1) of \(rounds): \(name)")
          let figures: Figures
          if let transport = opened.first(where: { $0.transport.rawValue == name }) {
            figures = try traced(work, turns, by: transport, settings)
          } else if name == "null" {
            figures = try traced(work, turns, by: null, settings)
          } else {
            let tracer =
              name == "off"
              ? nil
              : try Tracer(
                name, work.traced, call: Int(evaluation_event_call()),
                workName: EVALUATION_WORK_NAME)
            figures = try run(work, turns, settings) { _ in }
            withExtendedLifetime(tracer) {}
          }
          func add(_ metric: String, _ value: Double, _ unit: String) {
            samples.add(
              "\(metric)_\(work.name)", value, unit: unit, transport: name, round: round)
          }
          add("mean", figures.mean, "ns")
          add("p99", figures.p99, "ns")
          if figures.consumer > 0 { add("consumer_cpu", figures.consumer, "1") }
        }
      }
    }
    return samples
  }

  private struct Figures {
    var mean: Double
    var p99: Double
    var consumer = 0.0
  }

  private static func run(
    _ work: Work, _ turns: Int, _ settings: EvaluationSettings,
    _ meanwhile: (borrowing WorkProcess) throws -> Void
  ) throws -> Figures {
    var process = try WorkProcess(work.kind, turns: turns, cpu: settings.cpus.last ?? 0)
    process.begin()
    try meanwhile(process)
    let result = try process.finish()
    return Figures(mean: Double(result.elapsed) / Double(result.turns), p99: Double(result.p99))
  }

  private static func traced(
    _ work: Work, _ turns: Int, by source: EventSource, _ settings: EvaluationSettings
  ) throws -> Figures {
    var process = try WorkProcess(work.kind, turns: turns, cpu: settings.cpus.last ?? 0)
    try aim(source, work, process.pid)
    source.ring.begin()
    defer { source.ring.end() }
    process.begin()
    let result = try process.finish()
    try expectEvents(work, turns, source)
    return Figures(mean: Double(result.elapsed) / Double(result.turns), p99: Double(result.p99))
  }

  private static func traced(
    _ work: Work, _ turns: Int, by transport: any EventTransport, _ settings: EvaluationSettings
  ) throws -> Figures {
    try settings.pinConsumer()
    var process = try WorkProcess(work.kind, turns: turns, cpu: settings.cpus.last ?? 0)
    try aim(transport.source, work, process.pid)
    transport.begin()
    var sink = EventSink(.count)
    let began = monotonicNow()
    let cpu = evaluation_thread_time()
    process.begin()
    var nextLook = began
    while true {
      // A system call: not at each turn of a consumer that looks again and again.
      let now = monotonicNow()
      if now >= nextLook {
        if process.isOver { break }
        nextLook = now + 100_000
      }
      if try transport.drain(&sink, limit: 1024) > 0 { continue }
      // Not for long: nothing rings when the work is over.
      transport.wait(nanoseconds: 5_000_000)
    }
    let elapsed = Double(monotonicNow() - began)
    let share = Double(evaluation_thread_time() - cpu) / elapsed
    let result = try process.finish()
    transport.end()
    while try transport.drain(&sink, limit: .max) > 0 {}
    try expectEvents(work, turns, transport.source)
    return Figures(
      mean: Double(result.elapsed) / Double(result.turns), p99: Double(result.p99),
      consumer: share)
  }

  private static func aim(_ source: EventSource, _ work: Work, _ pid: UInt32) throws {
    try source.aim(process: pid, atProcesses: work.kind == EVALUATION_EXEC)
  }

  /// A figure of programs that did not see the work would flatter them.
  private static func expectEvents(_ work: Work, _ turns: Int, _ source: EventSource) throws {
    guard source.offered() >= UInt64(turns) else {
      throw EvaluationError(
        "\(source.offered()) events were seen of \(turns) turns of \(work.name); run `ordinal doctor`"
      )
    }
  }

  package static func references(metric: String, transport: String) -> [String] {
    switch transport {
    case "off": []
    case Transport.sequencer.rawValue: ["off", "ringbuf"] + Tracer.known.map(\.0)
    case Transport.ringbuf.rawValue: ["off"]
    default: ["off", "ringbuf"]
    }
  }
}

/// The traced process; ended and waited for when the value goes.
private struct WorkProcess: ~Copyable {
  private var work = evaluation_work()
  private var isFinished = false

  init(_ kind: evaluation_work_kind, turns: Int, cpu: Int) throws {
    guard unsafe evaluation_work_start(kind, UInt32(turns), Int32(cpu), &work) == 0 else {
      throw EvaluationError("can't start the work: \(unsafe String(cString: strerror(errno)))")
    }
  }

  deinit {
    if isFinished { return }
    var work = self.work
    var result = evaluation_work_result()
    _ = unsafe evaluation_work_finish(&work, &result)
  }

  var pid: UInt32 { UInt32(work.pid) }

  mutating func begin() {
    close(work.go)
    work.go = -1
  }

  var isOver: Bool {
    var entry = pollfd(fd: work.result, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  mutating func finish() throws -> evaluation_work_result {
    var result = evaluation_work_result()
    isFinished = true
    guard unsafe evaluation_work_finish(&work, &result) == 0 else {
      throw EvaluationError(
        "the work failed; run it again on a machine with room for its processes")
    }
    return result
  }
}
