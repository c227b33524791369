import RingStress
import SequencerCore
import Testing

/// Real threads on a ring that is as small as it may be: order, whole records, exact accounts.
///
/// What `./test` runs besides is the program `ring-stress`: with the optimiser, under
/// ThreadSanitizer, and with `--long` over 10⁸ delivered records.
@Suite(.serialized) struct StressTests {
  @Test("Stalled threads: every event is delivered whole, in its order, or counted as lost")
  func conservesEveryEvent() {
    var total = Stress.Result()
    for stress in Stress.plan(records: 400_000) {
      let result = stress.run()
      #expect(result.complaints.isEmpty, "\(stress)")
      print("stress: \(stress): \(result)")
      total.delivered += result.delivered
      total.lost += result.lost
      total.parks += result.parks
      total.successors += result.successors
      total.producerStalls.merge(result.producerStalls) { $0 + $1 }
      total.consumerStalls.merge(result.consumerStalls) { $0 + $1 }
    }
    #expect(total.delivered >= 400_000)
    // Nothing of this is proof if it did not happen.
    #expect(total.lost > 0 && total.parks > 0 && total.successors > 0)
    for step in Stress.producerSteps { #expect(total.producerStalls[step] != nil, "\(step)") }
    for step in ConsumerStep.allCases { #expect(total.consumerStalls[step] != nil, "\(step)") }
  }
}

/// A wake-up is never lost. A million of these races are a step of `./test`, built with the optimiser.
@Suite(.serialized) struct ParkRaceTests {
  @Test("Records published while the consumer falls asleep")
  func everyRaceIsWon() throws {
    let result = try ParkRaces(races: 100_000).run()
    print("park: \(result)")
    #expect(result.complaints.isEmpty)
    #expect(result.delivered >= 100_000)
    #expect(result.waits.parks + result.waits.secondLooks >= 100_000)
    #expect(result.waits.secondLooks > 0 && result.bells > 0 && result.overlaps > 0)
  }
}
