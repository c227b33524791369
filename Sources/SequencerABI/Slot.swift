/// The version of every layout in this module.
///
/// A consumer refuses a ring whose control area carries another number. Bump it with any
/// change of a layout, an offset or the meaning of a field.
public let abiVersion: UInt32 = 3

/// One cell of the ring: 128 bytes, two cache lines, as in section 4.3 of the Linnix paper.
public enum Slot {
  /// Bytes in a slot.
  @inlinable public static var size: Int { 128 }
  /// log2 of ``size``, to turn a slot index into a byte offset with a shift.
  @inlinable public static var sizeShift: UInt64 { 7 }
  /// Bytes of metadata at the start of a record's first slot; the payload follows at once.
  @inlinable public static var headerSize: Int { 64 }
}

/// What a producer leaves in its first slot's `sequence` word between claim and publish: "claimed, by
/// CPU n".
///
/// Bit 63, which no published sequence reaches, the CPU in bits 48–62, and the low 48 bits of
/// ticket + 1. A consumer that waits for a slot learns from it who keeps it waiting. It is for
/// reports only: no decision of the protocol rests on it.
public enum ClaimMark {
  /// CPUs that a mark can name: 0 ..< this. Linux has 8192 at most (`NR_CPUS_RANGE_END` of
  /// arch/x86/Kconfig).
  @inlinable public static var cpuLimit: UInt32 { 1 << 15 }
  @inlinable static var flag: UInt64 { 1 << 63 }
  @inlinable static var sequenceMask: UInt64 { (1 << 48) &- 1 }

  /// The mark of the record whose `sequence` will be `sequence`, claimed on `cpu`.
  @inlinable @inline(__always)
  public static func word(sequence: UInt64, cpu: UInt32) -> UInt64 {
    flag | (UInt64(cpu & (cpuLimit &- 1)) &<< 48) | (sequence & sequenceMask)
  }

  /// The CPU that claimed the record which will be published as `sequence`.
  ///
  /// - Parameters:
  ///   - word: what the `sequence` word of its slot holds.
  ///   - sequence: the sequence that is waited for.
  /// - Returns: the CPU; nil where the word is no mark of this record: not claimed, not marked yet,
  ///   or published.
  @inlinable @inline(__always)
  public static func cpu(in word: UInt64, sequence: UInt64) -> UInt32? {
    guard word & flag != 0, (word ^ sequence) & sequenceMask == 0 else { return nil }
    return UInt32(truncatingIfNeeded: word &>> 48) & (cpuLimit &- 1)
  }
}

/// The metadata line of a record: the first 64 bytes of its first slot.
///
/// Written by the producer between claim and publish; `sequence` last, by an exchange that is a
/// full barrier. All integers are in the machine's own byte order (a ring never leaves its machine).
public struct RecordHeader: BitwiseCopyable, Sendable {
  /// Ticket + 1 once published; anything else means "not this record yet", among it the
  /// ``ClaimMark`` of the producer that holds the slot.
  public var sequence: UInt64
  /// Nanoseconds of `CLOCK_MONOTONIC`, read after the claim; 0 with `--timestamps none`.
  public var timestamp: UInt64
  /// The raw value of an ``EventKind``.
  public var kind: UInt16
  /// Slots the record holds, the gap block included; 1 … ``RingGeometry/maxSpan``.
  public var span: UInt16
  /// The CPU the producer ran on.
  public var cpu: UInt16
  /// A set of ``RecordFlags``.
  public var flags: UInt16
  /// Events lost on this CPU since its previous published record (saturating).
  public var lostBefore: UInt32
  /// Bytes of payload, counted from the end of this header; the gap block does not count.
  public var payloadLength: UInt32
  /// Thread-group id of the current task, in the initial pid namespace.
  public var pid: UInt32
  /// Thread id of the current task, in the initial pid namespace.
  public var tid: UInt32
  /// Start of the process (its group leader), ns of `CLOCK_MONOTONIC`: with `pid` a name that
  /// no pid reuse can forge.
  public var processStart: UInt64
  /// cgroup v2 id of the current task.
  public var cgroup: UInt64
  /// Real uid of the current task, in the initial user namespace.
  public var uid: UInt32
  /// Thread-group id of the real parent.
  public var parentPID: UInt32

  /// An empty header.
  @inlinable public init() {
    sequence = 0
    timestamp = 0
    kind = 0
    span = 0
    cpu = 0
    flags = 0
    lostBefore = 0
    payloadLength = 0
    pid = 0
    tid = 0
    processStart = 0
    cgroup = 0
    uid = 0
    parentPID = 0
  }
}

/// The bits of ``RecordHeader/flags``.
public struct RecordFlags: OptionSet, Sendable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// A string of the payload was longer than its limit and is cut.
  @inlinable public static var truncated: RecordFlags { RecordFlags(rawValue: 1 << 0) }
  /// The subject of the event is a thread, not a process of its own.
  @inlinable public static var thread: RecordFlags { RecordFlags(rawValue: 1 << 1) }
  /// A copy of user memory faulted; the bytes concerned are zero.
  @inlinable public static var fault: RecordFlags { RecordFlags(rawValue: 1 << 2) }
  /// The record's last slot is a ``GapBlock``.
  @inlinable public static var gap: RecordFlags { RecordFlags(rawValue: 1 << 3) }

  /// Bits 4–15: a small number that the kind gives a meaning; so the busiest kinds fit one slot.
  @inlinable public var detail: UInt16 { rawValue &>> 4 }
  /// Flags that are nothing but a detail below 4096.
  @inlinable @inline(__always)
  public static func detail(_ value: UInt16) -> RecordFlags { RecordFlags(rawValue: value &<< 4) }
}

/// The last slot of a record that follows a loss on its CPU: what was lost, and since when.
///
/// It travels inside the record (one claim, one publish), so a gap can't be separated from the
/// place it belongs to.
public struct GapBlock: BitwiseCopyable, Sendable {
  /// Ticket + 1 of the last record claimed on this CPU before the first loss; 0: none yet.
  public var afterSequence: UInt64
  /// Sum of `lost`.
  public var total: UInt64
  /// Events lost, by ``EventFamily``.
  public var lost: LossByFamily
  // Explicit padding up to one slot.
  public var reserved0: UInt64
  public var reserved1: UInt64
  public var reserved2: UInt64
  public var reserved3: UInt64
  public var reserved4: UInt64
  public var reserved5: UInt64

  /// A gap block with every field given.
  @inlinable public init(
    afterSequence: UInt64, total: UInt64, lost: LossByFamily,
    reserved0: UInt64 = 0, reserved1: UInt64 = 0, reserved2: UInt64 = 0, reserved3: UInt64 = 0,
    reserved4: UInt64 = 0, reserved5: UInt64 = 0
  ) {
    self.afterSequence = afterSequence
    self.total = total
    self.lost = lost
    self.reserved0 = reserved0
    self.reserved1 = reserved1
    self.reserved2 = reserved2
    self.reserved3 = reserved3
    self.reserved4 = reserved4
    self.reserved5 = reserved5
  }
}

/// Sixteen counters of 32 bits, one an ``EventFamily``.
public typealias LossByFamily = (
  UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32,
  UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32
)
