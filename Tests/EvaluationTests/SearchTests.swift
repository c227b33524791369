import Testing

@testable import Evaluation

@Suite("Search for the highest rate")
struct RateSearchTests {
  @Test(
    "is within a twentieth below what is kept",
    arguments: [150, 4_321, 999_999, 1_000_000, 47_000_000] as [Double])
  func finds(_ limit: Double) {
    let found = RateSearch.highest(from: 1_000_000) { $0 <= limit ? .kept : .lost }
    #expect(found.rate <= limit && found.rate > limit * 0.95)
    #expect(!found.isLimited)
  }

  @Test("says when the producers could not go faster")
  func limited() {
    let found = RateSearch.highest(from: 1_000_000) {
      $0 <= 20_000_000 ? .kept : .slower(20_000_000)
    }
    #expect(found.isLimited && found.rate > 19_000_000 && found.rate <= 20_000_000)
  }

  @Test("ends where everything is lost")
  func hopeless() {
    #expect(RateSearch.highest(from: 1_000_000) { _ in .lost }.rate == 0)
  }
}

@Suite("Rounds of the producer part")
struct ProducerRoundTests {
  @Test("a private counter that does not scale strikes the round out")
  func scales() {
    let name = "private-counter"
    #expect(ProducerPart.scales([1: [name: 100], 2: [name: 190]]))
    #expect(!ProducerPart.scales([1: [name: 100], 2: [name: 170]]))
    // With one CPU there is nothing to compare.
    #expect(ProducerPart.scales([2: [name: 170]]))
  }
}
