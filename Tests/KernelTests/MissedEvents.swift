import BPFLoader
import Synchronization
import TestSupport
import Testing

/// Expects that the kernel skipped nothing, or hardly anything where it may.
///
/// - Parameters:
///   - missed: what it told to have skipped.
///   - offered: all events.
///   - sourceLocation: where the expectation stands.
func expectHardly(
  missed: UInt64, of offered: UInt64, sourceLocation: SourceLocation = #_sourceLocation
) {
  let most = ProgramPreemption.isPossible ? 2 + offered / 200 : 0
  #expect(missed <= most, "of \(offered)", sourceLocation: sourceLocation)
}

/// Runs a test anew that failed where the kernel skipped an event, on kernels that may (``ProgramPreemption/isPossible``):
/// what it found wanting may be what was skipped. It passes by a run without, and the last run counts whatever was skipped.
struct RepeatsSkipped: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true
  private static let runs = 5

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    if ProgramPreemption.isPossible && testCase != nil {
      for _ in 1..<Self.runs {
        SkippedEvents.seen.withLock { $0 = 0 }
        let excused = Mutex(false)
        try await withKnownIssue("the kernel skipped a program; run anew", isIntermittent: true) {
          try await function()
        } matching: { _ in
          guard SkippedEvents.seen.withLock({ $0 }) > 0 else { return false }
          excused.withLock { $0 = true }
          return true
        }
        if !excused.withLock({ $0 }) { return }
      }
    }
    try await function()
  }
}
