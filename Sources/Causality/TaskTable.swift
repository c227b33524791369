/// A task of a process: what an event's header names.
struct TaskKey: Hashable {
  var pid: UInt32
  var tid: UInt32
  /// The process's start, not the task's: a header holds no other.
  var start: UInt64

  var leader: TaskKey { TaskKey(pid: pid, tid: pid, start: start) }
}

/// What is known of a task.
struct TaskState {
  /// The task's own start; 0 while it isn't known (only forks and exits of threads tell it).
  var threadStart: UInt64 = 0
  /// Its fork was delivered.
  var forkSeen = false
  /// Its exit was delivered, or its thread id was given up in an exec.
  var exited = false
  /// For a leader: the exit of the process's last thread was delivered.
  var processEnded = false
  /// It was switched out asleep, and has not been switched in since.
  var sleeps = false
  /// It was woken since it was last switched in. (Not: since it fell asleep; a waker may come between a
  /// task's decision to sleep and its switch.)
  var wasWoken = false

  var isGone: Bool { exited || processEnded }
}

/// Tasks, in bounded memory: two generations of at most `limit` each.
///
/// When the young one is full, the old one's tasks that have ended are dropped and the living move
/// on. So a task that ended is remembered until at least `limit / 2` others have been seen. Living
/// tasks are dropped only where they alone fill half a generation; ``forgottenUntil`` then tells
/// which can't be judged any more.
struct TaskTable {
  let limit: Int
  /// Living tasks that had to be dropped.
  private(set) var forgotten: UInt64 = 0
  /// The latest process start among them.
  private(set) var forgottenUntil: UInt64 = 0
  private var young: [TaskKey: TaskState] = [:]
  private var old: [TaskKey: TaskState] = [:]

  init(limit: Int) { self.limit = max(16, limit) }

  var count: Int { young.count + old.count }

  subscript(key: TaskKey) -> TaskState? {
    get { young[key] ?? old[key] }
    set {
      if young.count >= limit { rotate() }
      young[key] = newValue
    }
  }

  private mutating func rotate() {
    var survivors: [TaskKey: TaskState] = [:]
    for (key, state) in old where !state.isGone && young[key] == nil { survivors[key] = state }
    if survivors.count > limit / 2 {
      for key in survivors.keys { forgottenUntil = max(forgottenUntil, key.start) }
      forgotten += UInt64(survivors.count)
      survivors.removeAll()
    }
    old = young
    young = survivors
  }
}
