import SequencerABI
import Testing

/// Real threads on a ring that is as small as it may be: order, whole records, exact accounts.
@Suite(.serialized) struct StressTests {
  @Test(arguments: [
    Stress(threads: 2, longest: 2, events: 700_000),
    Stress(threads: 3, longest: 5, events: 300_000),
    Stress(threads: 4, longest: 48, events: 50_000),
    Stress(threads: 8, longest: 3, events: 80_000),
    Stress(threads: 3, longest: 4, events: 300_000, collectsResiduals: true),
  ])
  func conservesEveryEvent(stress: Stress) {
    judge(stress)
  }
}

/// The same at length: 10⁸ events and more.
@Suite(.serialized, .tags(.long)) struct StressLongTests {
  @Test(arguments: [
    Stress(threads: 2, longest: 2, events: 15_000_000),
    Stress(threads: 4, longest: 5, events: 10_000_000),
    Stress(threads: 8, longest: 3, events: 2_500_000),
    Stress(threads: 3, longest: 4, events: 5_000_000, collectsResiduals: true),
  ])
  func conservesEveryEvent(stress: Stress) {
    judge(stress)
  }
}

private func judge(_ stress: Stress) {
  let result = stress.run()
  #expect(result.checker.complaint == nil)
  #expect(!result.isPoisoned)
  #expect(result.offered == stress.events * UInt64(stress.threads))
  #expect(result.offered == result.checker.delivered + result.lost)
  #expect(result.checker.told == result.lost)
  print(
    "stress: \(stress.testDescription): \(result.offered) offered,"
      + " \(result.checker.delivered) delivered, \(result.lost) lost")
}

extension Tag {
  /// Takes minutes.
  @Tag static var long: Self
}
