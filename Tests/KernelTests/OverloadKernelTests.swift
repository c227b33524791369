import Evaluation
import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// More than the ring holds: counted, placed, and nothing torn.
  @Suite struct OverloadKernelTests {
    /// The smallest ring there is, and how often it holds that of a machine of two CPUs: storms grow with
    /// it.
    private let ringSize: String
    private let times: Int

    init() {
      let bytes = EvaluationSettings.atLeast(512 << 10)
      ringSize = "\(bytes >> 10)KiB"
      times = Int(bytes / (512 << 10))
    }

    /// The tracer sleeps through a storm.
    @Test func stoppedConsumer() throws {
      let trace = try Trace(["-o", "json", "--ring-size", ringSize])
      try trace.waitUntilTracing()
      for _ in 0..<3 {
        trace.process.send(SIGSTOP)
        try waitUntil("the stop") { processState(trace.process.pid) == "T" }
        try storm(2500 * times, every: 3)
        trace.process.send(SIGCONT)
        // And one that it sees.
        try storm(100, every: 3)
        usleep(100_000)
      }
      #expect(try trace.stop() == 0)
      try checkOverload(trace, output: try trace.output())
    }

    /// The reader of its output sleeps through a storm.
    @Test func blockedReader() throws {
      let pipe = try makePipe()
      let trace = try Trace(
        ["-o", "json", "--ring-size", ringSize], output: .descriptor(pipe.write))
      closeDescriptor(pipe.write)
      defer { closeDescriptor(pipe.read) }
      try trace.waitUntilTracing()
      try storm(4000 * times, every: 3)
      let file = FileHandle(fileDescriptor: pipe.read, closeOnDealloc: false)
      let all = Collector(file)
      try storm(200, every: 3)
      usleep(200_000)
      trace.process.send(SIGTERM)
      let data = all.finish()
      #expect(try trace.process.wait() == 0)
      try checkOverload(trace, output: try TraceOutput(data))
    }

    private func storm(_ count: Int, every: Int) throws {
      let workload = try BuildFolder.program("workload")
      #expect(try run(workload, ["storm", "\(count)", "8", "\(every)"]).status == 0)
    }

    private func checkOverload(_ trace: Trace, output: TraceOutput) throws {
      let summary = try trace.summary()
      try check("", trace)
      #expect(output.rest.isEmpty)
      #expect(output.isStrictlyRising)
      // Or the test did not test.
      #expect(summary.lost > 0)
      #expect(output.gaps.count > 1)
      #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
      #expect(summary.delivered == UInt64(output.events.count))
      expectHardly(missed: summary.missed, of: summary.offered)
      #expect(summary.gaps == UInt64(output.gaps.count))
      #expect(output.gaps.reduce(0) { $0 + $1.lost } == summary.lost)
      #expect(summary.lost_by_family == ["process": summary.lost])
      #expect(summary.lost_by_cpu?.values.reduce(0, +) == summary.lost)
      #expect(
        summary.lost_by_cpu_and_family == summary.lost_by_cpu?.mapValues { ["process": $0] })
      #expect(
        summary.lost_by_cause == ["ring_full": summary.lost, "unwritten": 0, "unreadable": 0])
      #expect(summary.ordering_violations == 0 && summary.causality_violations == 0)
      checkBounds(output, summary)
      checkStormArguments(output)
      print(
        "overload: \(summary.offered) offered, \(summary.lost) lost in \(output.gaps.count) gaps")
    }

    /// Each gap lies between two records of its CPU that are neighbours there.
    private func checkBounds(_ output: TraceOutput, _ summary: RunSummary) {
      var perCPU: [Int: [UInt64]] = [:]
      for event in output.events { perCPU[event.cpu, default: []].append(event.seq) }
      var lostPerCPU: [String: UInt64] = [:]
      var nextSeq: [Int: UInt64] = [:]
      for gap in output.gaps {
        #expect(gap.by_family == ["process": gap.lost])
        lostPerCPU["\(gap.cpu)", default: 0] += gap.lost
        let sequences = perCPU[gap.cpu] ?? []
        let after = gap.after_seq.flatMap { sequences.firstIndex(of: $0) }
        let before = gap.before_seq.flatMap { sequences.firstIndex(of: $0) }
        #expect(gap.after_seq == nil || after != nil, "\(gap)")
        #expect(gap.before_seq == nil || before != nil, "\(gap)")
        if let after, let before { #expect(after + 1 == before, "\(gap)") }
        nextSeq[gap.cpu] = gap.before_seq
      }
      #expect(lostPerCPU == summary.lost_by_cpu)
      // One that the consumer collected stands right behind the last record of its CPU so far.
      var last: [Int: UInt64] = [:]
      for line in output.lines {
        switch line {
        case .event(let event): last[event.cpu] = event.seq
        case .gap(let gap) where gap.before_seq == nil:
          #expect(gap.after_seq == last[gap.cpu], "\(gap)")
        case .gap: break
        }
      }
      // A gap's line stands right before the record that told of it.
      for (line, next) in zip(output.lines, output.lines.dropFirst()) {
        guard case .gap(let gap) = line, let bound = gap.before_seq else { continue }
        guard case .event(let event) = next else {
          Issue.record("\(gap) is not followed by an event")
          continue
        }
        #expect(event.seq == bound && event.cpu == gap.cpu)
      }
    }

    /// The execs of a storm say themselves what their arguments must be.
    private func checkStormArguments(_ output: TraceOutput) {
      var seen = 0
      var wrong: [String] = []
      for event in output.events where event.type == "exec" && event.args?.first == "storm" {
        seen += 1
        guard let args = event.args, args.count == 3, let index = Int(args[1]) else {
          wrong.append("\(event)")
          continue
        }
        let text = String(
          decoding: (0..<index % 1500).map { UInt8(97 + (index + $0) % 26) }, as: UTF8.self)
        if args[2] != text || event.truncated != false || event.fault != false {
          wrong.append("seq \(event.seq), \(index)")
        }
      }
      #expect(seen > 100)
      #expect(wrong.isEmpty, "\(wrong.count) of \(seen): \(wrong.prefix(3))")
    }
  }
}

/// Reads a descriptor to its end on a thread of its own.
final class Collector: @unchecked Sendable {
  // Written by the thread before it ends, read after.
  private var data = Data()
  private let done = DispatchSemaphore(value: 0)

  init(_ file: FileHandle) {
    let descriptor = file.fileDescriptor
    Thread.detachNewThread { [self] in
      data = readAll(descriptor)
      done.signal()
    }
  }

  /// Waits for the end; what was read.
  func finish() -> Data {
    done.wait()
    return data
  }
}
