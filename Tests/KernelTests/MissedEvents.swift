import BPFLoader
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

/// Lets a test off that saw the kernel skip an event, on kernels that may (``ProgramPreemption/isPossible``): what it then
/// finds wanting is a known issue, told in the log, and no failure. On other kernels, and where nothing was skipped, any
/// issue fails.
struct SkipsAreKnown: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard ProgramPreemption.isPossible, testCase != nil else { return try await function() }
    SkippedEvents.seen.withLock { $0 = 0 }
    try await withKnownIssue("the kernel skipped a program", isIntermittent: true) {
      try await function()
    } matching: { _ in
      SkippedEvents.seen.withLock { $0 } > 0
    }
  }
}
