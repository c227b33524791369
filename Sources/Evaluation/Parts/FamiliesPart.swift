import BPFLoader
import Capture
import CEvaluation
import EvaluationTransports
import Glibc
import Sequencer

/// What the families of events cost, and what their streams bear.
///
/// Metrics, with the family behind them where it is not the transport:
/// - `event_…`, ns of a family's programs an event, by the kernel's own account of their runs, while work
///   makes such events; `run_…`, ns a run of one program. The transport is the clock: precise, coarse, none.
///   Runs for what is no act of the family, of all processes, are in `event_…`; a reading of the clock by the
///   kernel is in each run: `run` of the transport `empty` is a program that does nothing.
/// - `bystander`, ns on a CPU of a getpid(), which is no act of the family that is the transport; `off` is nobody,
///   `empty` a program that does nothing at the begin of every call.
/// - `turn_…`, ns of a turn of the work at full speed on some CPUs, `cpu_…`, what of it the work was on a
///   CPU, which is the better figure where others want the CPUs; `events_…` that arrived a second,
///   `loss_…`, the part that did not, `consumer_cpu_…`, of one CPU; `zero_loss_…`, the highest rate of events
///   that arrives whole, and `limited_by_producer_…`.
package enum FamiliesPart: EvaluationPart {
  package static let name = "families"
  package static let abstract =
    "What each family's events cost, and what system calls and switches bear."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var samples = Samples()
    try settings.pinConsumer()
    try costs(settings, progress, &samples)
    try bystanders(settings, progress, &samples)
    try FamilyBlast.measure(settings, progress, &samples)
    return samples
  }

  /// A family's programs, by each clock in turn.
  private static func costs(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let quick = ["syscall", "sched", "file"]
    let works = FamilyWork.all.filter { !settings.isQuick || quick.contains($0.name) }
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 3
    let nanoseconds: UInt64 = settings.isQuick ? 20_000_000 : 40_000_000
    var control = settings.options()
    control.events = [.empty]
    let empty = try EventSource.open(.null, control)
    let statistics = try BPFRunStatistics()
    for work in works {
      samples.note("\(work.name): a turn is \(work.turn)")
      var captures: [(TimestampSource, FamilyCapture)] = []
      for clock in TimestampSource.allCases {
        captures.append(
          (
            clock,
            try FamilyCapture(
              work.family, timestamps: clock, bytes: EvaluationSettings.atLeast(16 << 20))
          ))
      }
      for round in 0..<rounds {
        progress.say("\(work.name), round \(round + 1) of \(rounds)")
        captures.append(captures.removeFirst())
        for (clock, capture) in captures {
          var processes = try FamilyProcesses(
            work.kind, on: [settings.cpus.last ?? 0],
            // Contention is rare.
            nanoseconds: work.kind == EVALUATION_CONTEND ? 5 * nanoseconds : nanoseconds)
          let before = try (empty.runs(of: .empty), capture.runs(), capture.offered())
          try feed(capture, &processes)
          let after = try (empty.runs(of: .empty), capture.runs(), capture.offered())
          while try capture.drain(limit: .max) > 0 {}
          func add(_ metric: String, _ runs: BPFRuns, over count: UInt64, _ name: String) {
            if count == 0 { return }
            samples.add(
              metric, Double(runs.nanoseconds) / Double(count), unit: "ns", transport: name,
              round: round)
          }
          var sum = BPFRuns()
          for (old, new) in zip(before.1, after.1) {
            let runs = new.runs - old.runs
            sum.nanoseconds += runs.nanoseconds
            // One that ran by chance tells nothing.
            if clock == .precise && runs.count > 100 {
              add("run_\(new.program)", runs, over: runs.count, clock.rawValue)
            }
          }
          let events = after.2 - before.2
          if events > 100 {
            add("event_\(work.name)", sum, over: events, clock.rawValue)
          } else {
            samples.note("\(work.name): \(events) events only in a round; none is told of it")
          }
          if work.kind == EVALUATION_GETPID && clock == .precise {
            let runs = after.0 - before.0
            add("run", runs, over: runs.count, "empty")
          }
        }
      }
    }
    withExtendedLifetime(statistics) {}
  }

  /// Runs the work under a capture whose consumer looks once in a millisecond: it makes few calls itself.
  private static func feed(
    _ capture: FamilyCapture, _ processes: inout FamilyProcesses
  ) throws {
    capture.begin()
    processes.begin()
    while !processes.isOver {
      while try capture.drain(limit: .max) > 0 {}
      usleep(1000)
    }
    capture.end()
    _ = try processes.finish()
  }

  /// A system call that is no act of the families that are on.
  private static func bystanders(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let all = ["futex", "net", "file", "cred", "namespace", "ptrace", "bpf", "mount"]
    let names = settings.isQuick ? ["file"] : all
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 3
    var control = settings.options()
    control.events = [.empty]
    for round in 0..<rounds {
      progress.say("getpid() beside other families, round \(round + 1) of \(rounds)")
      for name in ["off", "empty"] + names {
        var tracer: (any FamilyTracer)?
        var empty: EventSource?
        if name == "empty" {
          empty = try EventSource.open(.null, control)
        } else if let work = FamilyWork.all.first(where: { $0.name == name }) {
          tracer = try FamilyCapture(work.family, timestamps: .precise, bytes: settings.bytes)
        }
        try tracer?.begin()
        // Nothing comes that would have to be drained: a sleeping consumer takes no CPU.
        let run = try FamilyRun(
          EVALUATION_GETPID, on: [settings.cpus.last ?? 0],
          nanoseconds: settings.isQuick ? 30_000_000 : 80_000_000, by: nil)
        tracer?.end()
        withExtendedLifetime(empty) {}
        samples.add(
          "bystander", run.work.meanCPU, unit: "ns", transport: name, cpus: 1, round: round)
      }
    }
  }

  package static func references(metric: String, transport: String) -> [String] {
    if metric.hasPrefix("event_") {
      return transport == TimestampSource.precise.rawValue ? [] : ["precise"]
    }
    if metric == "bystander" {
      return transport == "off" ? [] : transport == "empty" ? ["off"] : ["off", "empty"]
    }
    return FamilyBlast.references(metric: metric, transport: transport)
  }
}
