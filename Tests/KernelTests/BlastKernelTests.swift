import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// More than can be written: what is lost is counted to the last, and what is told keeps its
  /// order.
  @Suite struct BlastKernelTests {
    @Test func systemCalls() throws { try expectCalls(seconds: 5) }

    @Test(arguments: blasts) func switches(_ load: [String]) throws {
      try expectSwitches(load, seconds: 5)
    }
  }

  /// The same for a minute each.
  @Suite struct BlastLongKernelTests {
    @Test func systemCalls() throws { try expectCalls(seconds: 60) }

    @Test(arguments: blasts) func switches(_ load: [String]) throws {
      try expectSwitches(load, seconds: 60)
    }
  }
}

/// Loads that switch as fast as they can; the words MILLISECONDS and SECONDS stand for their time.
private let blasts = [
  ["workload", "turns", "pipe", "MILLISECONDS"],
  ["/usr/bin/stress-ng", "--quiet", "--switch", "4", "--timeout", "SECONDS"],
]

/// getpid() on all CPUs: what was delivered and lost is twice what the workload counted.
private func expectCalls(seconds: Int) throws {
  let (summary, log) = try blast(
    ["--events", "syscall", "--syscall", "getpid"],
    ["workload", "turns", "getpid", "MILLISECONDS"],
    seconds: seconds)
  let counts = log.filter { $0.type == "calls" }.compactMap { $0.int("count") }
  #expect(counts.count == ProcessInfo.processInfo.processorCount)
  let calls = UInt64(counts.reduce(0, +))
  expectHardly(missed: summary.missed, of: summary.offered)
  #expect(summary.delivered + summary.lost + summary.missed == 2 * calls)
  #expect(summary.lost_by_family["syscall", default: 0] == summary.lost)
}

private func expectSwitches(_ load: [String], seconds: Int) throws {
  let (summary, _) = try blast(["--events", "sched"], load, seconds: seconds)
  #expect(summary.lost_by_family["sched", default: 0] == summary.lost)
  #expect(summary.offered > 10_000)
}

/// Runs a load under a trace whose output another program reads and counts.
private func blast(
  _ options: [String], _ load: [String], seconds: Int
) throws -> (RunSummary, [TimelineLine]) {
  let folder = try TemporaryFolder()
  let log = folder.file("log")
  let workload = try BuildFolder.program("workload")
  let words = load.map { word in
    switch word {
    case "workload": workload
    case "MILLISECONDS": "\(seconds * 1000)"
    case "SECONDS": "\(seconds)"
    default: word
    }
  }
  let pipe = try makePipe()
  let reader = try ChildProcess(
    workload, ["turns", "scan", "0"], input: .descriptor(pipe.read),
    environment: ["WORKLOAD_LOG": log])
  closeDescriptor(pipe.read)
  let trace = try Trace(
    ["-o", "json"] + options + ["--"] + words, output: .descriptor(pipe.write),
    environment: ["WORKLOAD_LOG": log])
  closeDescriptor(pipe.write)
  #expect(try trace.process.wait(seconds: Double(seconds) + 200) == 0, "\(trace.errors)")
  #expect(try reader.wait() == 0)
  let summary = try trace.summary()
  let lines = try TimelineLine.all(log)
  let scan = try #require(lines.last { $0.type == "scan" })
  #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
  #expect(scan.int("events") == Int(summary.delivered))
  #expect(scan.int("gaps") == Int(summary.gaps))
  #expect(scan.int("lost") == Int(summary.lost))
  #expect(scan.int("wrong") == 0)
  #expect(summary.lost_by_cpu?.values.reduce(0, +) == summary.lost)
  #expect(summary.lost_by_cause.values.reduce(0, +) == summary.lost)
  #expect(summary.ordering_violations == 0 && summary.causality_violations == 0, "\(trace.errors)")
  print(
    "\(load[0]) \(options[1]): \(summary.offered) offered, \(summary.delivered) delivered, "
      + "\(summary.lost) lost, \(summary.missed) missed")
  return (summary, lines)
}
