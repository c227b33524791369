import BPFCKit
package import BPFLoader
import Glibc
public import SequencerABI
public import SequencerCore
public import Sequencer

/// A running capture: the kernel's programs, their ring, and its consumer.
///
/// Life cycle: ``open(_:)`` loads → ``attach()`` → ``begin()`` → drain ``consumer`` → ``end()`` →
/// drain the rest. Whatever way it ends, programs are detached and memory is freed with the
/// process's descriptors, unless the capture is pinned. Single-threaded.
public struct CaptureSession: ~Copyable {
  /// Reads the ring.
  public var consumer: RingConsumer
  /// Wakes a parked consumer.
  public let doorbell: Doorbell
  /// Sizes of the ring.
  public let geometry: RingGeometry
  /// Whether this capture goes on where an earlier process left.
  public let isResumed: Bool

  // Order matters: what is declared first goes first, and attachments go before maps.
  private var links: ProgramLinks
  private let programs: [ProgramSpec]
  private let object: BPFObject?
  private let pins: PinDirectory?
  private let filter: KernelFilter
  private let measuresCoarseClock: Bool
  private let includesSelf: Bool
  /// What consumers before this one had done, and filtered events of before.
  private var journalBefore: ConsumerJournal
  private let filteredBefore: [UInt64]
  private var began: UInt64 = 0
  private var ended: UInt64?
  private var isLeftPinned = false
  private var missedBefore: [(program: String, count: UInt64)] = []
  private var detachedMissed: [(program: String, count: UInt64)]?

  private init(
    consumer: consuming RingConsumer, doorbell: consuming Doorbell, geometry: RingGeometry,
    isResumed: Bool, programs: [ProgramSpec], links: consuming ProgramLinks,
    object: consuming BPFObject?, pins: consuming PinDirectory?, options: CaptureOptions
  ) {
    journalBefore = consumer.journal
    filteredBefore = consumer.account.totals().filtered
    self.consumer = consumer
    self.doorbell = doorbell
    self.geometry = geometry
    self.isResumed = isResumed
    self.programs = programs
    self.links = links
    self.object = object
    self.pins = pins
    filter = options.filter
    includesSelf = options.includesSelf
    measuresCoarseClock = options.timestamps == .coarse
  }

  /// Opens, configures and loads the programs, or finds those of a pinned capture.
  ///
  /// - Throws: one line that says what to do next; nothing is left attached.
  public static func open(_ options: CaptureOptions) throws(CaptureError) -> CaptureSession {
    try DescriptorHeadroom.check()
    guard let cpus = CPUList.possible()?.max().map({ $0 + 1 }) else {
      throw CaptureError(
        "can't read /sys/devices/system/cpu/possible; check that /sys is mounted")
    }
    guard let name = options.pinName else { return try create(options, cpus: cpus, pins: nil) }
    let pins = try PinDirectory.lock(name: name)
    if pins.holdsCapture { return try resume(pins, options, cpus: cpus) }
    return try create(options, cpus: cpus, pins: pins)
  }

  private static func create(
    _ options: CaptureOptions, cpus: Int, pins: consuming PinDirectory?
  ) throws(CaptureError) -> CaptureSession {
    let geometry = try RingSize.geometry(bytes: options.ringBytes, possibleCPUs: cpus)
    let memory = SystemFile.text("/proc/meminfo").flatMap(RingSize.availableMemory)
    try RingSize.check(geometry, available: memory, possibleCPUs: cpus)
    let facts = try KernelFacts(for: options)
    let object = try loadSequencer(options, facts: facts, geometry: geometry, cpus: cpus)
    do {
      let maps = try MappedMaps(
        control: try object.map("control"), ring: try object.map("ring"),
        cpuState: try object.map("cpu_state"), geometry: geometry, cpus: cpus)
      maps.identify(geometry)
      let doorbell = try Doorbell(descriptor: try object.map("doorbell").descriptor)
      return CaptureSession(
        consumer: try maps.consume(geometry), doorbell: doorbell, geometry: geometry,
        isResumed: false, programs: facts.programs, links: ProgramLinks(), object: object,
        pins: pins, options: options)
    } catch {
      throw CaptureError(wrapping: error)
    }
  }

