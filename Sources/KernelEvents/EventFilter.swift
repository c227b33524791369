public import SequencerABI

/// Which events of a stream are wanted, judged in this process: for recordings, as `KernelFilter` is for
/// running captures and by the same rules.
///
/// Processes and trees are alternatives of one another; the kinds of filter are joined by "and". An event of
/// two tasks passes if one of them passes all kinds; of the second one a record tells neither uid nor cgroup, so
/// that filters of these judge the first. It follows trees, so it is shown every event in order. Memory is
/// bounded: of the ended processes of a tree it remembers the last 65 536.
public struct EventFilter {
  /// Families wanted; nil: all there are.
  public var families: Set<EventFamily>?
  /// System calls that the family syscall tells, by name; empty: all.
  public var syscalls: Set<String> {
    get { calls.names }
    set { calls = Calls(names: newValue) }
  }
  private var calls = Calls(names: [])

  /// System calls by name, and by number once for all: a name would be made for each event.
  private struct Calls {
    let names: Set<String>
    /// By the raw value of a ``SyscallABI``.
    let numbers: [Set<UInt32>]

    init(names: Set<String>) {
      self.names = names
      numbers = SyscallABI.allCases.map { abi in Set(names.compactMap { abi.number(of: $0) }) }
    }
  }
  /// Processes, by id.
  public var processes: Set<UInt32> = []
  /// Processes with all their descendants, by id.
  public var trees: Set<UInt32> = []
  /// Real uids.
  public var uids: Set<UInt32> = []
  /// cgroups with all below them, as paths from the hierarchy's root.
  public var cgroups: [[UInt8]] = []
  /// Names of tasks.
  public var comms: [CommGlob] = []

  private var followed: Set<ProcessKey> = []
  /// The living process of each followed pid.
  private var living: [UInt32: ProcessKey] = [:]
  private var ended: [ProcessKey] = []
  private var nextEnded = 0
  private static var endedLimit: Int { 65_536 }
  /// The kernel's own PID_MAX_LIMIT: no process has a higher one.
  private static var pidLimit: UInt32 { 4_194_304 }

  /// A filter that passes everything.
  public init() {}

  /// Whether it looks at cgroups, so that their paths must be known.
  public var needsCgroups: Bool { !cgroups.isEmpty }

  /// Judges the next event of the stream.
  ///
  /// - Parameters:
  ///   - event: every event of the stream, in order.
  ///   - cgroup: the path of the event's cgroup; asked for only where ``needsCgroups``.
  /// - Returns: whether it is wanted.
  public mutating func passes(_ event: DecodedEvent, cgroup: () -> [UInt8]?) -> Bool {
    if !trees.isEmpty { follow(event) }
    if let families, !families.contains(event.family) { return false }
    let header = event.header
    if !calls.names.isEmpty, event.family == .syscall {
      let call = event.systemCall
      if !calls.numbers[Int(call.abi.rawValue)].contains(call.number) { return false }
    }
    if passesTask(header.pid, event.process, comm: event.comm),
      uids.isEmpty || uids.contains(header.uid), cgroups.isEmpty || isInside(cgroup())
    {
      return true
    }
    // One of the two must pass all kinds. Of the second one a record tells no uid and no cgroup.
    guard uids.isEmpty, cgroups.isEmpty, let other = event.otherProcess else { return false }
    if comms.isEmpty { return isWanted(other.pid, other) }
    guard let comm = event.otherComm else { return false }
    return passesTask(other.pid, other, comm: comm)
  }

  private func isWanted(_ pid: UInt32, _ process: ProcessKey) -> Bool {
    processes.isEmpty && trees.isEmpty || processes.contains(pid) || followed.contains(process)
  }

  private func passesTask(_ pid: UInt32, _ process: ProcessKey, comm: RawSpan) -> Bool {
    guard isWanted(pid, process) else { return false }
    if comms.isEmpty { return true }
    for glob in comms where glob.matches(comm) { return true }
    return false
  }

  private func isInside(_ path: [UInt8]?) -> Bool {
    path.map { path in cgroups.contains { path.isAtOrBelow($0) } } ?? false
  }

  /// Notes what belongs to a tree: by its pid, by a fork that was seen, or by its parent where it wasn't.
  private mutating func follow(_ event: DecodedEvent) {
    let key = event.process
    if let before = living[key.pid], before.start < key.start {
      // Its end was not seen, and the pid is another's now: that one's children are not its own.
      retire(before)
    }
    if !followed.contains(key) {
      let isRoot = trees.contains(key.pid) && living[key.pid] == nil
      let isChild = living[event.header.parentPID].map { $0.start <= key.start } ?? false
      if isRoot || isChild { insert(key) }
    }
    guard followed.contains(key) else { return }
    if let fork = event.fork, !fork.isThread { insert(fork.child) }
    if let exit = event.exit, exit.flags.contains(.lastThread) { retire(key) }
  }

  private mutating func insert(_ key: ProcessKey) {
    guard key.pid <= EventFilter.pidLimit else { return }
    if let before = living[key.pid], before != key { retire(before) }
    followed.insert(key)
    living[key.pid] = key
  }

  /// The process ended; its tail may still come.
  private mutating func retire(_ key: ProcessKey) {
    if living[key.pid] == key { living[key.pid] = nil }
    if ended.count < EventFilter.endedLimit {
      ended.append(key)
      return
    }
    followed.remove(ended[nextEnded])
    ended[nextEnded] = key
    nextEnded = (nextEnded + 1) % EventFilter.endedLimit
  }
}

extension DecodedEvent {
  /// The process of the second task of an event that two have a part in; nil for others.
  public var otherProcess: ProcessKey? {
    guard let other = EventLayout.of(kind)?.otherTask else { return nil }
    return ProcessKey(
      pid: payload.value(at: other.pid, as: UInt32.self),
      start: payload.value(at: other.start, as: UInt64.self))
  }
}

extension [UInt8] {
  /// Whether a path is `ancestor` or lies below it.
  fileprivate func isAtOrBelow(_ ancestor: [UInt8]) -> Bool {
    let slash = UInt8(ascii: "/")
    if ancestor == [slash] { return first == slash }
    return starts(with: ancestor) && (count == ancestor.count || self[ancestor.count] == slash)
  }
}
