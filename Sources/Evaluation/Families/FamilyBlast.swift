import CEvaluation
import Capture
import EvaluationTransports

/// System calls and switches at full speed, told to a consumer by each transport: records of 128 bytes with
/// the same fields, stamped.
enum FamilyBlast {
  private struct Stream {
    let work: FamilyWork
    let events: Set<KernelEvent>
    let traced: Tracer.Events
    /// Turns a second that a search begins with.
    let start: Double
  }

  private static let streams = [
    Stream(
      work: .syscall, events: [.familyEnter, .familyExit], traced: .allCalls, start: 400_000),
    Stream(
      work: .scheduler, events: [.familySwitch, .familyWaking], traced: .allSwitches,
      start: 50_000),
  ]

  /// Bytes of a record.
  private static let bytes = 128

  /// Those of equal bytes that need no words of their own in a record; the batched ringbuf differs in the
  /// consumer alone.
  private static func transports(_ settings: EvaluationSettings) -> [Transport] {
    let able: [Transport] = [.sequencer, .ringbuf, .perf, .perfEvery]
    return settings.transports.filter {
      able.contains($0) && !(settings.isQuick && $0 == .perfEvery)
    }
  }

  static func measure(
    _ settings: EvaluationSettings, _ progress: Progress, _ samples: inout Samples
  ) throws {
    let rounds = settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 3
    // Other programs take seconds to come: they have one round, a middle one.
    let otherRound = rounds / 2
    let others = settings.isQuick ? [] : Tracer.known.filter { Tracer.version($0.0) != nil }
    for stream in streams {
      let name = stream.work.name
      let own = transports(settings).map(\.rawValue) + ["null", "ordinal"]
      var tracers = own + others.map(\.0) + ["off"]
      var generator = SeededGenerator(seed: 7)
      for round in 0..<rounds {
        tracers.shuffle(using: &generator)
        for tracer in tracers {
          progress.say("\(name), round \(round + 1) of \(rounds): \(tracer)")
          let isOther = others.contains { $0.0 == tracer }
          if isOther && round != otherRound && !settings.hasOwnRounds { continue }
          let program =
            isOther
            ? try Tracer(tracer, stream.traced, call: 0, workName: EVALUATION_FAMILY_NAME) : nil
          // Loaded anew each time: whatever is attached costs something, switched off or not.
          let attached = own.contains(tracer) ? try open(tracer, stream, settings) : nil
          for count in counts(settings) {
            let cpus = settings.producerCPUs(count)
            let run = try FamilyRun(
              stream.work.kind, on: cpus,
              nanoseconds: settings.isQuick ? 30_000_000 : 150_000_000, by: attached)
            add(run, tracer, name, count, round, &samples)
          }
          withExtendedLifetime(program) {}
        }
      }
      try search(stream, own, settings, progress, &samples)
    }
  }

  private static func counts(_ settings: EvaluationSettings) -> [Int] {
    settings.cpus.count > 1 ? [1, settings.cpus.count] : [1]
  }

  private static func open(
    _ tracer: String, _ stream: Stream, _ settings: EvaluationSettings
  ) throws -> any FamilyTracer {
    var options = settings.options()
    options.events = stream.events
    options.timestamps = .precise
    if let transport = Transport(rawValue: tracer) {
      return FamilyTransport(try transport.open(options))
    }
    if tracer == "null" { return FamilyNull(try EventSource.open(.null, options)) }
    return try FamilyCapture(stream.work.family, timestamps: .precise, bytes: settings.bytes)
  }

  private static func add(
    _ run: FamilyRun, _ tracer: String, _ stream: String, _ cpus: Int, _ round: Int,
    _ samples: inout Samples
  ) {
    func add(_ metric: String, _ value: Double, _ unit: String) {
      samples.add(
        "\(metric)_\(stream)", value, unit: unit, transport: tracer, cpus: cpus, payload: bytes,
        round: round)
    }
    add("turn", run.work.mean, "ns")
    add("cpu", run.work.meanCPU, "ns")
    if run.delivered == 0 { return }
    let seconds = Double(run.work.elapsed) / Double(cpus) / 1e9
    add("events", Double(run.delivered) / seconds, "events/s")
    add("loss", Double(run.lost) / (Double(run.delivered) + Double(run.lost)), "1")
    add("consumer_cpu", run.consumerShare, "1")
  }

  /// The highest rate at which all arrives.
  private static func search(
    _ stream: Stream, _ tracers: [String], _ settings: EvaluationSettings, _ progress: Progress,
    _ samples: inout Samples
  ) throws {
    let rounds = settings.isQuick ? 0 : settings.hasOwnRounds ? settings.rounds : 1
    for round in 0..<rounds {
      for name in tracers where name != "null" && name != Transport.perfEvery.rawValue {
        let tracer = try open(name, stream, settings)
        for count in counts(settings) {
          progress.say("\(stream.work.name), rate without loss, \(count) CPUs: \(name)")
          var eventsOfTurn = 0.0
          func test(_ rate: Double) throws -> RateSearch.Verdict {
            let run = try FamilyRun(
              stream.work.kind, on: settings.producerCPUs(count), nanoseconds: 50_000_000,
              rate: rate, by: tracer)
            if run.lost > 0 { return .lost }
            eventsOfTurn = Double(run.delivered) / Double(max(run.work.turns, 1))
            return run.work.rate >= rate * 0.97 ? .kept : .slower(run.work.rate)
          }
          let found = try RateSearch.highest(from: stream.start) { rate in
            // Once more where it did not hold: others take CPUs on a shared machine.
            let first = try test(rate)
            return first == .kept ? first : try test(rate)
          }
          func add(_ metric: String, _ value: Double, _ unit: String) {
            samples.add(
              "\(metric)_\(stream.work.name)", value, unit: unit, transport: name, cpus: count,
              payload: bytes, round: round)
          }
          add("zero_loss", found.rate * eventsOfTurn, "events/s")
          add("limited_by_producer", found.isLimited ? 1 : 0, "1")
        }
      }
    }
  }

  static func references(metric: String, transport: String) -> [String] {
    if metric.hasPrefix("turn_") || metric.hasPrefix("cpu_") {
      switch transport {
      case "off": return []
      case "ordinal": return ["off", "ringbuf", "perf"] + Tracer.known.map(\.0)
      case "ringbuf": return ["off"]
      default: return ["off", "ringbuf"]
      }
    }
    let isRate = metric.hasPrefix("zero_loss_") || metric.hasPrefix("events_")
    return isRate && transport != "ringbuf" ? ["ringbuf"] : []
  }
}
