package import KernelEvents

/// The processes with the most of something, at most ``limit`` of them, the most first.
///
/// Of equals the one that came first stands first.
package struct Ranking: Sendable {
  /// Processes kept at most.
  package let limit: Int
  /// The processes, and how much each has.
  package private(set) var entries: [(amount: UInt64, process: ProcessTree.Process)] = []

  /// Makes an empty ranking of at most `limit` processes.
  package init(limit: Int) { self.limit = limit }

  /// Takes in a process that has `amount`; none of it is no place.
  package mutating func add(_ process: ProcessTree.Process, _ amount: UInt64) {
    guard amount > 0, entries.count < limit || amount > entries[limit - 1].amount else { return }
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].amount >= amount { low = middle + 1 } else { high = middle }
    }
    entries.insert((amount, process), at: low)
    if entries.count > limit { entries.removeLast() }
  }
}

/// Processes of one name that ended in the same way, which is a failure.
package struct FailureGroup: Sendable {
  /// Processes in it.
  package var count: UInt64
  /// The first one of them.
  package var first: ProcessTree.Process
}

/// What stands out among all processes of a stream, also those that are no longer kept.
package struct LifeRankings: Sendable {
  private struct FailureName: Hashable {
    var comm: [UInt8]
    var status: UInt32
  }

  /// Groups of failures that are told apart at most.
  package static var failureLimit: Int { 4096 }

  /// By processes made.
  package private(set) var busiestParents: Ranking
  /// By the time from the start to the first exec.
  package private(set) var slowestExecs: Ranking
  /// By the time from the start to the end.
  package private(set) var longestLives: Ranking
  /// Processes that ended with code 0.
  package private(set) var succeeded: UInt64 = 0
  /// Processes that ended otherwise.
  package private(set) var failed: UInt64 = 0
  /// Processes whose end was not seen.
  package private(set) var endless: UInt64 = 0
  /// Execs.
  package private(set) var execs: UInt64 = 0
  /// Failures that are in no group, there being too many groups.
  package private(set) var ungroupedFailures: UInt64 = 0
  private var failures: [FailureName: FailureGroup] = [:]

  /// Makes empty rankings of at most `limit` processes each.
  package init(limit: Int = 50) {
    busiestParents = Ranking(limit: limit)
    slowestExecs = Ranking(limit: limit)
    longestLives = Ranking(limit: limit)
  }

  /// The groups of failures, the largest first; of equals the one that began first.
  package var failureGroups: [FailureGroup] {
    failures.values.sorted {
      ($1.count, $0.first.key.start, $0.first.key.pid)
        < ($0.count, $1.first.key.start, $1.first.key.pid)
    }
  }

  /// Takes in a process of which no more will come.
  package mutating func add(_ process: ProcessTree.Process) {
    busiestParents.add(process, UInt64(process.children))
    if let delay = process.execDelay { slowestExecs.add(process, delay) }
    if let runtime = process.runtime { longestLives.add(process, runtime) }
    execs += UInt64(process.execs)
    guard process.status != nil else {
      endless += 1
      return
    }
    guard process.hasFailed else {
      succeeded += 1
      return
    }
    failed += 1
    let name = FailureName(comm: process.comm, status: LifeKinds.outcome(of: process))
    if failures[name] != nil {
      failures[name]?.count += 1
    } else if failures.count < LifeRankings.failureLimit {
      failures[name] = FailureGroup(count: 1, first: process)
    } else {
      ungroupedFailures += 1
    }
  }
}
