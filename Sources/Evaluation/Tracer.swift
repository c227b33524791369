import EvaluationTransports
import Foundation

/// Another program that traces the same events: what people use today.
///
/// Owns its process and its temporary folder; both go with it.
final class Tracer {
  /// As rows name it.
  let name: String
  private let process: Process
  private let folder: URL

  /// What is traced.
  enum Events {
    case processes, switches, calls
    /// Every task's but the tracer's, whose own would make more of them: both ends of system calls, or
    /// switches and wake-ups.
    case allCalls, allSwitches
  }

  /// The programs that can be asked for, with the Debian package of each.
  static let known = [("bpftrace", "bpftrace"), ("perf-record", "linux-perf")]

  /// The version that a program tells of itself; nil if it is not installed.
  static func version(_ name: String) -> String? {
    guard let path = path(name) else { return nil }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["--version"]
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let line = String(decoding: data, as: UTF8.self).split(separator: "\n").first.map(String.init)
    return process.terminationStatus == 0 ? line : nil
  }

  private static func path(_ name: String) -> String? {
    let program = name == "perf-record" ? "perf" : name
    return ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Starts the program and waits until it traces.
  ///
  /// - Parameters:
  ///   - name: one of ``known``.
  ///   - events: of the evaluation's work, and of nothing else where that can be had.
  ///   - call: the number of the system call that is an event.
  ///   - workName: what the work's threads are called.
  /// - Throws: if it can't be started, or does not come to trace.
  init(_ name: String, _ events: Events, call: Int, workName: String) throws {
    self.name = name
    guard let path = Tracer.path(name) else { throw EvaluationError("\(name) is not installed") }
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("ordinal-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let output = folder.appendingPathComponent("output")
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    do {
      if name == "bpftrace" {
        process.arguments = ["-q", "-e", Tracer.script(events, call, workName)]
        process.standardOutput = try FileHandle(forWritingTo: output)
        try process.run()
        // It says so in a line of its own once its probes are attached.
        try wait { (try? Data(contentsOf: output))?.isEmpty == false }
      } else {
        process.arguments =
          ["record", "-q", "-a", "-o", folder.appendingPathComponent("data").path]
          + Tracer.perfEvents(events, call, workName)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        // It has nothing to say; its file is there once its events are open.
        try wait {
          let path = folder.appendingPathComponent("data").path
          return ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0)
            > 0
        }
      }
      Thread.sleep(forTimeInterval: 0.5)
    } catch {
      end()
      throw error
    }
  }

  deinit { end() }

  private func wait(until isReady: () -> Bool) throws {
    for _ in 0..<300 {
      guard process.isRunning else {
        throw EvaluationError("\(name) ended at once: see what it says when run by hand")
      }
      if isReady() { return }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw EvaluationError("\(name) did not come to trace within 15 s")
  }

  private func end() {
    if process.isRunning {
      process.terminate()
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: folder)
  }

  /// A line an event, as a person would write it.
  private static func script(_ events: Events, _ call: Int, _ workName: String) -> String {
    let probes =
      switch events {
      case .processes:
        """
        tracepoint:sched:sched_process_fork { printf("%d fork %d\\n", pid, args->child_pid); } \
        tracepoint:sched:sched_process_exec { printf("%d exec\\n", pid); } \
        tracepoint:sched:sched_process_exit { printf("%d exit\\n", pid); }
        """
      case .switches:
        """
        tracepoint:sched:sched_switch / comm == "\(workName)" / \
        { printf("%d switch %d\\n", pid, args->next_pid); }
        """
      case .calls:
        """
        tracepoint:raw_syscalls:sys_enter / args->id == \(call) / \
        { printf("%d call %d\\n", pid, args->args[0]); }
        """
      case .allCalls:
        """
        tracepoint:raw_syscalls:sys_enter / comm != "bpftrace" / \
        { printf("%d enter %d\\n", pid, args->id); } \
        tracepoint:raw_syscalls:sys_exit / comm != "bpftrace" / \
        { printf("%d exit %d\\n", pid, args->ret); }
        """
      case .allSwitches:
        """
        tracepoint:sched:sched_switch / comm != "bpftrace" / \
        { printf("%d switch %d\\n", pid, args->next_pid); } \
        tracepoint:sched:sched_waking / comm != "bpftrace" / \
        { printf("%d waking %d\\n", pid, args->pid); }
        """
      }
    return "BEGIN { printf(\"ready\\n\"); } " + probes
  }

  private static func perfEvents(_ events: Events, _ call: Int, _ workName: String) -> [String] {
    switch events {
    case .processes:
      ["fork", "exec", "exit"].flatMap { ["-e", "sched:sched_process_\($0)"] }
    case .switches: ["-e", "sched:sched_switch", "--filter", "prev_comm == \"\(workName)\""]
    case .calls: ["-e", "raw_syscalls:sys_enter", "--filter", "id == \(call)"]
    case .allCalls:
      ["sys_enter", "sys_exit"].flatMap {
        ["-e", "raw_syscalls:\($0)", "--filter", "COMM != \"perf\""]
      }
    case .allSwitches:
      ["sched_switch", "sched_waking"].flatMap {
        ["-e", "sched:\($0)", "--filter", "COMM != \"perf\""]
      }
    }
  }
}
