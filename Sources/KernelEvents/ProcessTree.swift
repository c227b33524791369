/// The processes a run has shown: who made whom, what each ran, how each ended.
///
/// Memory is bounded by ``limit`` processes and ``commandLineLimit`` bytes of arguments each. Past
/// the limit the process that ended first goes, or the oldest where none has ended; ``evicted``
/// counts them. A process's parent is the one that called clone(), also where it was reparented
/// later. Not for concurrent use.
public struct ProcessTree {
  /// Bytes of a process's arguments that are kept.
  public static var commandLineLimit: Int { 512 }

  /// One process.
  public struct Process: Sendable {
    /// Its lasting name.
    public let key: ProcessKey
    /// The process that made it; nil where that wasn't seen.
    public fileprivate(set) var parent: ProcessKey?
    /// The parent's pid as last seen.
    public fileprivate(set) var parentPID: UInt32
    /// Its task's name.
    public fileprivate(set) var comm: [UInt8] = []
    /// The arguments of its last exec with a NUL after each; nil where it was never seen to exec.
    public fileprivate(set) var commandLine: [UInt8]?
    /// Whether arguments are missing from ``commandLine``.
    public fileprivate(set) var isCommandLineCut = false
    /// How often it was seen to exec.
    public fileprivate(set) var execs = 0
    /// Threads it was seen to make, the first one not counted.
    public fileprivate(set) var threads = 0
    /// How it ended; nil while it runs.
    public fileprivate(set) var status: WaitStatus?
    /// Nanoseconds from its start to its end; nil while it runs.
    public fileprivate(set) var runtime: UInt64?
    /// Its place in the order of first sight: a parent's is below its children's.
    fileprivate var order: UInt64
  }

  /// Processes kept at most.
  public let limit: Int
  /// Processes that had to go for others.
  public private(set) var evicted: UInt64 = 0
  /// Events that were lost: where not 0, processes may be missing.
  public private(set) var lost: UInt64 = 0
  private var processes: [ProcessKey: Process] = [:]
  private var living: [UInt32: ProcessKey] = [:]
  private var ended = KeyQueue()
  private var inserted = KeyQueue()
  private var nextOrder: UInt64 = 0

  /// Makes an empty tree of at most `limit` processes.
  public init(limit: Int = 65_536) { self.limit = max(2, limit) }

  /// Processes there are.
  public var count: Int { processes.count }

  /// The process named `key`; nil where it wasn't seen or had to go.
  public subscript(key: ProcessKey) -> Process? { processes[key] }

  /// Takes in an event.
  public mutating func add(_ event: DecodedEvent) {
    let key = event.process
    if let fork = event.fork {
      insertIfNew(key, parentPID: event.header.parentPID, comm: event.comm)
      if fork.isThread {
        processes[key]?.threads += 1
      } else {
        insertIfNew(fork.child, parentPID: key.pid, comm: event.childComm)
        link(fork.child, to: key)
      }
    } else if let exec = event.exec {
      insertIfNew(key, parentPID: event.header.parentPID, comm: event.comm)
      let (line, cut) = ProcessTree.commandLine(of: exec)
      let comm = event.comm.copy(limit: DecodedEvent.Offset.commSize)
      processes[key]?.comm = comm
      processes[key]?.commandLine = line
      processes[key]?.isCommandLineCut = cut
      processes[key]?.execs += 1
    } else if let exit = event.exit {
      insertIfNew(key, parentPID: event.header.parentPID, comm: event.comm)
      guard exit.flags.contains(.lastThread), processes[key]?.status == nil else { return }
      processes[key]?.status = exit.status
      processes[key]?.runtime = exit.runtime
      if living[key.pid] == key { living[key.pid] = nil }
      ended.append(key)
    }
  }

  /// Takes in a loss.
  public mutating func add(_ gap: Gap) { lost &+= gap.total }

