public import SequencerABI

/// The clock of the events' timestamps.
public enum TimestampSource: String, Sendable, CaseIterable {
  /// `CLOCK_MONOTONIC`, read for each event.
  case precise
  /// `CLOCK_MONOTONIC` in steps of a scheduler tick: cheaper.
  case coarse
  /// None: the sequence alone orders.
  case none
}

/// Which events the kernel's programs pass on; the rest is counted as filtered.
///
/// Processes and trees are alternatives of one another; the kinds of filter are joined by "and".
public struct KernelFilter: Sendable {
  /// Processes, by id in the initial pid namespace.
  public var processes: [Int32] = []
  /// Processes with all their descendants.
  public var trees: [Int32] = []
  /// Follow tasks at all, e.g. a command that is marked later (``CaptureSession/follow(_:)``).
  public var followsCommand = false
  /// Real uids.
  public var uids: [UInt32] = []
  /// cgroup v2 directories.
  public var cgroups: [String] = []
  /// A name or the start of one: `comm & mask == value`, bit by bit.
  public var comm: (value: TaskComm, mask: TaskComm)?

  /// A filter that passes everything.
  public init() {}

  var followsTasks: Bool { followsCommand || !processes.isEmpty || !trees.isEmpty }
}

/// System calls by their numbers: of 64-bit callers, and of 32-bit ones.
public struct SyscallSelection: Sendable, Equatable {
  /// Numbers of the machine's own table.
  public var native: [UInt32] = []
  /// Numbers of 32-bit programs' table, where the kernel runs such.
  public var compat: [UInt32] = []

  /// Nothing selected.
  public init() {}
}

/// How a capture is set up.
public struct CaptureOptions: Sendable {
  /// The families of events; nil: processes, or what a pinned capture was started with. Programs of
  /// others are not loaded.
  public var families: Set<EventFamily>?
  /// The system calls that the family of that name tells; nil: all.
  public var syscalls: SyscallSelection?
  /// Bytes of slots, a power of two; nil: 16 MiB, or the smallest that works where that is more.
  public var ringBytes: UInt64?
  /// The events' clock; nil: the precise one, or what a pinned capture was started with.
  public var timestamps: TimestampSource?
  /// Whether events of this process itself are passed on.
  public var includesSelf = false
  /// What is passed on.
  public var filter = KernelFilter()
  /// Keeps ring and programs in bpffs under this name, so that a successor can go on.
  public var pinName: String?
  /// Treats the kernel as one that doesn't tell the tracepoint which thread is the last (for tests).
  public var assumesOldExit = false
  /// Has programs find no memory for what a task is before a call (for tests).
  public var refusesStorage = false
  /// Has programs keep other tasks off their CPU although the kernel does so itself (for tests).
  public var preventsPreemption = false
  /// Leaves out what needs programs on functions, as on a kernel that is locked down (for tests).
  public var avoidsFunctions = false

  /// The defaults.
  public init() {}

  /// The families as a mask of ``SequencerABI/EventFamily/bit``.
  var familyMask: UInt32 { (families ?? [.process]).reduce(0) { $0 | $1.bit } }
}

/// What a capture can't start or go on with: one line that says what to do.
public struct CaptureError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// The verifier's log, where there is one.
  public let details: String?
  /// An error with this text.
  public init(_ description: String, details: String? = nil) {
    self.description = description
    self.details = details
  }
}
