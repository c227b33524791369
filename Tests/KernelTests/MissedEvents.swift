import BPFLoader
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
