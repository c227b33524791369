import KernelEvents

/// What is told of alike siblings in one row.
struct TreeFold {
  /// A way in which some of them ended.
  struct Outcome {
    /// nil: no end was seen.
    var status: WaitStatus?
    var count: Int
    /// The first of them.
    var first: Int
  }

  /// Processes in it.
  let count: Int
  /// The one that was seen first.
  let first: Int
  /// The one that was seen last.
  let last: Int
  /// Whether all were given the same arguments.
  let hasOneCommand: Bool
  /// Those that ended.
  let ended: Int
  /// Those that failed.
  let failed: Int
  /// The ways in which they ended, the most frequent first; of equals the one seen first.
  let outcomes: [Outcome]
  /// The middle one of the times they ran, the upper of two; nil where none ended.
  let medianRuntime: UInt64?
  /// The longest time one ran.
  let longestRuntime: UInt64

  /// Sums up `members` of `forest`, of which there is one at least.
  init(_ members: [Int], of forest: ProcessForest) {
    var runtimes: [UInt64] = []
    var outcomes: [UInt32: Outcome] = [:]
    var failed = 0
    for index in members {
      let process = forest.processes[index]
      if let runtime = process.runtime { runtimes.append(runtime) }
      if process.hasFailed { failed += 1 }
      let outcome = LifeKinds.outcome(of: process)
      outcomes[outcome, default: Outcome(status: process.status, count: 0, first: index)].count += 1
    }
    runtimes.sort()
    let command = forest.processes[members[0]].commandLine
    hasOneCommand = members.allSatisfy { forest.processes[$0].commandLine == command }
    count = members.count
    first = members[0]
    last = members[members.count - 1]
    ended = runtimes.count
    self.failed = failed
    self.outcomes = outcomes.values.sorted { ($1.count, $0.first) < ($0.count, $1.first) }
    medianRuntime = runtimes.isEmpty ? nil : runtimes[runtimes.count / 2]
    longestRuntime = runtimes.last ?? 0
  }
}
