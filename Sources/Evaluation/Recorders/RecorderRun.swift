import CEvaluation
import EvaluationTransports
import Foundation
import Sequencer

/// Work whose events are recorded; it counts them itself.
struct RecordedLoad {
  /// As metrics name it.
  let name: String
  /// nil: nothing is done, which tells what a recorder's begin and end cost.
  let kind: evaluation_family_kind?
  let events: Recorder.Events
  /// Events of a turn, and of the end of a process that does the turns.
  let ofTurn: Int
  let ofProcess: Int
  /// CPUs that work: one, or all.
  let isOnAll: Bool
  /// Events a second of all CPUs together; 0: as many as can be.
  var rate = 0.0

  /// Nothing, while a recorder would record some events.
  static func idle(_ events: Recorder.Events) -> RecordedLoad {
    RecordedLoad(
      name: "idle_\(events)", kind: nil, events: events, ofTurn: 0, ofProcess: 0, isOnAll: false)
  }
  /// A fork, an exec and an exit a turn.
  static let spawn = RecordedLoad(
    name: "spawn", kind: EVALUATION_SPAWN, events: .processes, ofTurn: 3, ofProcess: 1,
    isOnAll: true)
  /// A fork and an exit a turn, at twice the rate and more.
  static let fork = RecordedLoad(
    name: "fork", kind: EVALUATION_VFORK, events: .processes, ofTurn: 2, ofProcess: 1,
    isOnAll: true)

  /// System calls, both ends of each.
  static func calls(onAll: Bool, rate: Double = 0) -> RecordedLoad {
    RecordedLoad(
      name: rate == 0 ? "calls" : "calls_\(Int(rate / 1000))k", kind: EVALUATION_EMIT,
      events: .calls, ofTurn: 2, ofProcess: 0, isOnAll: onAll, rate: rate)
  }
}

/// Some work beside a recorder, or beside none.
struct RecorderRun {
  /// What the work did; nil where there was none.
  private(set) var work: FamilyProcesses.Outcome?
  /// Events that the work made.
  private(set) var expected: UInt64 = 0
  /// Events that are in the file.
  private(set) var delivered: UInt64 = 0
  /// Events that the recorder says were lost.
  private(set) var told: UInt64 = 0
  /// Bytes of the file.
  private(set) var bytes: UInt64 = 0
  /// CPU time of the recorder and its children, from its start to its end, ns.
  private(set) var cpu: UInt64 = 0

  /// Events that are neither there nor told as lost; below 0 where more is told than happened.
  var unaccounted: Int64 { Int64(expected) - Int64(delivered) - Int64(told) }

  /// Runs the work.
  ///
  /// - Parameters:
  ///   - load: the work.
  ///   - recorder: what records it; nil: nothing.
  ///   - nanoseconds: for how long.
  ///   - folder: for the recorder's files; its recording is ``file`` there.
  ///   - settings: the machine's CPUs.
  /// - Throws: with the recorder's own words, if it fails.
  init(
    _ load: RecordedLoad, by recorder: Recorder?, nanoseconds: UInt64, folder: String,
    _ settings: EvaluationSettings
  ) throws {
    let cpus = load.isOnAll ? settings.cpus : settings.producerCPUs(1)
    guard let recorder else {
      try run(load, on: cpus, nanoseconds)
      return
    }
    let files = RecorderFolder(folder)
    try files.prepare()
    let instance = TraceInstance()
    // Made first: what it does before it is let go is not its work, and is not recorded.
    var process = try ProgramRun(
      recorder.arguments(
        load.events, file: files.recording, folder: folder, cpus: settings.cpus.count),
      output: folder + "/output", errors: folder + "/errors")
    switch recorder {
    case .ordinal, .ordinalPacked:
      try process.wait { SystemText.of(folder + "/errors").contains("Ctrl-C ends") }
    case .perf, .perfEqual:
      // It answers once its events are on.
      try files.ask("ping\n")
      try process.wait { files.hasAnswer }
    case .traceCmd, .traceCmdEqual: try process.wait { instance.isRecording }
    }
    try run(load, on: cpus, nanoseconds)
    let outcome = try process.finish(by: SIGINT)
    cpu = outcome.cpu
    guard outcome.isFine || recorder.package != nil else { throw process.problem("failed") }
    try count(recorder, files, instance, process, settings)
  }

  private mutating func run(
    _ load: RecordedLoad, on cpus: [Int], _ nanoseconds: UInt64
  ) throws {
    guard let kind = load.kind else {
      usleep(UInt32(nanoseconds / 1000))
      return
    }
    var processes = try FamilyProcesses(
      kind, on: cpus, nanoseconds: nanoseconds, rate: load.rate / Double(load.ofTurn))
    processes.begin()
    let done = try processes.finish()
    work = done
    expected = UInt64(done.turns * load.ofTurn + cpus.count * load.ofProcess)
  }

  private mutating func count(
    _ recorder: Recorder, _ files: RecorderFolder, _ instance: borrowing TraceInstance,
    _ process: borrowing ProgramRun, _ settings: EvaluationSettings
  ) throws {
    guard let size = files.recordingSize else { throw process.problem("left no file") }
    bytes = size
    switch recorder {
    case .ordinal, .ordinalPacked:
      let text = Data(SystemText.of(files.folder + "/summary").utf8)
      let summary = try JSONDecoder().decode(RecordedSummary.self, from: text)
      delivered = summary.delivered
      told = summary.lost + summary.missed
    case .perf, .perfEqual:
      let file = try PerfFile(files.recording)
      delivered = file.samples
      told = file.lost
    case .traceCmd, .traceCmdEqual:
      let figures = instance.figures(cpus: settings.cpus)
      delivered = figures.read
      told = figures.lost
    }
  }
}

/// Where a recorder's files lie.
struct RecorderFolder {
  let folder: String
  /// The file recorded to.
  var recording: String { folder + "/recording" }

  init(_ folder: String) { self.folder = folder }

  /// Makes it anew, with the pipes by which perf is spoken to.
  func prepare() throws {
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for name in ["control", "answer"] where unsafe mkfifo("\(folder)/\(name)", 0o600) != 0 {
      throw EvaluationError("can't make a pipe in \(folder); set TMPDIR to a place for pipes")
    }
  }

  /// Puts a command into perf's pipe, which it may not have opened yet.
  func ask(_ command: String) throws {
    for _ in 0..<400 {
      let pipe = unsafe open(folder + "/control", O_WRONLY | O_NONBLOCK | O_CLOEXEC)
      if pipe >= 0 {
        defer { close(pipe) }
        if unsafe write(pipe, command, command.utf8.count) == command.utf8.count { return }
      }
      // Nobody reads there yet.
      usleep(10_000)
    }
  }

  /// Whether perf has answered.
  var hasAnswer: Bool {
    let pipe = unsafe open(folder + "/answer", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard pipe >= 0 else { return false }
    defer { close(pipe) }
    var bytes = [UInt8](repeating: 0, count: 16)
    return unsafe read(pipe, &bytes, bytes.count) > 0
  }

  /// Bytes of the recording; nil if there is none.
  var recordingSize: UInt64? {
    let values = try? FileManager.default.attributesOfItem(atPath: recording)
    return (values?[.size] as? NSNumber)?.uint64Value
  }
}
