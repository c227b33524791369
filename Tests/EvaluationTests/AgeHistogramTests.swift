import EvaluationTransports
import Testing

@Suite("Ages")
struct AgeHistogramTests {
  @Test("quantiles are right to a thirtieth, at every size")
  func quantiles() throws {
    for scale in [1, 100, 10_000, 1_000_000] as [UInt64] {
      var ages = AgeHistogram()
      for age in 1...1000 as ClosedRange<UInt64> { ages.add(age * scale) }
      for part in [0.5, 0.9, 0.99] {
        let found = try #require(ages.quantile(part))
        let exact = part * 1000 * Double(scale)
        #expect(abs(found - exact) <= exact / 30 + Double(scale))
      }
      #expect(ages.largest == 1000 * scale)
    }
  }

  @Test("too few ages tell nothing, and a clock that went back counts as none")
  func edges() {
    var ages = AgeHistogram()
    ages.add(UInt64.max - 5)
    #expect(ages.largest == 0 && ages.count == 1)
    #expect(ages.quantile(0.99) == nil)
    for _ in 0..<1000 { ages.add(7) }
    #expect(ages.quantile(0.5) == 7)
  }

  @Test("two become one")
  func sum() {
    var one = AgeHistogram()
    var two = AgeHistogram()
    for _ in 0..<100 {
      one.add(10)
      two.add(30)
    }
    one.add(two)
    #expect(one.count == 200 && one.largest == 30)
    #expect(one.quantile(0.25) == 10 && one.quantile(0.75) == 30)
  }
}
