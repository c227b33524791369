package import BPFLoader
package import Capture
import CEvaluation
import CLibBPF
import EvaluationCKit
import EvaluationObjects
import Glibc
import Sequencer
import SequencerABI

/// How the evaluation's object is loaded.
package struct EventOptions: Sendable {
  /// Bytes of the payload: 8, 56, 120 or 248.
  package var payload = 56
  /// Whether events carry the moment they were made, ns of `CLOCK_MONOTONIC`.
  package var isStamped = false
  /// Bytes of the buffers, all CPUs together: a power of two.
  package var bytes: UInt64 = 4 << 20
  /// Events that are attached to; none: events come from ``EventSource/loop`` alone.
  package var events: Set<KernelEvent> = []
  /// CPUs that share a ringbuf where there are several: a power of two.
  package var cpusPerShard = 2
  /// Flags of `bpf_ringbuf_submit()`: 0 wakes a consumer that has caught up, `BPF_RB_NO_WAKEUP` (1) none.
  package var submitFlags: UInt64 = 0
  /// How long the sequencer's parked consumer naps between the batches of a stream, ns: nil as it does for
  /// users, by the stream's rate; 0 not at all, every event rings.
  package var nap: Int?
  /// The NUMA node that the sequencer's slots lie on; nil: the kernel's choice.
  package var node: Int?
  /// The clock of records of 128 bytes.
  package var timestamps = TimestampSource.none
  /// The payloads that there are.
  package static let payloads = [8, 56, 120, 248]
  /// What a sequencer or ringbuf of the default size offers.
  package init() {}
}

/// A kernel event that the evaluation's object can be attached to.
package enum KernelEvent: String, CaseIterable, Sendable {
  case fork = "eval_fork"
  case exec = "eval_exec"
  case exit = "eval_exit"
  case leave = "eval_switch"
  case call = "eval_enter"
  /// A program that does nothing, at the begin of every system call.
  case empty = "eval_empty"
  // Records of 128 bytes, as the product's families have them.
  case familyEnter = "eval_family_enter"
  case familyExit = "eval_family_exit"
  case familySwitch = "eval_family_switch"
  case familyWaking = "eval_family_waking"

  /// The family whose fields of the kernel its program reads.
  var family: EventFamily? {
    switch self {
    case .familyEnter, .familyExit: .syscall
    case .familySwitch, .familyWaking: .scheduler
    default: nil
    }
  }
}

