import Evaluation
import Testing

/// The oracles find what is wrong, in streams that are wrong by design, and nothing else.
@Suite("Oracles of the evaluation")
struct OracleTests {
  private func tokens(_ numbers: [UInt64]) -> TokenOracle {
    var oracle = TokenOracle()
    for number in numbers { oracle.observe(number) }
    return oracle
  }

  @Test("tokens that rise are in order, with loss or without")
  func acceptsRisingTokens() {
    #expect(tokens([0, 1, 2, 3]).violations == 0)
    #expect(tokens([2, 5, 9]).violations == 0)
    #expect(tokens([]).violations == 0)
  }

  @Test("a token behind a later one, and one twice, are violations")
  func findsLateTokens() {
    #expect(tokens([0, 2, 1, 3]).violations == 1)
    #expect(tokens([0, 1, 1]).violations == 1)
    // Two CPUs' buffers, one after the other.
    #expect(tokens([0, 2, 4, 6, 1, 3, 5, 7]).violations == 3)
  }

  @Test("stamps are judged in the order of the tokens, not of the stream")
  func findsClocksThatGoBack() {
    var oracle = TokenOracle()
    for (number, stamp) in [(0, 10), (2, 25), (1, 20), (3, 24)] as [(UInt64, UInt64)] {
      oracle.observe(number, stamp: stamp)
    }
    #expect(oracle.violations == 1)
    #expect(oracle.clockBackwards == 1)
  }

  private func lives(_ steps: [(LifeOracle.Step, UInt64, UInt64)]) -> LifeOracle {
    var oracle = LifeOracle()
    for (step, id, start) in steps { oracle.observe(step, of: .init(id: id, start: start)) }
    return oracle
  }

  @Test("whole lives and lives with loss are in order")
  func acceptsLives() {
    let oracle = lives([
      (.fork, 1, 10), (.exec, 1, 10), (.exec, 1, 10), (.exit, 1, 10), (.exit, 2, 11),
      (.fork, 3, 12), (.exit, 3, 12),
    ])
    #expect(oracle.violations == 0)
    #expect(oracle.judged == 2)
  }

  @Test("an id given again is another task")
  func knowsTasksApart() {
    #expect(lives([(.exit, 1, 10), (.fork, 1, 20)]).violations == 0)
    #expect(lives([(.exit, 1, 10), (.fork, 1, 10)]).violations == 1)
  }

  @Test(
    "each step before its time is a violation",
    arguments: [
      [LifeOracle.Step.exec, .fork], [.exit, .exec], [.exit, .fork], [.fork, .fork],
      [.exit, .exit],
    ])
  func findsEffectsBeforeCauses(_ steps: [LifeOracle.Step]) {
    #expect(lives(steps.map { ($0, 1, 10) }).violations == 1)
  }

  private func log(_ log: [UInt64], _ entries: [UInt64]) -> LogOracle {
    var oracle = LogOracle(log: log)
    for entry in entries { oracle.observe(entry) }
    return oracle
  }

  @Test("part of a log in its order is in order, ids given again included")
  func acceptsParts() {
    #expect(log([1, 2, 3], [1, 2, 3]).violations == 0)
    #expect(log([1, 2, 3], [3]).violations == 0)
    #expect(log([1, 2, 1, 3], [2, 1]).violations == 0)
  }

  @Test("what the log has not, or has elsewhere, is a violation")
  func findsForeignEntries() {
    #expect(log([1, 2, 3], [2, 1]).violations == 1)
    #expect(log([1, 2, 3], [1, 1]).violations == 1)
    #expect(log([1, 2, 3], [4]).violations == 1)
  }
}
