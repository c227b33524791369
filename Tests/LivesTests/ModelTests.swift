import KernelEvents
import ProcessLives
import SequencerABI
import TestSupport
import Testing

@Suite("The model of lives")
struct ModelTests {
  private let shell = ProcessKey(pid: 900, start: 3_000_000_000)

  @Test("rates keep every event, however long the stream, in at most 1,024 stretches")
  func rates() {
    var rates = RateHistogram()
    var moment: UInt64 = 5_000
    var total = 0
    for step in 0..<200_000 {
      rates.add(step % 3 == 0 ? .signal : .process, at: moment)
      moment += UInt64(step % 977) * 1009
      total += 1
    }
    rates.add(lost: 42, at: moment)
    var sum: UInt64 = 0
    var lost: UInt64 = 0
    for bucket in 0..<rates.count {
      sum += rates.events(.signal, in: bucket) + rates.events(.process, in: bucket)
      lost += rates.lost(in: bucket)
    }
    #expect(sum == UInt64(total))
    #expect(lost == 42)
    #expect(rates.lost(in: rates.count - 1) == 42)
    #expect(rates.count <= RateHistogram.bucketLimit)
    #expect(rates.count > RateHistogram.bucketLimit / 2 - 1)
    #expect(rates.width * UInt64(rates.count - 1) <= moment - 5_000)
  }

  @Test("no moment whatever is too far, or too early")
  func farRates() {
    var rates = RateHistogram()
    for moment in [UInt64.max / 2, 0, .max, 1] { rates.add(.process, at: moment) }
    #expect(rates.events(.process, in: 0) == 3)
    #expect(rates.count <= RateHistogram.bucketLimit)
  }

  @Test("rankings keep the most, and of equals the first")
  func ranking() throws {
    var stream = LifeStream()
    for pid in UInt32(0)..<200 {
      let child = stream.fork(shell, 1000 + pid)
      stream.wait(UInt64((pid * 37) % 100) * 1000)
      stream.exec(child, "p")
      stream.wait(UInt64((pid * 53) % 100) * 10_000)
      stream.exit(child, code: pid % 50 == 0 ? 4 : 0)
    }
    // What had to go counts as well: the rankings are the same with room for ten.
    for limit in [10, 1000] {
      let rankings = try stream.lives(limit: limit).rankings
      #expect(rankings.slowestExecs.entries.count == 50)
      #expect(rankings.slowestExecs.entries.first?.amount == 99_000)
      #expect(rankings.slowestExecs.entries.last?.amount == 75_000)
      let amounts = rankings.slowestExecs.entries.map(\.amount)
      #expect(amounts == amounts.sorted(by: >))
      #expect(rankings.succeeded == 196)
      #expect(rankings.failed == 4)
      #expect(rankings.failureGroups.count == 1)
      #expect(rankings.failureGroups.first?.count == 4)
      #expect(rankings.failureGroups.first?.first.key.pid == 1000)
    }
    let equal = try stream.lives().rankings.busiestParents
    #expect(equal.entries.count == 1)
    #expect(equal.entries[0].amount == 200)
    #expect(equal.entries[0].process.failedChildren == 4)
  }

  @Test("groups of failures are bounded, and those beyond are counted")
  func failures() throws {
    var stream = LifeStream()
    let count = UInt32(LifeRankings.failureLimit) + 100
    for pid in 0..<count {
      let child = stream.fork(shell, 1000 + pid)
      stream.exit(child, code: 1, comm: "x")
    }
    for pid in 0..<count {
      let child = stream.fork(shell, 100_000 + pid, comm: "n\(pid)")
      stream.exit(child, code: 1, comm: "n\(pid)")
    }
    let rankings = try stream.lives().rankings
    #expect(rankings.failed == UInt64(2 * count))
    #expect(rankings.failureGroups.count == LifeRankings.failureLimit)
    let grouped = rankings.failureGroups.reduce(0) { $0 + $1.count }
    #expect(grouped + rankings.ungroupedFailures == rankings.failed)
    #expect(rankings.failureGroups[0].count == UInt64(count))
  }

  @Test("memory is bounded by the limit, whatever comes")
  func bounded() throws {
    let lives = try LifeStream.build(20_000, width: 30).lives(limit: 500)
    #expect(lives.tree.count == 500)
    #expect(lives.seen == 15_168)
    #expect(lives.seen == lives.rankings.succeeded + lives.rankings.failed + lives.rankings.endless)
  }

  @Test("an exec's delay is told only of a process whose beginning was seen")
  func delay() throws {
    var stream = LifeStream()
    stream.exec(shell, "late")
    let child = stream.fork(shell, 5)
    stream.wait(700)
    stream.exec(child, "a")
    stream.wait(700)
    stream.exec(child, "b")
    let tree = try stream.lives().tree
    #expect(tree[shell]?.execDelay == nil)
    #expect(tree[child]?.execDelay == 700)
    #expect(tree[child]?.execs == 2)
  }

  @Test("a change of credentials of another task counts for that one")
  func credentials() throws {
    var stream = LifeStream()
    let child = stream.fork(shell, 5)
    var after = [UInt8](repeating: 0, count: 96)
    after.replaceSubrange(0..<4, with: bytesOf(UInt32(33)))
    after.replaceSubrange(8..<12, with: bytesOf(UInt32(34)))
    stream.add(
      .of(
        .credentials, by: child,
        name("su") + bytesOf(child.pid) + bytesOf(child.pid) + bytesOf(child.start) + name("su")
          + bytesOf(UInt64(0)) + [UInt8](repeating: 0, count: 96) + after))
    let process = try #require(try stream.lives().tree[child])
    #expect(process.firstUID == 1000)
    #expect(process.uid == 33)
    #expect(process.effectiveUID == 34)
  }

  @Test("a forest has parents before children, and each process once")
  func forest() throws {
    let forest = ProcessForest(try LifeStream.build(3000).lives(limit: 700).tree)
    #expect(forest.count == 700)
    var seen = Set(forest.roots)
    for index in 0..<forest.count {
      for child in forest.children(of: index) {
        #expect(child > index)
        #expect(forest.parents[child] == index)
        #expect(seen.insert(child).inserted)
      }
    }
    #expect(seen.count == forest.count)
  }
}
