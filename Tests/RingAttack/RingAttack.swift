public import AttackCKit
import AttackObjects
import BPFCKit
import BPFLoader
import Capture
import Sequencer
import SequencerABI
import TestSupport

/// What an attack does.
public struct AttackSettings: Sendable {
  /// The user whose system calls are events and whose processes are counted.
  public var uid: UInt32 = 54_777
  /// The system call that is an event; by default getpriority(), which nobody makes by chance.
  public var call: UInt32 = AttackSettings.getpriority
  /// The one whose event is stalled inside its slot.
  public var lingeringCall: UInt32 = AttackSettings.schedGetPriorityMax
  /// How long it is stalled at most, ns; see ``RingAttack/release(cpu:)``. With 0 it is no event.
  public var linger: UInt64 = 0
  /// Whether softirqs and timers are events as well, on top of the tasks' events.
  public var nests = false

  /// The defaults.
  public init() {}

  #if arch(x86_64)
    public static let getpriority: UInt32 = 140
    public static let schedGetPriorityMax: UInt32 = 146
  #else
    // include/uapi/asm-generic/unistd.h
    public static let getpriority: UInt32 = 141
    public static let schedGetPriorityMax: UInt32 = 125
  #endif
}

/// Programs of our own that write self-describing events into the ring of a running capture, and what
/// they count by themselves. They are detached when the value goes.
public struct RingAttack: ~Copyable {
  private let object: BPFObject
  private let links: Links
  private let state: MappedRegion
  /// Possible CPUs.
  public let cpuCount: Int
  /// Slots of the ring.
  public let capacity: UInt64

  private struct Links: ~Copyable {
    var call: BPFLink?
    var stall: BPFLink?
    var timer: BPFLink?
    var softirq: BPFLink?
    var fork: BPFLink?
    var exec: BPFLink?
    var exit: BPFLink?
  }

  /// Loads the programs onto the maps of the one capture that process `pid` holds, and attaches them.
  /// They act from the moment that the capture begins.
  public init(on pid: Int32, _ settings: AttackSettings) throws {
    let object = try BPFObject(opening: AttackObjects.attack.bytes(), name: "attack")
    var found: Set<String> = []
    var sizes: (capacity: UInt64, highWater: UInt64)?
    var cpus: UInt32 = 0
    for id in KernelObjectIDs(of: pid).maps.sorted() {
      let foreign = try ForeignMap(id: id)
      let map = foreign.map
      guard ["control", "ring", "cpu_state", "doorbell"].contains(map.name) else { continue }
      guard found.insert(map.name).inserted else {
        throw SupportError("process \(pid) holds two maps '\(map.name)'")
      }
      try object.reuse(map, as: map.name)
      if map.name == "cpu_state" {
        cpus = try map.sizes().valueSize / UInt32(CPUStateLayout.size)
      }
      if map.name == "control" {
        let control = try MappedRegion(descriptor: map.descriptor, byteCount: ControlLayout.size)
        let word = { (offset: Int) in
          unsafe control.base.load(fromByteOffset: offset, as: UInt64.self)
        }
        let capacity = word(ControlLayout.capacity)
        sizes = (capacity, capacity - word(ControlLayout.reserve))
      }
    }
    guard found.count == 4, let sizes else {
      throw SupportError("process \(pid) holds no capture, only \(found)")
    }
    try object.configure(section: ".rodata.config", as: kit_config.self) { config in
      config.capacity = sizes.capacity
      config.high_water = sizes.highWater
      config.cpus = cpus
      config.timestamps = 1
    }
    try object.configure(section: ".rodata.attack", as: attack_config.self) { config in
      config.uid = settings.uid
      config.call = settings.call
      config.lingering_call = settings.lingeringCall
      config.linger_ns = settings.linger
    }
    try object.resize(map: "attack_state", maxEntries: cpus)
    let functions =
      ProgramPreemption.isPossible ? ProgramPreemption.functionIDs(try KernelBTF()) : []
    try object.load(direct: directMaps, kernelFunctions: functions ?? [])
    let state = try MappedRegion(
      descriptor: try object.map("attack_state").descriptor,
      byteCount: Int(cpus) * MemoryLayout<attack_cpu>.stride)
    var links = Links()
    links.fork = try object.attach("witness_fork")
    links.exec = try object.attach("witness_exec")
    links.exit = try object.attach("witness_exit")
    links.call = try object.attach("attack_by_call")
    if settings.linger > 0 { links.stall = try object.attach("attack_by_stall") }
    if settings.nests {
      links.softirq = try object.attach("attack_by_softirq")
      links.timer = try object.attach("attack_by_timer")
    }
    cpuCount = Int(cpus)
    capacity = sizes.capacity
    self.state = state
    self.object = object
    self.links = links
  }

  /// What a CPU's programs counted so far.
  public func counts(cpu: Int) -> attack_cpu {
    precondition(cpu >= 0 && cpu < cpuCount)
    return unsafe state.base.load(
      fromByteOffset: cpu * MemoryLayout<attack_cpu>.stride, as: attack_cpu.self)
  }

  /// Lets a stalled event of a CPU go on, and every later one at once.
  public func release(cpu: Int) {
    precondition(cpu >= 0 && cpu < cpuCount)
    // A word of its own, that the programs only read.
    unsafe state.base.storeBytes(
      of: 1,
      toByteOffset: cpu * MemoryLayout<attack_cpu>.stride
        + MemoryLayout<attack_cpu>.offset(of: \.release)!, as: UInt64.self)
  }

  /// Runs that the kernel skipped because the program was already running on that CPU; each is an event
  /// that nobody counted but the kernel.
  public func missed() throws -> UInt64 {
    try missed(links.call) + missed(links.stall) + missed(links.timer) + missed(links.softirq)
      + missed(links.fork) + missed(links.exec) + missed(links.exit)
  }

  private func missed(_ link: borrowing BPFLink?) throws -> UInt64 {
    switch link {
    case .some(let link): return try link.missed()
    case .none: return 0
    }
  }
}
