import Capture
import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

extension LiveKernelTests {
  /// No memory for what a task is before a call: what then can't be told is counted as lost, once for each
  /// call that the family looks at, and told as gaps.
  @Suite struct StorageKernelTests {
    /// What a capture without that memory gave, of one process tree.
    private struct Outcome {
      var calls: [String: UInt64] = [:]
      var kinds: [EventKind: UInt64] = [:]
      var gaps: [EventFamily: UInt64] = [:]
      var lost: [EventFamily: UInt64] = [:]
      var figures: CaptureFigures

      mutating func add(_ lost: FamilyCounts) {
        for family in EventFamily.allCases { gaps[family, default: 0] += lost[family] }
      }
    }

    @Test func changesThatNobodySaw() throws {
      let outcome = try capture(
        [.credentials, .namespace, .syscall], "acts", "storm", "100")
      let both = outcome.calls["execve", default: 0] + outcome.calls["unshare", default: 0]
      #expect(outcome.calls["setresgid"] == 400 && outcome.calls["unshare"] == 40)
      #expect(outcome.kinds[.credentials] == nil && outcome.kinds[.namespace] == nil)
      #expect(outcome.lost[.namespace] == both)
      #expect(outcome.lost[.credentials] == both + 400 + outcome.calls["prctl", default: 0])
      #expect(outcome.lost[.syscall] == 0)
      expectAccounted(outcome)
    }

    /// Requests whose tracee is known all the same are told.
    @Test func traceesThatNobodyRemembers() throws {
      let outcome = try capture([.ptrace, .syscall], "acts", "ptrace", "-")
      let requests = try #require(outcome.calls["ptrace"])
      // PTRACE_TRACEME, and the PTRACE_SEIZE that succeeds.
      #expect(outcome.kinds[.ptrace] == 2 && outcome.kinds[.processMemory] == 3)
      #expect(requests > 2 && outcome.lost[.ptrace] == requests - 2)
      expectAccounted(outcome)
    }

    private func expectAccounted(_ outcome: Outcome) {
      #expect(outcome.figures.offered == outcome.figures.handedOut + outcome.figures.lost)
      #expect(outcome.figures.missedTotal == 0)
      for (family, lost) in outcome.lost { #expect(outcome.gaps[family, default: 0] == lost) }
    }

    private func capture(_ families: Set<EventFamily>, _ words: String...) throws -> Outcome {
      let folder = try TemporaryFolder()
      var options = CaptureOptions()
      options.families = families
      options.filter.followsCommand = true
      options.refusesStorage = true
      // Held before it becomes the workload.
      let child = try ChildProcess(
        "/bin/sh",
        ["-c", "kill -STOP $$; exec \"$0\" \"$@\"", try BuildFolder.program("workload")] + words,
        environment: ["WORKLOAD_LOG": folder.file("log")])
      try waitUntil("the command is held") {
        try readFile("/proc/\(child.pid)/stat").contains(") T ")
      }
      var session = try CaptureSession.open(options)
      try session.attach()
      try child.withDescriptor { try session.follow($0) }
      try session.begin()
      child.send(SIGCONT)
      var outcome = Outcome(figures: try session.figures())
      while !child.hasEnded {
        if try drain(&session, &outcome) == 0 { usleep(500) }
      }
      #expect(try child.wait() == 0)
      session.end()
      while try drain(&session, &outcome) > 0 {}
      session.consumer.collectResidualLoss(at: .ended) { _, block in
        unsafe withUnsafeBytes(of: block.lost) { counts in
          for family in EventFamily.allCases {
            outcome.gaps[family, default: 0] += UInt64(
              unsafe counts.load(fromByteOffset: Int(family.rawValue) * 4, as: UInt32.self))
          }
        }
      }
      outcome.figures = try session.figures()
      for family in families {
        outcome.lost[family] = outcome.figures.totals.lost[Int(family.rawValue)]
      }
      return outcome
    }

    private func drain(_ session: inout CaptureSession, _ outcome: inout Outcome) throws -> Int {
      try session.consumer.drain { record throws(Never) in
        guard let event = try? DecodedEvent(decoding: record) else { return }
        outcome.kinds[event.kind, default: 0] += 1
        if let gap = event.gap { outcome.add(gap.lost) }
        guard event.kind == .syscallEnter else { return }
        let call = event.systemCall
        outcome.calls[call.abi.name(of: call.number)?.description ?? "", default: 0] += 1
      }
    }
  }
}
