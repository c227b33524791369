import BPFLoader
import Foundation
import JSONSchemaValidation
import TestSupport
import Testing

extension LiveKernelTests {
  /// `ordinal trace -o json -- WORKLOAD` against what the workload itself wrote down.
  @Suite struct WorkloadKernelTests {
    static let cases: [[String]] = [
      ["codes"], ["signals", "FOLDER"], ["threads"], ["thread-exec"], ["chain", "5"],
      ["failing", "FOLDER"],
      ["group", "60", "1"], ["group", "30", "3"], ["arguments"], ["ways"], ["daemons"],
      ["directories", "/", "/usr/share/doc", "FOLDER"],
      ["deep", "FOLDER", "3", "Ünï \"x\"\n\u{1}"],
      ["deep", "FOLDER", "60", "a-component-of-forty-bytes-or-thereabouts"],
      ["deep", "FOLDER", "40", "b"], ["mounts", "FOLDER"],
    ]

    @Test(arguments: cases)
    func streamIsWhatWasDone(_ words: [String]) throws {
      _ = try traceWorkload(words)
    }

    /// Programs that keep no log, under a debugger that does.
    @Test(arguments: [
      "sh -c 'sh -c \"sh -c \\\"exit 7\\\"; exit 8\"; exit 9'; exit 10",
      "echo abc | cat | tr a b | sed s/b/c/ >/dev/null; false | true; exit 11",
      "sleep 0.2 & sleep 0.1 & (sleep 0.05 & exec true) & wait; exit 12",
      "(setsid sh -c 'sleep 0.3; exit 13' >/dev/null 2>&1 &) ; exit 14",
      "sh -c 'kill -9 $$'; sh -c 'kill -SEGV $$'; sh -c 'kill -TERM $$'; kill -HUP $$",
      "nosuchprogram; /etc/passwd; exec /nonexistent; exit 15",
      "x=$(echo $(echo \"a b\" 'c\"d' \"e\nf\")); for i in 1 2 3; do /bin/echo \"$x\" \"\" $i; done",
      "find /etc/default -maxdepth 1 -exec true {} + ; env -i A=b sh -c 'exec env'; exit 16",
      "exec sh -c 'exec sh -c \"exec true\"'",
    ])
    func shells(_ script: String) throws {
      _ = try traceWorkload(["watch", "sh", "-c", "exec >/dev/null; \(script)"])
    }