  private static func commandLine(of exec: ExecEvent) -> (line: [UInt8], cut: Bool) {
    var line: [UInt8] = []
    var cut = exec.isTruncated
    var arguments = exec.arguments
    while let argument = arguments.next() {
      let room = commandLineLimit - line.count - 1
      if room < argument.byteCount { cut = true }
      if room <= 0 { break }
      line += argument.copy(limit: room)
      line.append(0)
    }
    return (line, cut)
  }

  private mutating func insertIfNew(_ key: ProcessKey, parentPID: UInt32, comm: RawSpan) {
    if processes[key] != nil { return }
    makeRoom()
    var process = Process(key: key, parentPID: parentPID, order: nextOrder)
    nextOrder += 1
    process.comm = comm.copy(limit: DecodedEvent.Offset.commSize)
    if let parent = living[parentPID], parent != key { process.parent = parent }
    processes[key] = process
    living[key.pid] = key
    inserted.append(key)
    if inserted.count > 2 * limit { inserted.keep { processes[$0] != nil } }
  }

  private mutating func link(_ child: ProcessKey, to parent: ProcessKey) {
    // Only towards an older node, so that no stream whatever can close a circle.
    guard let parentOrder = processes[parent]?.order, let childOrder = processes[child]?.order,
      parentOrder < childOrder
    else { return }
    processes[child]?.parent = parent
  }

  private mutating func makeRoom() {
    while processes.count >= limit {
      guard let key = ended.removeFirst() ?? inserted.removeFirst() else { return }
      guard processes.removeValue(forKey: key) != nil else { continue }
      if living[key.pid] == key { living[key.pid] = nil }
      evicted += 1
    }
  }
}

/// Where a process stands in a walk of the tree.
public struct TreePosition: Sendable {
  /// For each level above the process, from the root's children on: whether more siblings follow
  /// there. Empty for a root.
  public internal(set) var hasMoreSiblings: [Bool]
  /// Whether the process was made by one that isn't in the tree.
  public var isRoot: Bool { hasMoreSiblings.isEmpty }
}

extension ProcessTree {
  /// Visits every process, parents before children, siblings in the order of first sight.
  public func walk(_ visit: (Process, TreePosition) -> Void) {
    var children: [ProcessKey: [Process]] = [:]
    var roots: [Process] = []
    for process in processes.values {
      if let parent = process.parent, processes[parent] != nil {
        children[parent, default: []].append(process)
      } else {
        roots.append(process)
      }
    }
    // A stack of our own: a chain of processes may be as long as the limit.
    var stack: [(process: Process, depth: Int, more: Bool)] = []
    func push(_ siblings: [Process], depth: Int) {
      let sorted = siblings.sorted { $0.order > $1.order }
      for (index, process) in sorted.enumerated() { stack.append((process, depth, index > 0)) }
    }
    push(roots, depth: 0)
    var levels: [Bool] = []
    while let (process, depth, more) = stack.popLast() {
      levels.removeSubrange(max(0, depth - 1)...)
      if depth > 0 { levels.append(more) }
      visit(process, TreePosition(hasMoreSiblings: levels))
      if let below = children[process.key] { push(below, depth: depth + 1) }
    }
  }
}

/// Keys, first in, first out.
private struct KeyQueue {
  private var keys: [ProcessKey] = []
  private var head = 0

  var count: Int { keys.count - head }

  mutating func append(_ key: ProcessKey) { keys.append(key) }

  mutating func removeFirst() -> ProcessKey? {
    guard head < keys.count else { return nil }
    defer {
      head += 1
      if head > 1024, head * 2 > keys.count {
        keys.removeFirst(head)
        head = 0
      }
    }
    return keys[head]
  }

  mutating func keep(_ wanted: (ProcessKey) -> Bool) {
    keys = keys[head...].filter(wanted)
    head = 0
  }
}

extension RawSpan {
  fileprivate func copy(limit: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(limit, byteCount))
    for offset in 0..<min(limit, byteCount) { bytes.append(byte(offset)) }
    return bytes
  }
}
