import BPFLoader
import CSequencerAtomics
import Glibc
public import Sequencer
import SequencerABI
import SequencerCore

/// The state of a pinned ring, read while producers and a consumer go on: each figure is what it was at
/// some moment of the reading, the cursor last.
public struct PinnedState: Sendable {
  /// The name it is pinned under.
  public let name: String
  /// Layout version of the ring; the rest is known only where it is this program's own.
  public let version: UInt32
  /// The process that reads it; nil where none does.
  public internal(set) var reader: Int32?
  /// The file it is or was recorded to; nil where it wasn't.
  public internal(set) var recording: String?
  /// Programs attached.
  public internal(set) var programs = 0
  /// Slots of the ring, and those in use above which the gate closes.
  public internal(set) var capacity: UInt64 = 0
  public internal(set) var highWater: UInt64 = 0
  /// The next ticket, and up to which tickets records were handed out.
  public internal(set) var cursor: UInt64 = 0
  public internal(set) var position: UInt64 = 0
  /// Whether events are delivered, whether the gate is closed, whether the ring was damaged.
  public internal(set) var isEnabled = false
  public internal(set) var isGateClosed = false
  public internal(set) var isPoisoned = false
  /// Records handed out, losses told in the stream.
  public internal(set) var handedOut: UInt64 = 0
  public internal(set) var told: UInt64 = 0
  /// Sums of the per-CPU counters since the ring was made.
  public internal(set) var totals = AccountTotals()
  /// Runs that the kernel skipped, by program.
  public internal(set) var missed: [(program: String, count: UInt64)] = []
  /// The CPU that holds the record the reader would read next and has not published it.
  public internal(set) var claimant: UInt32?
  /// Whether that record is published.
  public internal(set) var isReady = false

  /// Tickets claimed and not handed out.
  public var backlog: UInt64 { cursor &- position }
  /// Whether the rest is known: the ring has this program's layout.
  public var isKnown: Bool { version == abiVersion }

  init(name: String, version: UInt32) {
    self.name = name
    self.version = version
  }
}

/// The captures that are pinned in bpffs.
public enum PinnedCaptures {
  /// Their names, in order; none where nothing is pinned.
  ///
  /// - Throws: if bpffs can't be looked into.
  public static func names() throws(CaptureError) -> [String] {
    guard let mount = MountTable.current()?.mountPoint(ofType: "bpf") else { return [] }
    let names = try entries(of: "\(mount)/ordinal")
    return names.filter { unsafe access("\(mount)/ordinal/\($0)/control", F_OK) == 0 }
  }

  /// The names in a directory, in order; none where it isn't there.
  static func entries(of path: String) throws(CaptureError) -> [String] {
    guard let listing = unsafe opendir(path) else {
      if errno == ENOENT { return [] }
      throw CaptureError(
        "can't look into \(path): \(unsafe String(cString: strerror(errno))); run as root")
    }
    defer { unsafe closedir(listing) }
    var names: [String] = []
    while let entry = unsafe readdir(listing) {
      // The name is NUL-terminated inside the entry.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Looks at a pinned ring; changes nothing, and needs no lock.
  ///
  /// - Throws: if there is none of this name, or it can't be opened.
  public static func state(of name: String) throws(CaptureError) -> PinnedState {
    let path = try directory(of: name)
    do {
      let control = try PinnedMap(at: "\(path)/control", name: "control")
      let region = try MappedRegion(
        descriptor: control.map.descriptor, byteCount: ControlLayout.size, isWritable: false)
      func word(_ offset: Int) -> UInt64 { unsafe seq_load_u64(region.base + offset) }
      func switchWord(_ offset: Int) -> UInt32 { unsafe seq_load_u32(region.base + offset) }
      guard word(ControlLayout.magic) == ControlLayout.magicValue else {
        throw CaptureError(
          "what is pinned as '\(name)' is not a ring of Ordinal; remove \(path) if it is yours")
      }
      var state = PinnedState(name: name, version: switchWord(ControlLayout.version))
      state.reader = PinDirectory.holder(of: name)
      state.recording = RecordingTrail(name: name).path
      let links = try entries(of: path).filter { $0.hasPrefix("link_") }
      state.programs = links.count
      guard state.isKnown else { return state }
      state.capacity = word(ControlLayout.capacity)
      state.highWater = state.capacity &- word(ControlLayout.reserve)
      state.isEnabled = switchWord(ControlLayout.enabled) != 0
      state.isGateClosed = switchWord(ControlLayout.gate) != 0
      state.isPoisoned = switchWord(ControlLayout.poisoned) != 0
      let journal = unsafe ConsumerJournal(reading: region.base)
      state.position = journal.position
      state.handedOut = journal.records
      state.told = journal.lostTotal
      try readAccount(path, &state)
      try readSlot(path, &state)
      for link in links {
        let program = String(link.dropFirst("link_".count))
        state.missed.append((program, try BPFLink(pinnedAt: "\(path)/\(link)").missed()))
      }
      state.cursor = word(ControlLayout.cursor)
      return state
    } catch {
      throw CaptureError(wrapping: error)
    }
  }

  private static func readAccount(_ path: String, _ state: inout PinnedState) throws {
    let map = try PinnedMap(at: "\(path)/cpu_state", name: "cpu_state")
    let sizes = try map.map.sizes()
    let cpus = Int(sizes.valueSize) * Int(sizes.maxEntries) / CPUStateLayout.size
    let region = try MappedRegion(
      descriptor: map.map.descriptor, byteCount: cpus * CPUStateLayout.size, isWritable: false)
    state.totals = CPUAccount(region: region, cpuCount: cpus).totals()
  }

  /// Looks at the slot that is read next: who holds it, if it isn't published.
  private static func readSlot(_ path: String, _ state: inout PinnedState) throws {
    let map = try PinnedMap(at: "\(path)/ring", name: "ring")
    let bytes = UInt64(try map.map.sizes().valueSize)
    guard state.capacity > 0, state.capacity & (state.capacity &- 1) == 0,
      state.capacity <= bytes / UInt64(Slot.size)
    else { return }
    let region = try MappedRegion(
      descriptor: map.map.descriptor, byteCount: Int(bytes), isWritable: false)
    // Inside: the mask keeps it below the capacity, which the map has room for.
    let word = unsafe seq_load_acquire_u64(
      region.base + Int(state.position & (state.capacity &- 1)) * Slot.size)
    state.isReady = word == state.position &+ 1
    state.claimant = ClaimMark.cpu(in: word, sequence: state.position &+ 1)
  }

  /// Ends a pinned capture, whatever program's it was: programs are detached, pins removed.
  ///
  /// What nobody has read is gone then.
  ///
  /// - Returns: the state just before.
  /// - Throws: if there is none of this name, or a process reads it.
  public static func detach(_ name: String) throws(CaptureError) -> PinnedState {
    _ = try directory(of: name)
    let pins = try PinDirectory.lock(name: name)
    let state = try state(of: name)
    pins.remove()
    return state
  }

  private static func directory(of name: String) throws(CaptureError) -> String {
    try PinDirectory.check(name)
    let known = try names()
    guard known.contains(name),
      let mount = MountTable.current()?.mountPoint(ofType: "bpf")
    else {
      throw CaptureError(
        "nothing is pinned as '\(name)'; "
          + (known.isEmpty
            ? "nothing is pinned at all" : "there are: \(known.joined(separator: ", "))"))
    }
    return "\(mount)/ordinal/\(name)"
  }
}
