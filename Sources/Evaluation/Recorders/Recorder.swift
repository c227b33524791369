import BPFLoader
import CEvaluation
import Capture
import EvaluationTransports
import Foundation

/// A program that records kernel events into a file, as a user would start it: for the whole machine.
enum Recorder: String, CaseIterable {
  /// `ordinal record`, this very program.
  case ordinal
  /// The same with `--compress`.
  case ordinalPacked = "ordinal-zstd"
  /// `perf record -a` with its own buffers.
  case perf = "perf-record"
  /// The same with buffers of as many bytes as our ring.
  case perfEqual = "perf-record-equal"
  /// `trace-cmd record` with its own buffers.
  case traceCmd = "trace-cmd"
  /// The same with buffers of as many bytes as our ring, and its file not compressed.
  case traceCmdEqual = "trace-cmd-equal"

  /// What is recorded: of the evaluation's work, and of nothing else.
  enum Events {
    /// Forks, execs and exits of tasks of the work's name.
    case processes
    /// Both ends of the system call that is the evaluation's own.
    case calls
  }

  /// The Debian package that it is in; nil: it is this program.
  var package: String? {
    switch self {
    case .ordinal, .ordinalPacked: nil
    case .perf, .perfEqual: "linux-perf"
    case .traceCmd, .traceCmdEqual: "trace-cmd"
    }
  }

  /// Its path; nil if it is not installed.
  var program: String? {
    switch self {
    // Its own name says "exe" in complaints; its file may have been replaced by a build.
    case .ordinal, .ordinalPacked: "/proc/self/exe"
    case .perf, .perfEqual: Recorder.find("perf")
    case .traceCmd, .traceCmdEqual: Recorder.find("trace-cmd")
    }
  }

  private static func find(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// The version that the program tells of itself.
  func version(in folder: String) -> String? {
    guard let program, package != nil else { return nil }
    let output = folder + "/version"
    do {
      var run = try ProgramRun([program, "--version"], output: output, errors: "/dev/null")
      // trace-cmd calls it an unknown command, and tells its version all the same.
      _ = try run.finish()
    } catch { return nil }
    return SystemText.of(output).split(separator: "\n").first { $0.contains("version") }
      .map(String.init)
  }

  /// What the program is called with.
  ///
  /// - Parameters:
  ///   - events: of the work.
  ///   - file: where it records to.
  ///   - folder: for what it needs besides.
  ///   - cpus: CPUs, which share out the bytes of our ring.
  /// - Returns: the program's path and its arguments.
  func arguments(_ events: Events, file: String, folder: String, cpus: Int) -> [String] {
    let own = [program ?? ""]
    let bytes = Int(RingSize.standard)
    switch self {
    case .ordinal, .ordinalPacked:
      let what =
        switch events {
        case .processes: ["--events", "process", "--comm", EVALUATION_FAMILY_NAME]
        case .calls: ["--events", "syscall", "--syscall", "sched_get_priority_max"]
        }
      return own + ["record", "-o", file, "--summary", folder + "/summary"] + what
        + (self == .ordinalPacked ? ["--compress"] : [])
    case .perf, .perfEqual:
      var pages = 1
      while pages * 2 * 4096 * cpus <= bytes { pages *= 2 }
      return own
        + ["record", "-a", "-o", file, "--control", "fifo:\(folder)/control,\(folder)/answer"]
        + (self == .perfEqual ? ["-m", "\(pages)"] : [])
        + Recorder.tracepoints(events).flatMap { ["-e", $0.name, "--filter", $0.filter] }
    case .traceCmd, .traceCmdEqual:
      // A buffer of its own (-B), which is removed afterwards. Without -d and -k it wants to switch and
      // to reset the function tracer, which a locked-down kernel refuses.
      return own + ["record", "-d", "-k", "-o", file, "-B", TraceInstance.name]
        + (self == .traceCmdEqual
          ? ["-b", "\(bytes / 1024 / cpus)", "--compression", "none"] : [])
        + Recorder.tracepoints(events).flatMap { ["-e", $0.name, "-f", $0.filter] }
    }
  }

  private static func tracepoints(_ events: Events) -> [(name: String, filter: String)] {
    switch events {
    case .processes:
      ["fork", "exec", "exit"].map {
        ("sched:sched_process_\($0)", "COMM == \"\(EVALUATION_FAMILY_NAME)\"")
      }
    case .calls:
      ["sys_enter", "sys_exit"].map { ("raw_syscalls:\($0)", "id == \(evaluation_event_call())") }
    }
  }
}

/// The buffer of its own that trace-cmd records from; removed when the value goes.
struct TraceInstance: ~Copyable {
  /// Its name in tracefs.
  static let name = "ordinal-bench-\(getpid())"
  private let folder: String

  /// None yet: trace-cmd makes it.
  init() {
    let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map { $0 + "/instances" }
    let place =
      places.first { (try? FileManager.default.contentsOfDirectory(atPath: $0)) != nil }
    folder = (place ?? places[0]) + "/" + TraceInstance.name
  }

  deinit {
    // Busy for as long as a process that ends has it open.
    for _ in 0..<100 {
      if unsafe rmdir(folder) == 0 || errno == ENOENT { return }
      usleep(10_000)
    }
  }

  /// Whether its events are on, and recording is.
  var isRecording: Bool {
    SystemFile.number(folder + "/tracing_on") == 1
      && SystemFile.text(folder + "/set_event")?.isEmpty == false
  }

  /// Events that were read from the buffers of all CPUs, and events that were overwritten before.
  func figures(cpus: [Int]) -> (read: UInt64, lost: UInt64) {
    var result: (read: UInt64, lost: UInt64) = (0, 0)
    for cpu in cpus {
      let text = SystemFile.text(folder + "/per_cpu/cpu\(cpu)/stats") ?? ""
      for line in text.split(separator: "\n") {
        guard let colon = line.lastIndex(of: ":"),
          let count = UInt64(line[line.index(after: colon)...].filter { !$0.isWhitespace })
        else { continue }
        switch line[..<colon] {
        case "read events": result.read += count
        case "overrun", "commit overrun", "dropped events": result.lost += count
        default: break
        }
      }
    }
    return result
  }
}