  private static func resume(
    _ pins: consuming PinDirectory, _ options: CaptureOptions, cpus: Int
  ) throws(CaptureError) -> CaptureSession {
    let name = pins.name
    let filter = options.filter
    guard !filter.followsTasks, filter.uids.isEmpty, filter.cgroups.isEmpty, filter.comm == nil,
      options.ringBytes == nil, options.timestamps == nil, options.families == nil,
      options.syscalls == nil
    else {
      throw CaptureError(
        "'\(name)' is a capture that goes on with the events, filters and ring it was started with; "
          + "leave those options out, or use another --pin name")
    }
    do {
      let ring = try PinnedMap(at: "\(pins.path)/ring", name: "ring")
      let control = try PinnedMap(at: "\(pins.path)/control", name: "control")
      let cpuState = try PinnedMap(at: "\(pins.path)/cpu_state", name: "cpu_state")
      let bell = try PinnedMap(at: "\(pins.path)/doorbell", name: "doorbell")
      let slots = UInt64(try ring.map.sizes().valueSize) / UInt64(Slot.size)
      guard
        let geometry = RingGeometry(
          capacity: slots &- (RingGeometry.maxSpan - 1), possibleCPUs: UInt64(cpus)),
        case let states = try cpuState.map.sizes(),
        Int(states.valueSize) * Int(states.maxEntries) == cpus * CPUStateLayout.size
      else {
        throw CaptureError("the ring pinned as '\(name)' has another size than this program makes")
      }
      let maps = try MappedMaps(
        control: control.map, ring: ring.map, cpuState: cpuState.map, geometry: geometry,
        cpus: cpus)
      try maps.check(geometry, name: name)
      let doorbell = try Doorbell(descriptor: bell.map.descriptor)
      var links = ProgramLinks()
      try links.open(in: pins.path)
      return CaptureSession(
        consumer: try maps.consume(geometry), doorbell: doorbell, geometry: geometry,
        isResumed: true, programs: [], links: links, object: nil, pins: pins, options: options)
    } catch {
      throw CaptureError(wrapping: error)
    }
  }

  /// Attaches the programs and marks the tasks that a filter follows. Nothing is delivered before
  /// ``begin()``. A resumed capture is attached already.
  public mutating func attach() throws(CaptureError) {
    consumer.setControlSwitch(
      ControlLayout.selfTGID, includesSelf ? 0 : UInt32(bitPattern: getpid()))
    guard !isResumed else { return }
    do {
      try fillFilters()
      let seeds = !filter.processes.isEmpty || !filter.trees.isEmpty
      // While the iterator walks, new tasks look at their ancestors: none slips between.
      if seeds { consumer.setControlSwitch(ControlLayout.seeding, 1) }
      try attachPrograms()
      if seeds || measuresCoarseClock { try runSeeds() }
      if seeds { consumer.setControlSwitch(ControlLayout.seeding, 0) }
      if pins != nil { try pinAll() }
    } catch {
      links.detach()
      removePins()
      throw CaptureError(wrapping: error)
    }
  }

  private mutating func attachPrograms() throws(BPFError) {
    switch object {
    case .some(let object): try links.attach(object, programs)
    case .none: return
    }
  }

  private func runSeeds() throws(BPFError) {
    switch object {
    case .some(let object): try object.runIterator("seed_tasks")
    case .none: return
    }
  }

  private func map(_ name: String) throws(BPFError) -> BPFMap {
    switch object {
    case .some(let object): return try object.map(name)
    case .none:
      throw BPFError("use", "map \(name)", code: EINVAL, remedy: "start a capture of its own")
    }
  }

