/// Judges the order of a stream by the lives that it tells of: a task is made, then runs programs, then
/// ends, whatever the order of their tickets or stamps.
///
/// Tasks are named by thread id and start, so that an id given again misleads nobody. Loss does not
/// mislead it either: only two delivered events that contradict each other are a violation. One value a
/// stream; not for concurrent use.
package struct LifeOracle: Sendable {
  /// A name that is never used twice.
  package struct Task: Hashable, Sendable {
    /// The thread id.
    package var id: UInt64
    /// When it was made, ns.
    package var start: UInt64
    /// The task with this id and start.
    package init(id: UInt64, start: UInt64) {
      self.id = id
      self.start = start
    }
  }

  /// What happens in a life, in this order.
  package enum Step: Int, Comparable, Sendable {
    /// It was made: once.
    case fork
    /// It ran a program: any number of times.
    case exec
    /// It ended: once.
    case exit
    /// Orders steps as a life does.
    package static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }
  }

  /// Steps observed.
  package private(set) var observed: UInt64 = 0
  /// Steps that came behind a later one of the same task, and second forks and exits.
  package private(set) var violations: UInt64 = 0
  /// Tasks of which more than one step was observed: those whose order could be judged.
  package private(set) var judged: UInt64 = 0

  // The latest step of each task, and whether it is counted as judged.
  private var tasks: [Task: (step: Step, isJudged: Bool)] = [:]

  /// Nothing observed yet.
  package init() {}

  /// Takes the next step of the stream in.
  package mutating func observe(_ step: Step, of task: Task) {
    observed += 1
    guard let known = tasks[task] else {
      tasks[task] = (step, false)
      return
    }
    if !known.isJudged { judged += 1 }
    if step < known.step || (step == known.step && step != .exec) { violations += 1 }
    tasks[task] = (max(step, known.step), true)
  }
}