    @Test func scriptWithInterpreter() throws {
      let folder = try TemporaryFolder()
      let script = folder.file("script")
      try "#!/bin/sh -e\nexit 21\n".write(toFile: script, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
      let (truth, events) = try traceWorkload(["watch", script, "an argument"])
      let execs = events.filter { $0.type == "exec" }
      #expect(execs.count == 2)
      let exec = try #require(execs.last)
      // The path is the script's; the arguments are those the interpreter got.
      #expect(exec.exe == script)
      #expect(exec.args == ["/bin/sh", "-e", script, "an argument"])
      #expect(exec.comm == "script")
      #expect(truth.ends[exec.pid] == 21 << 8)
    }

    @Test func statusesTellOfEveryWay() throws {
      let (truth, _) = try traceWorkload(["signals", "FOLDER"])
      // The workload itself must have seen both, or the comparison above showed nothing of cores.
      #expect(truth.waits.values.contains(11))
      let pattern = try String(contentsOfFile: "/proc/sys/kernel/core_pattern", encoding: .utf8)
      if !pattern.hasPrefix("|") { #expect(truth.waits.values.contains(11 | 0x80)) }
      #expect(truth.waits.values.contains(9))
    }

    @Test func namesSurviveIDReuseInOneProcess() throws {
      let (truth, events) = try traceWorkload(["threads"])
      let statuses = truth.waits.values.sorted()
      // exit(70), by return of the last thread (0), exit(71), SIGKILL.
      #expect(statuses == [0, 9, 70 << 8, 71 << 8])
      let threads = events.filter { $0.child?.thread == true }
      #expect(threads.count == 8 + 3 * 2)
    }

    @Test func setuidProgram() throws {
      let folder = try TemporaryFolder()
      let copy = folder.file("setuid-workload")
      try FileManager.default.copyItem(atPath: try BuildFolder.program("workload"), toPath: copy)
      try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: copy)
      let (truth, events) = try traceWorkload(["as-user", "65534", copy])
      let exec = try #require(events.last { $0.type == "exec" })
      // What kernels before 6.9 can't tell.
      let tellsBefore = try KernelBTF().tracepoint("sched_prepare_exec") != nil
      #expect((exec.before != nil) == tellsBefore)
      let after = try #require(exec.after)
      #expect((after.uid, after.gid, after.euid, after.egid) == (65534, 65534, 0, 65534))
      if let before = exec.before {
        #expect((before.uid, before.gid, before.euid, before.egid) == (65534, 65534, 65534, 65534))
        #expect(before.cap_effective == "0x0000000000000000")
      }
      #expect(after.cap_effective != "0x0000000000000000")
      #expect(after.cap_effective == after.cap_permitted)
      #expect(exec.uid == 65534)
      // What the program itself saw after the exec.
      #expect(truth.credentials[exec.pid] == [65534, 65534, 0, 65534])
      #expect(exec.exe == copy)
    }
  }
}

/// Traces the workload and checks the whole stream against its log.
@discardableResult
func traceWorkload(_ words: [String], options: [String] = []) throws -> (GroundTruth, [Event]) {
  let folder = try TemporaryFolder()
  let log = folder.file("log")
  let place = folder.file("place")
  try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
  let workload = try BuildFolder.program("workload")
  let command = [workload] + words.map { $0 == "FOLDER" ? place : $0 }
  let trace = try Trace(
    ["-o", "json"] + options + ["--"] + command, environment: ["WORKLOAD_LOG": log])
  let status = try trace.process.wait()
  let output = try trace.output()
  let summary = try trace.summary()
  try check(folder.path, trace)
  try checkSchema(trace)
  let truth = FileManager.default.fileExists(atPath: log) ? try GroundTruth(file: log) : nil
  let root = try #require(output.events.first?.pid)
  let problems = try #require(truth).problems(in: output.events, root: root, command: command)
  for problem in problems { Issue.record("\(words): \(problem)") }
  let last = output.events.last { $0.pid == root && $0.last_thread == true }
  let wanted = try #require(last)
  #expect(status == wanted.code ?? 128 + (wanted.signal ?? 0))
  #expect(output.gaps.isEmpty && output.rest.isEmpty)
  expectFlawless(summary, output)
  return (try #require(truth), output.events)
}

/// What holds for a run that lost nothing.
func expectFlawless(_ summary: RunSummary, _ output: TraceOutput) {
  #expect(summary.delivered == UInt64(output.events.count))
  #expect(summary.offered == summary.delivered)
  #expect(summary.lost == 0 && summary.missed == 0 && summary.gaps == 0)
  #expect(summary.ordering_violations == 0 && summary.causality_violations == 0)
  #expect(summary.follow_failures == 0)
  for (type, count) in [
    ("fork", summary.forks), ("exec", summary.execs), ("exit", summary.exits),
  ] {
    #expect(output.events.count { $0.type == type } == Int(count))
  }
}

/// Records what the tracer complained of.
func check(_ folder: String, _ trace: Trace) throws {
  for word in ["violation", "don't add up", "could not be", "Fatal"]
  where trace.errors.contains("\(word)") {
    if word == "violation" && trace.errors.contains("0 ordering and 0 causality violations") {
      continue
    }
    Issue.record("stderr: \(trace.errors)")
  }
}

/// Lines are as the shipped schema says: the first hundred, and every tenth after them.
private func checkSchema(_ trace: Trace) throws {
  let validator = try SchemaValidator.shipped("event.schema.json")
  let text = try Data(contentsOf: URL(fileURLWithPath: trace.folder.file("out")))
  for (index, line) in text.split(separator: UInt8(ascii: "\n")).enumerated()
  where index < 100 || index % 10 == 0 {
    for problem in validator.problems(in: try JSONValue(parsing: Array(line))).prefix(3) {
      Issue.record("\(problem) in \(String(decoding: line, as: UTF8.self))")
    }
  }
}
