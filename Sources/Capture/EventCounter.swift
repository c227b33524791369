public import BPFLoader
import KernelObjects

/// An independent witness: counts forks, execs and exits of the whole machine per CPU, in programs
/// that share nothing with the sequencer. For tests and benchmarks that must know what was offered.
public struct EventCounter: ~Copyable {
  /// What was counted.
  public struct Counts: Equatable, Sendable {
    /// clone(), fork() and vfork() calls that made a task (without the kernel's own io workers).
    public var forks: UInt64 = 0
    /// Execs that succeeded.
    public var execs: UInt64 = 0
    /// Tasks that ended.
    public var exits: UInt64 = 0
    /// Zeroes.
    public init() {}
  }

  private let object: BPFObject
  private let fork: BPFLink
  private let exec: BPFLink
  private let exit: BPFLink
  private let cpuCount: Int

  private init(
    object: consuming BPFObject, fork: consuming BPFLink, exec: consuming BPFLink,
    exit: consuming BPFLink, cpuCount: Int
  ) {
    self.object = object
    self.fork = fork
    self.exec = exec
    self.exit = exit
    self.cpuCount = cpuCount
  }

  /// Loads and attaches the counters; they count until the value goes.
  public static func start() throws(BPFError) -> EventCounter {
    let object = try BPFObject(opening: KernelObjects.counter.bytes(), name: "counter")
    try object.load()
    let fork = try object.attach("count_fork")
    let exec = try object.attach("count_exec")
    let exit = try object.attach("count_exit")
    return EventCounter(
      object: object, fork: fork, exec: exec, exit: exit,
      cpuCount: (CPUList.possible()?.max() ?? 0) + 1)
  }

  /// The counts so far, summed over all CPUs; monotonic.
  public func counts() throws(BPFError) -> Counts {
    let map = try object.map("counts")
    var counts = Counts()
    counts.forks = try map.lookupPerCPU(key: 0, possibleCPUs: cpuCount).reduce(0, +)
    counts.execs = try map.lookupPerCPU(key: 1, possibleCPUs: cpuCount).reduce(0, +)
    counts.exits = try map.lookupPerCPU(key: 2, possibleCPUs: cpuCount).reduce(0, +)
    return counts
  }
}
