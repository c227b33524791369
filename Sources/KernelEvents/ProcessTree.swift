import SequencerABI

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
    /// Its task's name as the kernel keeps it.
    fileprivate(set) var name = TaskComm()
    /// The arguments of its last exec with a NUL after each; nil where it was never seen to exec.
    public fileprivate(set) var commandLine: [UInt8]?
    /// Whether arguments are missing from ``commandLine``.
    public fileprivate(set) var isCommandLineCut = false
    /// Whether its own beginning was seen, not only something it did later.
    public fileprivate(set) var wasSeenForked = false
    /// Whether its pid was given to another before its end was seen: that was lost.
    public fileprivate(set) var isReplaced = false
    /// How often it was seen to exec.
    public fileprivate(set) var execs = 0
    /// When it was first seen to exec, ns of `CLOCK_MONOTONIC`; nil where it wasn't, or timestamps
    /// are off.
    public fileprivate(set) var firstExec: UInt64?
    /// Threads it was seen to make, the first one not counted.
    public fileprivate(set) var threads = 0
    /// Processes it was seen to make.
    public fileprivate(set) var children = 0
    /// Of those, the ones that were seen to end with a code that is not 0, or by a signal.
    public fileprivate(set) var failedChildren = 0
    /// Its real uid when it was first seen.
    public fileprivate(set) var firstUID: UInt32
    /// Its real uid as last seen.
    public fileprivate(set) var uid: UInt32
    /// Its effective uid as last seen; as ``uid`` until an exec or a change told it.
    public fileprivate(set) var effectiveUID: UInt32
    /// How it ended; nil while it runs.
    public fileprivate(set) var status: WaitStatus?
    /// Nanoseconds from its start to its end; nil while it runs.
    public fileprivate(set) var runtime: UInt64?
    /// Its place in the order of first sight: a parent's is below its children's.
    fileprivate(set) var order: UInt64

    fileprivate init(key: ProcessKey, parentPID: UInt32, uid: UInt32, order: UInt64) {
      self.key = key
      self.parentPID = parentPID
      self.order = order
      firstUID = uid
      self.uid = uid
      effectiveUID = uid
    }

    /// Its task's name, without its NUL; not always UTF-8.
    public var comm: [UInt8] {
      var bytes: [UInt8] = []
      for place in 0..<DecodedEvent.Offset.commSize {
        let word = place < 8 ? name.low : name.high
        let byte = UInt8(truncatingIfNeeded: word &>> UInt64(8 * (place & 7)))
        if byte == 0 { break }
        bytes.append(byte)
      }
      return bytes
    }
    /// When it ended, ns of `CLOCK_MONOTONIC`; nil while it runs.
    public var end: UInt64? { runtime.map { key.start &+ $0 } }
    /// Whether it was seen to end otherwise than with code 0.
    public var hasFailed: Bool { status.map { $0.code != 0 } ?? false }
    /// Nanoseconds from its start to its first exec; nil where one of the two wasn't seen.
    public var execDelay: UInt64? {
      guard wasSeenForked, let firstExec, firstExec >= key.start else { return nil }
      return firstExec - key.start
    }
  }

  /// Processes kept at most.
  public let limit: Int
  /// Processes that had to go for others.
  public private(set) var evicted: UInt64 = 0
  /// Events that were lost: where not 0, processes may be missing.
  public private(set) var lost: UInt64 = 0
  private let keepsDeparted: Bool
  private var departed: [Process] = []
  private var slots: [Process] = []
  private var freeSlots: [Int] = []
  private var index: [ProcessKey: Int] = [:]
  private var living: [UInt32: ProcessKey] = [:]
  private var ended = KeyQueue()
  private var inserted = KeyQueue()
  private var nextOrder: UInt64 = 0

  /// Makes an empty tree of at most `limit` processes.
  ///
  /// - Parameters:
  ///   - limit: processes kept at most; two at least.
  ///   - keepsDeparted: whether those that had to go are kept for ``takeDeparted()``, which must then be
  ///     called after each event.
  public init(limit: Int = 65_536, keepsDeparted: Bool = false) {
    self.limit = max(2, limit)
    self.keepsDeparted = keepsDeparted
  }

  /// Processes there are.
  public var count: Int { index.count }

  /// The process named `key`; nil where it wasn't seen or had to go.
  public subscript(key: ProcessKey) -> Process? { index[key].map { slots[$0] } }

  /// Every process there is, in the order of first sight: parents before their children.
  public var processes: [Process] {
    index.values.map { slots[$0] }.sorted { $0.order < $1.order }
  }

  /// The processes that had to go since the last call, once each; empty unless they are kept.
  public mutating func takeDeparted() -> [Process] {
    guard !departed.isEmpty else { return [] }
    defer { departed.removeAll(keepingCapacity: true) }
    return departed
  }

  /// Takes in an event; of other families than `process` only a change of credentials counts.
  public mutating func add(_ event: DecodedEvent) {
    switch event.kind {
    case .fork: if let fork = event.fork { add(fork, of: event) }
    case .exec: if let exec = event.exec { add(exec, of: event) }
    case .exit: if let exit = event.exit { add(exit, of: event) }
    case .credentials:
      guard let change = event.payload(as: CredentialsPayload.self) else { return }
      let key = ProcessKey(pid: change.task.pid, start: change.task.processStart)
      guard let slot = index[key] else { return }
      slots[slot].uid = change.after.uid
      slots[slot].effectiveUID = change.after.effectiveUID
    default: return
    }
  }

  /// Takes in a loss.
  public mutating func add(_ gap: Gap) { lost &+= gap.total }

  private mutating func add(_ fork: ForkPayload, of event: DecodedEvent) {
    let key = event.process
    let parent = slotOf(key, event, comm: fork.parentComm)
    if fork.isThread {
      slots[parent].threads += 1
      return
    }
    // Making room for the child may take the parent, whose ids the child has.
    let effectiveUID = slots[parent].effectiveUID
    let isNew = index[fork.child] == nil
    let child = slotOf(
      fork.child, parentPID: key.pid, uid: event.header.uid, comm: fork.childComm)
    if isNew {
      slots[child].effectiveUID = effectiveUID
      slots[child].wasSeenForked = true
    }
    guard let parent = index[key] else { return }
    // Only towards an older node, so that no stream whatever can close a circle.
    guard slots[parent].order < slots[child].order else { return }
    slots[child].parent = key
    if isNew { slots[parent].children += 1 }
  }

  private mutating func add(_ exec: borrowing ExecEvent, of event: DecodedEvent) {
    let slot = slotOf(event.process, event, comm: exec.payload.comm)
    let (line, cut) = ProcessTree.commandLine(of: exec)
    slots[slot].name = exec.payload.comm
    slots[slot].commandLine = line
    slots[slot].isCommandLineCut = cut
    if slots[slot].execs == 0 {
      slots[slot].firstExec = event.timestamp
      if let before = exec.before, !slots[slot].wasSeenForked { slots[slot].firstUID = before.uid }
    }
    slots[slot].execs += 1
    slots[slot].uid = exec.payload.after.uid
    slots[slot].effectiveUID = exec.payload.after.effectiveUID
  }

  private mutating func add(_ exit: ExitPayload, of event: DecodedEvent) {
    let key = event.process
    let slot = slotOf(key, event, comm: exit.comm)
    guard exit.flags.contains(.lastThread), slots[slot].status == nil else { return }
    slots[slot].status = exit.status
    slots[slot].runtime = exit.runtime
    if slots[slot].uid != event.header.uid {
      slots[slot].uid = event.header.uid
      slots[slot].effectiveUID = event.header.uid
    }
    if living[key.pid] == key { living[key.pid] = nil }
    ended.append(key)
    if slots[slot].hasFailed, let parent = slots[slot].parent, let above = index[parent] {
      slots[above].failedChildren += 1
    }
  }

  private static func commandLine(of exec: borrowing ExecEvent) -> (line: [UInt8], cut: Bool) {
    var line: [UInt8] = []
    line.reserveCapacity(min(commandLineLimit, exec.argumentBlock.byteCount + 1))
    var cut = exec.isTruncated
    var arguments = exec.arguments
    while let argument = arguments.next() {
      let room = commandLineLimit - line.count - 1
      if room < argument.byteCount { cut = true }
      if room <= 0 { break }
      for offset in 0..<min(room, argument.byteCount) { line.append(argument.byte(offset)) }
      line.append(0)
    }
    return (line, cut)
  }

  private mutating func slotOf(
    _ key: ProcessKey, _ event: DecodedEvent, comm: TaskComm
  ) -> Int {
    slotOf(key, parentPID: event.header.parentPID, uid: event.header.uid, comm: comm)
  }

  /// The slot of a process, which is made where it wasn't known.
  private mutating func slotOf(
    _ key: ProcessKey, parentPID: UInt32, uid: UInt32, comm: TaskComm
  ) -> Int {
    if let slot = index[key] { return slot }
    makeRoom()
    var process = Process(key: key, parentPID: parentPID, uid: uid, order: nextOrder)
    nextOrder += 1
    process.name = comm
    if let parent = living[parentPID], parent != key { process.parent = parent }
    if let before = living[key.pid], let slot = index[before] { slots[slot].isReplaced = true }
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      slots[slot] = process
    } else {
      slot = slots.count
      slots.append(process)
    }
    index[key] = slot
    living[key.pid] = key
    inserted.append(key)
    if inserted.count > 2 * limit { inserted.keep { index[$0] != nil } }
    return slot
  }

  private mutating func makeRoom() {
    while index.count >= limit {
      guard let key = ended.removeFirst() ?? inserted.removeFirst() else { return }
      guard let slot = index.removeValue(forKey: key) else { continue }
      if living[key.pid] == key { living[key.pid] = nil }
      if keepsDeparted { departed.append(slots[slot]) }
      // What it keeps on the heap goes now, not with the slot's next use.
      slots[slot].commandLine = nil
      freeSlots.append(slot)
      evicted += 1
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
