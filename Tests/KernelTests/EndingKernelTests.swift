import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Every way in which a run ends, what it returns then, and that nothing of it stays.
  @Suite struct EndingKernelTests {
    /// Nothing of what it held in the kernel may live on, nor any process of it.
    static func expectNothingLeft(
      _ trace: Trace, location: SourceLocation = #_sourceLocation
    ) throws {
      #expect(trace.kernelObjects.programs.count >= 4, sourceLocation: location)
      #expect(trace.kernelObjects.maps.count >= 8, sourceLocation: location)
      #expect(trace.kernelObjects.links.count >= 3, sourceLocation: location)
      // Freed after a grace period or two.
      try waitUntil("the end of \(trace.kernelObjects.remaining)") {
        trace.kernelObjects.remaining.isEmpty
      }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalEndsMachineTrace(_ signal: Int32) throws {
      let trace = try Trace(["-o", "json"])
      try trace.waitUntilTracing()
      let workload = try BuildFolder.program("workload")
      try run(workload, ["storm", "200", "4", "2"])
      #expect(try trace.stop(signal) == 0)
      let output = try trace.output()
      expectFlawless(try trace.summary(), output)
      // Everything published before the signal is there: the storm whole.
      let root = try #require(output.events.last { $0.comm == "workload" && $0.child != nil }?.pid)
      #expect(output.events.count { $0.pid == root && $0.child != nil } == 200)
      #expect(output.events.count { $0.args?.first == "storm" } == 100)
      #expect(output.events.contains { $0.pid == root && $0.last_thread == true })
      try Self.expectNothingLeft(trace)
    }

    @Test func sigkillLeavesNothing() throws {
      let trace = try Trace(["-o", "json"])
      try trace.waitUntilTracing()
      #expect(try trace.stop(SIGKILL) == 128 + 9)
      try Self.expectNothingLeft(trace)
    }

    @Test func duration() throws {
      let trace = try Trace(["-o", "json", "--duration", "0.7"])
      try trace.waitUntilTracing()
      #expect(try trace.process.wait() == 0)
      let summary = try trace.summary()
      #expect((700_000_000...1_500_000_000).contains(summary.duration_ns))
      #expect(summary.reason == "time")
      expectFlawless(summary, try trace.output())
      try Self.expectNothingLeft(trace)
    }

    @Test func count() throws {
      let trace = try Trace(["-o", "json", "--count", "100"])
      try trace.waitUntilTracing()
      try run(try BuildFolder.program("workload"), ["storm", "500", "4", "2"])
      #expect(try trace.process.wait() == 0)
      let output = try trace.output()
      let summary = try trace.summary()
      #expect(output.events.count == 100)
      #expect(summary.delivered == 100 && summary.offered == 100 && summary.lost == 0)
      #expect(summary.reason == "100 events")
      try Self.expectNothingLeft(trace)
    }

    @Test(arguments: [0, 1, 2, 63, 64, 125, 126, 127, 128, 129, 255])
    func commandStatus(_ status: Int) throws {
      let workload = try BuildFolder.program("workload")
      let trace = try Trace(["-o", "json", "--", workload, "end", "\(status)"])
      #expect(try trace.process.wait() == Int32(status))
      expectFlawless(try trace.summary(), try trace.output())
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGSEGV, SIGINT])
    func commandEndedBySignal(_ signal: Int32) throws {
      let workload = try BuildFolder.program("workload")
      let trace = try Trace(
        [
          "-o", "json", "--", "sh", "-c", "ulimit -c 0; exec \"$0\" kill-self $1", workload,
          "\(signal)",
        ])
      #expect(try trace.process.wait() == 128 + signal)
      #expect(try trace.output().events.last?.signal == signal)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
    func signalReachesCommand(_ signal: Int32) throws {
      let (trace, folder) = try catchingTrace()
      trace.process.send(signal)
      #expect(try trace.process.wait() == signal)
      let caught = try GroundTruth(file: folder.file("log")).notes.filter { $0.word == "caught" }
        .map(\.number)
      #expect(caught == [Int(signal)])
      expectFlawless(try trace.summary(), try trace.output())
      try Self.expectNothingLeft(trace)
    }

    /// Ctrl-C on a terminal: the kernel tells the whole foreground group; the tracer must not tell
    /// its command once more.
    @Test func ctrlCReachesCommandOnce() throws {
      let terminal = try makeTerminal()
      defer {
        closeDescriptor(terminal.master)
        closeDescriptor(terminal.slave)
      }
      let (trace, folder) = try catchingTrace(terminal: terminal.slave)
      writeAll(terminal.master, "\u{3}")
      #expect(try trace.process.wait() == SIGINT)
      let caught = try GroundTruth(file: folder.file("log")).notes.filter { $0.word == "caught" }
        .map(\.number)
      #expect(caught == [2])
    }

    private func catchingTrace(terminal: Int32? = nil) throws -> (Trace, TemporaryFolder) {
      let folder = try TemporaryFolder()
      let log = folder.file("log")
      let trace = try Trace(
        ["-o", "json", "--", try BuildFolder.program("workload"), "catching"],
        input: terminal.map { .descriptor($0) } ?? .null, environment: ["WORKLOAD_LOG": log],
        isSessionLeader: terminal != nil)
      try waitUntil("the command") {
        (try? GroundTruth(file: log))?.notes.contains { $0.word == "ready" } ?? false
      }
      trace.noteKernelObjects()
      return (trace, folder)
    }

    @Test func untilTreeAndUntilCommand() throws {
      // A daemon that outlives the command by 0.5 s.
      let script = "(setsid sleep 0.5 >/dev/null 2>&1 &); exit 4"
      let whole = try Trace(["-o", "json", "--", "sh", "-c", script])
      #expect(try whole.process.wait() == 4)
      let output = try whole.output()
      #expect(output.events.contains { $0.comm == "sleep" && $0.last_thread == true })
      #expect(output.events.last?.comm == "sleep")
      #expect(try whole.summary().duration_ns > 500_000_000)

      let short = try Trace(["-o", "json", "--until", "command", "--", "sh", "-c", script])
      #expect(try short.process.wait() == 4)
      let events = try short.output().events
      #expect(!events.contains { $0.comm == "sleep" && $0.last_thread == true })
      #expect(events.contains { $0.comm == "sh" && $0.code == 4 && $0.last_thread == true })
      #expect(try short.summary().duration_ns < 500_000_000)
    }

    @Test(arguments: [("nosuchprogram-\(getpid())", 127), ("/etc/passwd", 126), ("/", 126)])
    func commandThatCannotRun(_ command: String, _ status: Int) throws {
      let trace = try Trace(["-o", "json", "--", command])
      #expect(try trace.process.wait() == Int32(status))
      #expect(trace.errors.contains("can't run '\(command)'"))
      #expect(try trace.output().events.isEmpty)
    }

    /// The reader goes away: a clean end, with an account.
    @Test func headEndsIt() throws {
      let pipe = try makePipe()
      let trace = try Trace(["-o", "json"], output: .descriptor(pipe.write))
      closeDescriptor(pipe.write)
      try trace.waitUntilTracing()
      let workload = try BuildFolder.program("workload")
      try run(workload, ["end", "0"])
      let first = readSome(pipe.read)
      #expect(first.starts(with: Data("{\"seq\":".utf8)))
      closeDescriptor(pipe.read)
      try run(workload, ["storm", "100", "4", "2"])
      #expect(try trace.process.wait() == 0)
      let summary = try trace.summary()
      #expect(summary.lost == 0)
      #expect(summary.offered == summary.delivered + summary.missed)
      #expect(summary.reason == "the reader closed the output")
      #expect(trace.errors.contains("events delivered"))
      try Self.expectNothingLeft(trace)
    }

    /// Nobody ever reads: two SIGINTs are enough, and what could not be written is told as lost.
    @Test func readerThatNeverReads() throws {
      let pipe = try makePipe()
      defer { closeDescriptor(pipe.read) }
      let trace = try Trace(["-o", "json"], output: .descriptor(pipe.write))
      closeDescriptor(pipe.write)
      try trace.waitUntilTracing()
      try run(try BuildFolder.program("workload"), ["storm", "1000", "4", "3"])
      usleep(100_000)
      trace.process.send(SIGINT)
      usleep(300_000)
      #expect(!trace.process.hasEnded)  // it waits for the reader, as asked once
      trace.process.send(SIGINT)
      #expect(try trace.process.wait(seconds: 10) == 0)
      let summary = try trace.summary()
      #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
      #expect(summary.lost > 0)
      let output = try TraceOutput(readAll(pipe.read))
      #expect(UInt64(output.events.count) == summary.delivered)
      try Self.expectNothingLeft(trace)
    }

    @Test func standardOutputOnFullDisk() throws {
      let trace = try Trace(["-o", "json", "--duration", "0.5"], output: .file("/dev/full"))
      try trace.waitUntilTracing()
      try run(try BuildFolder.program("workload"), ["storm", "50", "4", "2"])
      #expect(try trace.process.wait() == 1)
      let summary = try trace.summary()
      #expect(summary.delivered == 0 && summary.lost > 0)
      #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
      #expect(trace.errors.contains("can't write the events: No space left on device"))
    }
  }
}
