import SequencerABI

/// A task of a process: what an event's header names.
struct TaskKey: Hashable {
  var pid: UInt32
  var tid: UInt32
  /// The process's start, not the task's: a header holds no other.
  var start: UInt64

  var leader: TaskKey { TaskKey(pid: pid, tid: pid, start: start) }
  var isLeader: Bool { pid == tid }
  /// An idle task: one for each CPU, under one name, and never forked.
  var isIdle: Bool { tid == 0 }
}

/// What is known of a task, and of its process in the entry of its leader.
struct TaskFlags: OptionSet {
  let rawValue: UInt32

  /// The task itself was seen; else the entry is only its process's.
  static var seen: TaskFlags { TaskFlags(rawValue: 1 << 0) }
  /// Its fork was delivered.
  static var forkSeen: TaskFlags { TaskFlags(rawValue: 1 << 1) }
  /// Its exit was delivered, or its thread id was given up in an exec.
  static var exited: TaskFlags { TaskFlags(rawValue: 1 << 2) }
  /// It was switched out asleep, or made and not woken yet.
  static var sleeps: TaskFlags { TaskFlags(rawValue: 1 << 3) }
  /// It was woken since it was last switched in. (Not: since it fell asleep; a waker may come between a
  /// task's decision to sleep and its switch.)
  static var woken: TaskFlags { TaskFlags(rawValue: 1 << 4) }
  /// It was switched out for the last time.
  static var dead: TaskFlags { TaskFlags(rawValue: 1 << 5) }
  /// It was switched in, and not out since.
  static var running: TaskFlags { TaskFlags(rawValue: 1 << 6) }
  /// ``TaskEntry/cpu`` is known.
  static var placed: TaskFlags { TaskFlags(rawValue: 1 << 7) }
  /// Its process needs no causes: see ``CausalityVerifier/excuse(pid:)``.
  static var excused: TaskFlags { TaskFlags(rawValue: 1 << 8) }
  /// It is inside the call ``TaskEntry/call``.
  static var inCall: TaskFlags { TaskFlags(rawValue: 1 << 9) }
  /// It is inside a call on a futex.
  static var inFutex: TaskFlags { TaskFlags(rawValue: 1 << 10) }
  /// It is in the table's list of the ended.
  static var listedAsEnded: TaskFlags { TaskFlags(rawValue: 1 << 12) }
  /// An event of its own was delivered.
  static var acted: TaskFlags { TaskFlags(rawValue: 1 << 13) }
  /// Its last event named another parent than was known, and nothing explained it yet.
  static var parentInDoubt: TaskFlags { TaskFlags(rawValue: 1 << 11) }

  // Of the process, in the entry of its leader.

  /// The exit of the process's last thread was delivered.
  static var ended: TaskFlags { TaskFlags(rawValue: 1 << 16) }
  /// The exit of some thread was delivered.
  static var someExited: TaskFlags { TaskFlags(rawValue: 1 << 17) }
  /// An event of some thread was delivered.
  static var someActed: TaskFlags { TaskFlags(rawValue: 1 << 20) }
  /// It was seen to have more threads than its first.
  static var threaded: TaskFlags { TaskFlags(rawValue: 1 << 18) }
  /// ``TaskEntry/parentPID`` and ``TaskEntry/parentStart`` are its maker's.
  static var parentKnown: TaskFlags { TaskFlags(rawValue: 1 << 19) }
}

/// A task, or a process in the entry of its leader.
struct TaskEntry {
  var key: TaskKey
  var flags: TaskFlags = []
  /// Place of the leader's entry; -1 where it isn't known. May be another task's by now.
  var leader: Int32 = -1
  /// The next of the same bucket.
  var next: Int32 = -1
  // Neighbours in the list of the living or of the ended.
  var before: Int32 = -1
  var after: Int32 = -1
  /// The CPU it was given to, see ``TaskFlags/placed``.
  var cpu: UInt16 = 0
  /// The detail of ``call``.
  var callDetail: UInt16 = 0
  var parentPID: UInt32 = 0
  var parentStart: UInt64 = 0
  /// The task's own start; 0 while it isn't known (only forks and exits of threads tell it).
  var threadStart: UInt64 = 0
  /// Its event with the latest time.
  var latest = EventMark.none
  /// Its last switch, in or out.
  var switched = EventMark.none
  /// The last begin of a system call.
  var call = EventMark.none
  /// The last begin of a call on a futex.
  var futex = EventMark.none
  /// Its fork, or the first event that told of it.
  var origin = EventMark.none
  /// Its exit.
  var exit = EventMark.none
  /// Of the process: its last thread's exit.
  var end = EventMark.none
  /// Of the process: its last exec.
  var exec = EventMark.none

  init(_ key: TaskKey) { self.key = key }
}