  private func fillFilters() throws(BPFError) {
    for process in filter.processes {
      try map("seeds").update(key: UInt32(process), value: UInt32(1))
    }
    for tree in filter.trees { try map("seeds").update(key: UInt32(tree), value: UInt32(2)) }
    for uid in filter.uids { try map("uids").update(key: uid, value: UInt32(1)) }
    for (index, path) in filter.cgroups.enumerated() {
      let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw BPFError(
          "open", "cgroup \(path)", code: errno, remedy: "name a directory of the cgroup2 mount")
      }
      defer { close(descriptor) }
      try map("cgroups").update(key: UInt32(index), value: UInt32(descriptor))
    }
  }

  private func pinAll() throws(any Error) {
    switch pins {
    case .some(let pins):
      try pins.make()
      for name in PinDirectory.maps { try map(name).pin(at: "\(pins.path)/\(name)") }
      try links.pin(in: pins.path)
    case .none: return
    }
  }

  /// Follows a task that exists, e.g. a command that waits to be let go: it, its threads and all its
  /// descendants from now on.
  ///
  /// - Parameter process: a descriptor from pidfd_open().
  /// - Throws: if the kernel has no memory for the mark.
  public func follow(_ process: Int32) throws(CaptureError) {
    do {
      var state = kit_task_state()
      state.follow = 2  // the tree: FollowMode.tree of BPF/Kit
      try map("tasks").update(key: process, value: state)
      consumer.addFollowed(1)
    } catch {
      throw CaptureError(wrapping: error)
    }
  }

  /// Begins delivery, for all programs at the same moment.
  public mutating func begin() throws(CaptureError) {
    do { missedBefore = isResumed ? [] : try links.missed() } catch {
      throw CaptureError(wrapping: error)
    }
    began = monotonicNow()
    consumer.setControlSwitch(ControlLayout.enabled, 1)
  }

  /// Ends delivery, for all programs at the same moment, and waits until none runs any more.
  /// What they published is still to be drained.
  ///
  /// - Parameter leavesPinned: keep a pinned capture going for a successor.
  public mutating func end(leavesPinned: Bool = false) {
    guard ended == nil else { return }
    if leavesPinned && pins != nil {
      ended = monotonicNow()
      isLeftPinned = true
      // The number may be another process's by the time a successor comes.
      consumer.setControlSwitch(ControlLayout.selfTGID, 0)
      return
    }
    consumer.setControlSwitch(ControlLayout.enabled, 0)
    ended = monotonicNow()
    waitForPrograms()
    detachedMissed = try? links.missed()
    links.detach()
    removePins()
  }

  private func removePins() {
    switch pins {
    case .some(let pins): pins.remove()
    case .none: return
    }
  }

  /// Where the file that a pinned capture is recorded to is noted; nil for one that isn't pinned.
  public var recordingTrail: RecordingTrail? {
    switch pins {
    case .some(let pins): RecordingTrail(name: pins.name)
    case .none: nil
    }
  }

  /// The ring's own number, drawn when it was made.
  public var epoch: UInt64 { consumer.controlWord(ControlLayout.epoch) }

  /// Goes on behind what an earlier consumer has kept beyond what it gave back.
  ///
  /// - Parameter kept: what that one had done, e.g. as its recording tells it.
  /// - Throws: if the ring holds no such position; then nothing has changed.
  public mutating func goOn(behind kept: ConsumerJournal) throws(SequencerError) {
    try consumer.skip(to: kept)
    journalBefore = consumer.journal
  }

  /// Runs of the attached programs and their time, as ``BPFLoader/BPFProgram/runs()`` tells it.
  package func runs() throws(BPFError) -> [(program: String, runs: BPFRuns)] { try links.runs() }

  /// Tasks that a filter follows and that are alive; nil where none is followed.
  public var followedTasks: UInt64? {
    filter.followsTasks ? consumer.controlWord(ControlLayout.followed) : nil
  }

  /// The figures of the run so far, at any time after ``begin()``; exact at rest, that is after
  /// ``end(leavesPinned:)`` and a last drain. Nothing is reset by reading.
  ///
  /// To be called between drains, by the thread that drains; the value may go to any other.
  ///
  /// - Throws: if the kernel does not tell of the programs.
  public func figures() throws(CaptureError) -> CaptureFigures {
    var missed: [(program: String, count: UInt64)]
    do { missed = try detachedMissed ?? links.missed() } catch {
      throw CaptureError(wrapping: error)
    }
    for (index, entry) in missed.enumerated() {
      if let before = missedBefore.first(where: { $0.program == entry.program }) {
        missed[index].count = entry.count &- before.count
      }
    }
    // What was handed out before what was lost, and what was offered last: see CaptureFigures.
    let journal = consumer.journal
    var lostByCPU: [Int: [UInt64]] = [:]
    var totals = consumer.account.totals { cpu, lost in
      if !isResumed && !isLeftPinned && lost.contains(where: { $0 > 0 }) { lostByCPU[cpu] = lost }
    }
    let sinceMade = totals
    for family in 0..<EventFamily.count {
      // What is not told yet stays for the successor to tell.
      if isLeftPinned { totals.lost[family] = journal.lostTold[family] }
      totals.lost[family] &-= journalBefore.lostTold[family]
      totals.filtered[family] &-= filteredBefore[family]
    }
    let accountedBefore = journalBefore.records &+ journalBefore.lostTotal
    let offered =
      isLeftPinned ? journal.records &+ journal.lostTotal : totals.offered.reduce(0, &+)
    return CaptureFigures(
      totals: totals, sinceMade: sinceMade, offered: offered &- accountedBefore,
      handedOut: journal.records &- journalBefore.records,
      told: journal.lostTotal &- journalBefore.lostTotal, lostByCPUAndFamily: lostByCPU,
      missed: missed, followFailures: consumer.controlWord(ControlLayout.followFailures),
      began: began, ended: ended)
  }
}
