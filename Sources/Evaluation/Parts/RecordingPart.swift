import CEvaluation
import EvaluationTransports
import Foundation

/// What recording costs, beside `perf record` and `trace-cmd record` of the same events, and how fast
/// recordings are read.
///
/// The transport is the recorder, a process of its own for the whole machine. Metrics, with the load behind them:
/// `spawn` (vfork, exec of /bin/true, exit), `fork` (vfork, exit), `calls` (one system call, both its ends), at full
/// speed, and `calls_…k`, paced at so many thousand events a second.
/// - `made_…`, events a second that the work made; `captured_…`, the part of them that is in the file; `told_…`,
///   events that the recorder says were lost; `unaccounted_…`, events that are neither. What was made is counted
///   by the work itself.
/// - `bytes_rate_…`, bytes of the file a second of the work; `bytes_…`, bytes of the file an event in it.
/// - `cpu_…`, CPU time of the recorder and its children, from start to end; `cpu_event_…`, ns an event in the
///   file, without what the same recorder took with nothing to record
///   (`cpu_idle_…`, of processes' events and of calls).
/// - `turn_…`, ns of a turn of the work on a CPU; `off` is without a recorder.
/// - `zero_loss`, the highest rate on one CPU, paced or not, of which nothing was lost in any round: what was
///   made, which may be less than what the pace asked for.
/// - `read_rate_…`, records a second of a reader (its start included), `read_cpu_…`, ns a record.
/// - `recovery`: ns until the end of a recording that was cut in a block is found (`tail`), the file is read once
///   (`read`), or is verified (`verify`).
package enum RecordingPart: EvaluationPart {
  package static let name = "recording"
  package static let abstract =
    "Recording into files beside perf record and trace-cmd, and reading them."

  package static func measure(
    _ settings: EvaluationSettings, _ progress: Progress
  ) throws -> Samples {
    var part = Measurement(settings, progress)
    try part.run()
    return part.samples
  }

  package static func references(metric: String, transport: String) -> [String] {
    if metric == "recovery" { return transport == "tail" ? ["read", "verify"] : [] }
    if metric.hasPrefix("read_") {
      return transport.hasPrefix("replay") || transport.hasPrefix("verify")
        || transport.hasPrefix("export") ? ["perf-script", "trace-cmd-report"] : []
    }
    // Counts of different work; what they are is in the table.
    let counts = ["made_", "captured_", "told_", "unaccounted_"]
    if counts.contains(where: metric.hasPrefix) { return [] }
    let others = Recorder.allCases.filter { $0.package != nil }.map(\.rawValue)
    let isOrdinal = transport == Recorder.ordinal.rawValue
    if metric.hasPrefix("turn_") {
      return transport == "off" ? [] : ["off"] + (isOrdinal ? others : [])
    }
    if transport == Recorder.ordinalPacked.rawValue { return [Recorder.ordinal.rawValue] }
    return isOrdinal ? others : []
  }

  private struct Measurement {
    var samples = Samples()
    let settings: EvaluationSettings
    let progress: Progress
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("ordinal-bench-\(UUID().uuidString)").path
    var recorders: [Recorder] = []
    var generator = SeededGenerator(seed: 11)
    /// By recorder and rate that was wanted on one CPU, the lowest that was made; 0 where something was lost.
    var held: [Recorder: [Double: Double]] = [:]

    init(_ settings: EvaluationSettings, _ progress: Progress) {
      self.settings = settings
      self.progress = progress
    }

    var rounds: Int { settings.hasOwnRounds ? settings.rounds : settings.isQuick ? 1 : 2 }
    var nanoseconds: UInt64 { settings.isQuick ? 150_000_000 : 500_000_000 }

    var rates: [Double] {
      settings.isQuick ? [100_000] : [100_000, 500_000, 1_000_000, 2_000_000]
    }

    var loads: [RecordedLoad] {
      let paced = rates.map { RecordedLoad.calls(onAll: false, rate: $0) }
      let flood = [RecordedLoad.calls(onAll: false)]
      // What a recorder's begin and end cost comes first: the others need it.
      let idle = [RecordedLoad.idle(.processes), .idle(.calls)]
      if settings.isQuick { return idle + [.spawn] + flood + paced }
      let both = settings.cpus.count > 1 ? [RecordedLoad.calls(onAll: true)] : []
      return idle + [.spawn, .fork] + flood + both + paced
    }

    mutating func run() throws {
      defer { try? FileManager.default.removeItem(atPath: folder) }
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
      find()
      for round in 0..<rounds {
        var idle: [Recorder: [Recorder.Events: UInt64]] = [:]
        for load in loads {
          var contestants: [Recorder?] = recorders
          if load.kind != nil { contestants.append(nil) }
          contestants.shuffle(using: &generator)
          for recorder in contestants {
            try measure(load, recorder, round, &idle)
          }
        }
      }
      for recorder in recorders {
        let made = (held[recorder] ?? [:]).sorted { $0.key < $1.key }.map(\.value)
        // Rates above one that was too much would be luck.
        samples.add(
          "zero_loss", made.prefix { $0 > 0 }.max() ?? 0, unit: "events/s",
          transport: recorder.rawValue, cpus: 1, round: 0)
      }
      try read()
    }

    private mutating func find() {
      for recorder in Recorder.allCases {
        guard recorder.program != nil else {
          samples.note(
            "\(recorder.rawValue) is not measured: install the package \(recorder.package ?? "")")
          continue
        }
        if let version = recorder.version(in: folder) {
          samples.note("\(recorder.package ?? ""): \(version)")
        }
        recorders.append(recorder)
      }
    }

    private mutating func measure(
      _ load: RecordedLoad, _ recorder: Recorder?, _ round: Int,
      _ idle: inout [Recorder: [Recorder.Events: UInt64]]
    ) throws {
      let name = recorder?.rawValue ?? "off"
      // It failed with nothing to do.
      if let recorder, !recorders.contains(recorder) { return }
      progress.say("\(load.name), round \(round + 1) of \(rounds): \(name)")
      let run: RecorderRun
      do {
        run = try RecorderRun(
          load, by: recorder, nanoseconds: nanoseconds, folder: folder + "/run", settings)
      } catch {
        guard let recorder, recorder.package != nil, load.kind == nil else { throw error }
        samples.note("\(name) is not measured: \(error)")
        recorders.removeAll { $0 == recorder }
        return
      }
      let cpus = load.kind == nil ? 0 : load.isOnAll ? settings.cpus.count : 1
      func add(_ metric: String, _ value: Double, _ unit: String) {
        samples.add(
          "\(metric)_\(load.name)", value, unit: unit, transport: name, cpus: cpus, round: round)
      }
      if let work = run.work { add("turn", work.meanCPU, "ns") }
      guard let recorder else { return }
      add("cpu", Double(run.cpu) / 1e9, "s")
      guard let work = run.work, run.expected > 0 else {
        idle[recorder, default: [:]][load.events] = run.cpu
        return
      }
      let made = work.rate * Double(load.ofTurn)
      add("made", made, "events/s")
      if load.events == .calls && !load.isOnAll {
        let rate = load.rate > 0 ? load.rate : .infinity
        let before = held[recorder]?[rate] ?? .infinity
        held[recorder, default: [:]][rate] = run.delivered < run.expected ? 0 : min(made, before)
      }
      add("captured", Double(run.delivered) / Double(run.expected), "1")
      add("told", Double(run.told), "events")
      add("unaccounted", Double(run.unaccounted), "events")
      add("bytes_rate", Double(run.bytes) / (Double(nanoseconds) / 1e9), "bytes/s")
      guard run.delivered > 0 else { return }
      let count = Double(run.delivered)
      add("bytes", Double(run.bytes) / count, "bytes")
      let base = idle[recorder]?[load.events] ?? 0
      add("cpu_event", run.cpu > base ? Double(run.cpu - base) / count : 0, "ns")
    }

    // MARK: Reading

    private mutating func read() throws {
      let readers = try RecordingReaders.all(
        exports: RecordingReaders.hasExports(in: folder)
      ).filter { recorders.contains($0.recorder) }
      let loads: [RecordedLoad] =
        settings.isQuick
        ? [.calls(onAll: false, rate: 100_000)]
        : [.calls(onAll: false, rate: 500_000), .fork]
      for load in loads {
        var files: [Recorder: (path: String, records: UInt64)] = [:]
        for recorder in recorders where readers.contains(where: { $0.recorder == recorder }) {
          progress.say("\(load.name), recorded by \(recorder.rawValue) to be read")
          let place = "\(folder)/read-\(recorder.rawValue)"
          let run = try RecorderRun(
            load, by: recorder, nanoseconds: nanoseconds, folder: place, settings)
          files[recorder] = (RecorderFolder(place).recording, run.delivered)
        }
        for round in 0..<rounds {
          for reader in readers.shuffled(using: &generator) {
            guard let file = files[reader.recorder], file.records > 0 else { continue }
            progress.say("\(load.name), round \(round + 1) of \(rounds): \(reader.name)")
            let took = try RecordingReaders.read(file.path, by: reader, in: folder)
            let count = Double(file.records)
            let metric = load.name.prefix { $0 != "_" }
            samples.add(
              "read_rate_\(metric)", count / (Double(took.time) / 1e9), unit: "records/s",
              transport: reader.name, round: round)
            samples.add(
              "read_cpu_\(metric)", Double(took.cpu) / count, unit: "ns", transport: reader.name,
              round: round)
          }
          if load.name.hasPrefix("calls"), let file = files[.ordinal] {
            try recover(file.path, round)
          }
        }
      }
    }

    private mutating func recover(_ file: String, _ round: Int) throws {
      progress.say("a cut recording, round \(round + 1) of \(rounds)")
      let copy = folder + "/cut"
      try RecordingReaders.cut(file, to: copy)
      // Both find the file in memory.
      _ = try RecordingReaders.readOnce(copy)
      let figures = [
        ("tail", try RecordingReaders.recover(copy)),
        ("read", try RecordingReaders.readOnce(copy)),
        ("verify", try RecordingReaders.verify(copy, in: folder)),
      ]
      for (name, time) in figures {
        samples.add("recovery", Double(time), unit: "ns", transport: name, round: round)
      }
    }
  }
}