/// Tasks, in bounded memory: at most `limit`.
///
/// When it is full, the task that ended first is dropped, so that a task that ended is remembered until at least
/// `limit / 4` others have ended. Where the living leave the ended less room than that, the living task that was
/// seen first is dropped; ``forgottenUntil`` then tells which can't be judged any more.
///
/// A task's place stays the same until it is dropped. The hash has a secret, so that no stream can choose ids that
/// all fall together.
struct TaskTable {
  let limit: Int
  /// Living tasks that had to be dropped.
  private(set) var forgotten: UInt64 = 0
  /// The latest process start among them.
  private(set) var forgottenUntil: UInt64 = 0
  var entries: [TaskEntry] = []
  private var buckets: [Int32]
  private let mask: UInt64
  private let secrets: (UInt64, UInt64)
  private var living = EntryList()
  private var ended = EntryList()

  init(limit: Int) {
    self.limit = min(max(16, limit), 1 << 24)
    var count = 16
    while count < self.limit { count *= 2 }
    buckets = [Int32](repeating: -1, count: count)
    mask = UInt64(count - 1)
    secrets = (UInt64.random(in: 0 ... .max) | 1, UInt64.random(in: 0 ... .max) | 1)
  }

  @inline(__always) private func bucket(_ key: TaskKey) -> Int {
    let product = (key.start ^ secrets.0).multipliedFullWidth(
      by: (UInt64(key.pid) << 32 | UInt64(key.tid)) ^ secrets.1)
    return Int(truncatingIfNeeded: (product.high ^ product.low) & mask)
  }

  /// The place of `key`, which may be `hint`; -1 where it isn't known.
  @inline(__always) func find(_ key: TaskKey, hint: Int32 = -1) -> Int32 {
    if hint >= 0, entries[Int(hint)].key == key { return hint }
    var place = buckets[bucket(key)]
    while place >= 0 {
      if entries[Int(place)].key == key { return place }
      place = entries[Int(place)].next
    }
    return -1
  }

  /// Makes an entry for `key`, which has none; the places `kept` are not given away for it.
  mutating func insert(_ key: TaskKey, keeping kept: (Int32, Int32) = (-1, -1)) -> Int32 {
    let place: Int32
    if entries.count < limit {
      place = Int32(entries.count)
      entries.append(TaskEntry(key))
    } else {
      place = evict(keeping: kept)
      entries[Int(place)] = TaskEntry(key)
    }
    let bucket = bucket(key)
    entries[Int(place)].next = buckets[bucket]
    buckets[bucket] = place
    living.append(place, &entries)
    return place
  }

  /// Forgets what is known of the task, but not where it is, and counts it as living again.
  mutating func reset(_ place: Int32, flags: TaskFlags = []) {
    let old = entries[Int(place)]
    var entry = TaskEntry(old.key)
    entry.flags = flags.union(old.flags.intersection(.listedAsEnded))
    entry.leader = old.leader
    entry.next = old.next
    entry.before = old.before
    entry.after = old.after
    entries[Int(place)] = entry
    setEnded(place, false)
  }

  /// Says that the task may be dropped before the living, or that it lives.
  mutating func setEnded(_ place: Int32, _ isEnded: Bool) {
    if isEnded == entries[Int(place)].flags.contains(.listedAsEnded) { return }
    if isEnded {
      living.remove(place, &entries)
      ended.append(place, &entries)
      entries[Int(place)].flags.insert(.listedAsEnded)
    } else {
      ended.remove(place, &entries)
      living.append(place, &entries)
      entries[Int(place)].flags.remove(.listedAsEnded)
    }
  }

  private mutating func evict(keeping kept: (Int32, Int32)) -> Int32 {
    let isFromEnded = ended.count > max(2, limit / 4)
    var place = isFromEnded ? ended.first : living.first
    while place == kept.0 || place == kept.1 { place = entries[Int(place)].after }
    let entry = entries[Int(place)]
    if isFromEnded {
      ended.remove(place, &entries)
    } else {
      living.remove(place, &entries)
      forgotten += 1
      forgottenUntil = max(forgottenUntil, entry.key.start)
    }
    unlink(place, entry)
    return place
  }

  private mutating func unlink(_ place: Int32, _ entry: TaskEntry) {
    let bucket = bucket(entry.key)
    if buckets[bucket] == place {
      buckets[bucket] = entry.next
      return
    }
    var current = buckets[bucket]
    while current >= 0 {
      if entries[Int(current)].next == place {
        entries[Int(current)].next = entry.next
        return
      }
      current = entries[Int(current)].next
    }
  }
}

/// A list of entries in the order in which they came, linked through the entries themselves.
private struct EntryList {
  private(set) var first: Int32 = -1
  private var last: Int32 = -1
  private(set) var count = 0

  mutating func append(_ place: Int32, _ entries: inout [TaskEntry]) {
    entries[Int(place)].before = last
    entries[Int(place)].after = -1
    if last >= 0 { entries[Int(last)].after = place } else { first = place }
    last = place
    count += 1
  }

  mutating func remove(_ place: Int32, _ entries: inout [TaskEntry]) {
    let (before, after) = (entries[Int(place)].before, entries[Int(place)].after)
    if before >= 0 { entries[Int(before)].after = after } else { first = after }
    if after >= 0 { entries[Int(after)].before = before } else { last = before }
    count -= 1
  }
}