/// The evaluation's object, loaded and attached: where events come from.
///
/// Owns all of it; a consumer of the transport borrows maps. Not thread-safe but for ``loop``.
package final class EventSource {
  /// The ring of the object; it is the smallest possible where the transport is another.
  package var ring: ProgramRing
  /// Sends events in a loop inside the kernel, from any thread.
  package let loop: EventLoop
  /// What it was loaded with.
  package let options: EventOptions
  private let cpus: MappedRegion
  private let cpuCount: Int

  /// Loads the object for a transport and attaches what `options` say; events are offered from
  /// ``EventTransport/begin()`` on.
  package static func open(_ transport: Transport, _ options: EventOptions) throws -> EventSource {
    try open(transport.kind, loop: transport.loop, options)
  }

  /// Loads the object for a control: a loop that sends nothing anywhere.
  package static func open(_ control: Control, _ options: EventOptions) throws -> EventSource {
    try open(control.kind, loop: control.loop, options)
  }

  /// Loads the object with the loop of an experiment, a program of BPF/Evaluation/Programs with the
  /// section `raw_tp/sys_enter` that needs no consumer.
  package static func open(experiment loop: String, _ options: EventOptions) throws -> EventSource {
    try open(EVAL_BARE, loop: loop, options)
  }

  /// Loads the object for `kind` with `loop` as its loop.
  ///
  /// - Parameters:
  ///   - kind: what the configuration says, and which buffers get their size.
  ///   - loop: the program's name.
  ///   - options: as for a transport.
  /// - Returns: the source, not yet begun.
  /// - Throws: one line that says what to do next; nothing is left attached.
  private static func open(
    _ kind: eval_transport, loop: String, _ options: EventOptions
  ) throws -> EventSource {
    guard EventOptions.payloads.contains(options.payload) else {
      throw EvaluationError(
        "a payload of \(options.payload) bytes can't be measured; use 8, 56, 120 or 248")
    }
    guard let possible = CPUList.possible()?.max().map({ $0 + 1 }) else {
      throw EvaluationError(
        "can't read /sys/devices/system/cpu/possible; check that /sys is mounted")
    }
    let types = try KernelBTF()
    let slots = try RingSize.geometry(bytes: options.bytes, possibleCPUs: possible)
    let usesRing = kind == EVAL_SEQUENCER
    let attached = KernelEvent.allCases.filter { options.events.contains($0) }.map(\.rawValue)
    let families = Set(options.events.compactMap(\.family)).union([.process])
    let shift = options.cpusPerShard.trailingZeroBitCount
    let ring = try ProgramRing.open(
      EvaluationObjects.evaluation.bytes(), name: "evaluation", programs: attached,
      ringBytes: usesRing || kind == EVAL_BARE ? options.bytes : smallestRing(possible),
      timestamps: options.timestamps, families: families, direct: ["counters", "bare"]
    ) { object throws(BPFError) in
      for program in object.programNames where program != loop && !attached.contains(program) {
        try object.skip(program: program)
      }
      try object.resize(map: "cpus", maxEntries: UInt32(possible))
      if let node = options.node { try object.place(map: "ring", onNode: UInt32(node)) }
      switch kind {
      case EVAL_RINGBUF: try object.resize(map: "ringbuf", maxEntries: UInt32(options.bytes))
      case EVAL_BARE: try object.resize(map: "bare", valueSize: UInt32(slots.byteCount))
      case EVAL_RINGBUF_TIME, EVAL_RINGBUF_TICKET:
        try object.resize(map: "shards", maxEntries: UInt32((possible - 1) >> shift + 1))
      default: break
      }
      let start = try types.taskField("start_time")
      let tgid = try types.taskField("tgid")
      let tid = try types.taskField("pid")
      try object.configure(section: ".rodata.evaluation", as: eval_config.self) { config in
        config.transport = kind.rawValue
        config.payload = UInt32(options.payload)
        config.stamp = options.isStamped || kind == EVAL_RINGBUF_TIME ? 1 : 0
        config.shard_shift = UInt32(shift)
        config.call = UInt32(evaluation_event_call())
        config.call_argument = UInt32(evaluation_argument_offset())
        config.flags = options.submitFlags
        config.task_start = start
        config.task_tgid = tgid
        config.task_tid = tid
      }
    }
    let loop = EventLoop(program: try ring.object.program(loop))
    let cpus = try MappedRegion(
      descriptor: try ring.object.map("cpus").descriptor,
      byteCount: possible * MemoryLayout<eval_cpu>.stride)
    return EventSource(ring: ring, loop: loop, options: options, cpus: cpus, cpuCount: possible)
  }

  private init(
    ring: consuming ProgramRing, loop: EventLoop, options: EventOptions,
    cpus: consuming MappedRegion, cpuCount: Int
  ) {
    self.ring = ring
    self.loop = loop
    self.options = options
    self.cpus = cpus
    self.cpuCount = cpuCount
  }

  /// Whose calls and switches are events, whether forks, execs and exits are, and how long a call's
  /// program stays between claim and publish, ns.
  package func aim(process: UInt32 = 0, atProcesses: Bool = false, linger: UInt64 = 0)
    throws(BPFError)
  {
    try ring.update(
      map: "target", key: UInt32(0),
      value: eval_target(tgid: process, events: atProcesses ? 1 : 0, linger: linger))
  }

  /// Leaves out what this process does itself: of records of 128 bytes only.
  package func excludeSelf() {
    ring.consumer.setControlSwitch(ControlLayout.selfTGID, UInt32(bitPattern: getpid()))
  }

  /// Runs of an attached program and their time.
  package func runs(of event: KernelEvent) throws(BPFError) -> BPFRuns {
    try ring.object.program(event.rawValue).runs()
  }

  /// Events that programs tried to send (loops do not count theirs); by the programs' own count.
  package func offered() -> UInt64 { sum(\.offered) }

  /// Events that a ringbuf refused, by the programs' own count.
  package func refused() -> UInt64 { sum(\.dropped) }

  private func sum(_ field: KeyPath<eval_cpu, UInt64>) -> UInt64 {
    var sum: UInt64 = 0
    for cpu in 0..<cpuCount {
      // Counters of other CPUs: aligned words, read one by one.
      let state = unsafe cpus.base.load(
        fromByteOffset: cpu * MemoryLayout<eval_cpu>.stride, as: eval_cpu.self)
      sum &+= state[keyPath: field]
    }
    return sum
  }

  private static func smallestRing(_ cpus: Int) -> UInt64 {
    RingGeometry.minimumCapacity(possibleCPUs: UInt64(cpus)) * UInt64(Slot.size)
  }
}

/// Sends events in a loop inside the kernel.
package struct EventLoop: Sendable {
  let program: BPFProgram

  /// Sends `count` events numbered from `first`, in the calling thread, on its CPU.
  ///
  /// Preemption is off meanwhile: keep a call below some ten thousand events.
  package func send(_ count: Int, from first: UInt64 = 0) throws(BPFError) {
    try program.run(arguments: [UInt64(count), first])
  }
}

extension KernelBTF {
  func taskField(_ name: String) throws(BPFError) -> UInt32 {
    do {
      return UInt32(try offset(of: name, in: "task_struct").byteOffset)
    } catch {
      throw BPFError(
        "find", "task_struct.\(name)", code: ENOENT, remedy: "run `ordinal doctor`: \(error)")
    }
  }
}

/// What a measurement can't go on with; the text says what to do.
package struct EvaluationError: Error, CustomStringConvertible, Sendable {
  /// One line.
  package let description: String
  /// An error with this text.
  package init(_ description: String) { self.description = description }
}
