import EventFormats
import KernelEvents
import SequencerABI

/// A slice that may be open on a thread's track.
enum ThreadSlice: UInt8 {
  /// The life of a thread other than a process's first.
  case life
  /// A system call, a call on a futex, a wait for a kernel lock.
  case syscall, futex, lock
}

/// What is known of a thread while it lives.
struct PerfettoThread {
  /// Its track.
  let track: UInt64
  /// The name its track was last given.
  var name: CommName
  private var slices = InlineArray<8, ThreadSlice>(repeating: .life)
  /// Slices that are open on its track.
  private(set) var depth = 0

  init(track: UInt64, name: CommName) {
    self.track = track
    self.name = name
  }

  /// Opens a slice; false where too many are open.
  mutating func push(_ slice: ThreadSlice) -> Bool {
    guard depth < 8 else { return false }
    slices[depth] = slice
    depth += 1
    return true
  }

  /// How many slices must be closed to close the innermost of this kind; nil where none is open.
  func depth(of slice: ThreadSlice) -> Int? {
    var index = depth
    while index > 0 {
      index -= 1
      if slices[index] == slice { return depth - index }
    }
    return nil
  }

  /// Forgets the innermost slice.
  mutating func pop() { depth -= 1 }
}

/// What is known of a process while it lives, and for a while after: its last switch and its sockets' ends
/// come behind its exit.
struct PerfettoProcess {
  /// Its lasting name.
  let key: ProcessKey
  /// Its track.
  let track: UInt64
  /// Its name, as last seen.
  var name: CommName
  /// Its threads, by tid.
  var threads: [UInt32: PerfettoThread] = [:]
  /// The arrow from its fork, as long as its first exec may still end it.
  var flow: UInt64?
  /// Slices open on its track: its life, and what it runs.
  var depth = 0
  /// Whether it has exited.
  var hasEnded = false
  fileprivate var previous: Int32 = -1
  fileprivate var next: Int32 = -1

  init(_ key: ProcessKey, name: CommName) {
    self.key = key
    self.name = name
    track = PerfettoTrack.process(key)
  }
}

/// The numbers of tracks. Small ones are the machine's; a process's are made of its pid and start, so that a
/// pid that is given again leads to another track.
enum PerfettoTrack {
  static var cpus: UInt64 { 1 }
  static var losses: UInt64 { 2 }
  static func loss(_ family: Int) -> UInt64 { 0x100 + UInt64(family) }
  static func cpu(_ cpu: UInt16) -> UInt64 { 0x1_0000 + UInt64(cpu) }

  static func process(_ key: ProcessKey) -> UInt64 { mix(key, 0) }
  static func thread(_ key: ProcessKey, _ tid: UInt32) -> UInt64 { mix(key, UInt64(tid) << 1 | 1) }

  /// The finaliser of SplitMix64, chained; in the upper quarter of what a reader's signed 64 bits hold.
  private static func mix(_ key: ProcessKey, _ salt: UInt64) -> UInt64 {
    var hash: UInt64 = 0
    for part in [UInt64(key.pid), key.start, salt] {
      hash = (hash ^ part) &+ 0x9E37_79B9_7F4A_7C15
      hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
      hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
      hash ^= hash >> 31
    }
    return hash >> 2 | 1 << 62
  }
}

/// The processes of a trace whose tracks have something open, at most so many: the one that was not seen for
/// longest goes for a new one, those that have ended first.
struct PerfettoTasks {
  /// Processes that have ended and are still known.
  static var endedLimit: Int { 1024 }

  /// Processes and threads known at most, each.
  let limit: Int
  private var processes: [PerfettoProcess] = []
  private var indexes: [ProcessKey: Int32] = [:]
  private var free: [Int32] = []
  private var living = Order()
  private var ended = Order()
  private var threads = 0

  /// Indexes from the one not seen for longest to the last seen.
  private struct Order {
    var first: Int32 = -1
    var last: Int32 = -1
    var count = 0
  }

  init(limit: Int) { self.limit = max(4, limit) }

  /// The process of a name, made the one last seen; nil where it is not known.
  mutating func index(of key: ProcessKey) -> Int? {
    guard let index = indexes[key] else { return nil }
    let hasEnded = processes[Int(index)].hasEnded
    if (hasEnded ? ended : living).last != index {
      unlink(index, hasEnded)
      link(index, hasEnded)
    }
    return Int(index)
  }

  /// The process at an index.
  subscript(index: Int) -> PerfettoProcess {
    get { processes[index] }
    _modify { yield &processes[index] }
  }

  /// A process that must go before another one, or a thread, can come; nil where there is room.
  func overdue() -> Int? {
    if ended.count > PerfettoTasks.endedLimit { return Int(ended.first) }
    guard living.count >= limit || threads >= limit else { return nil }
    return Int(ended.count > 0 ? ended.first : living.first)
  }

  /// Adds a process.
  mutating func insert(_ process: PerfettoProcess) -> Int {
    let index: Int32
    if let reused = free.popLast() {
      index = reused
      processes[Int(index)] = process
    } else {
      index = Int32(processes.count)
      processes.append(process)
    }
    indexes[process.key] = index
    link(index, false)
    return Int(index)
  }

  /// Counts a thread that was added to a process.
  mutating func noteThread() { threads += 1 }

  /// Notes that a process has exited.
  mutating func noteEnd(_ index: Int) {
    guard !processes[index].hasEnded else { return }
    unlink(Int32(index), false)
    processes[index].hasEnded = true
    link(Int32(index), true)
  }

  /// Takes a thread out of a process.
  mutating func removeThread(_ tid: UInt32, of index: Int) {
    if processes[index].threads.removeValue(forKey: tid) != nil { threads -= 1 }
  }

  /// Takes a process out.
  mutating func remove(_ index: Int) {
    unlink(Int32(index), processes[index].hasEnded)
    indexes[processes[index].key] = nil
    threads -= processes[index].threads.count
    processes[index].threads = [:]
    free.append(Int32(index))
  }

  /// The process not seen for longest; nil where there is none any more.
  func oldest() -> Int? {
    let index = ended.count > 0 ? ended.first : living.first
    return index < 0 ? nil : Int(index)
  }

  private mutating func link(_ index: Int32, _ hasEnded: Bool) {
    var order = hasEnded ? ended : living
    processes[Int(index)].previous = order.last
    processes[Int(index)].next = -1
    if order.last >= 0 { processes[Int(order.last)].next = index } else { order.first = index }
    order.last = index
    order.count += 1
    if hasEnded { ended = order } else { living = order }
  }

  private mutating func unlink(_ index: Int32, _ hasEnded: Bool) {
    var order = hasEnded ? ended : living
    let previous = processes[Int(index)].previous
    let next = processes[Int(index)].next
    if previous >= 0 { processes[Int(previous)].next = next } else { order.first = next }
    if next >= 0 { processes[Int(next)].previous = previous } else { order.last = previous }
    order.count -= 1
    if hasEnded { ended = order } else { living = order }
  }
}
