import KernelEvents
import SequencerABI

/// What is known of a CPU.
struct CPUState {
  /// An event whose time may be above that of events behind it in the order.
  private struct Enclosing {
    var mark = EventMark.none
    var canBeInterrupted = false
  }

  /// A task, an interrupt's end, an interrupt, an NMI: one may stand on top of the other.
  private static var levels: Int { 4 }
  /// Nanoseconds by which the kernel's lock-free clock may step back on a CPU: it is read while
  /// another one corrects its rate (`ktime_get_mono_fast_ns()`, kernel/time/timekeeping.c).
  private static var clockSlack: UInt64 { 100 }

  /// Events whose times fall from the first to the last: each but the first lies on top of the one before.
  private var enclosing = InlineArray<4, Enclosing>(repeating: Enclosing())
  private var depth = 0
  /// The last event, and a sum over its payload.
  private var last = EventMark.none
  private var lastSum: UInt64 = 0

  /// Whether it is known which task runs.
  var isKnown = false
  /// The task that runs, by the last switch.
  var runningPID: UInt32 = 0
  var runningTID: UInt32 = 0
  var runningStart: UInt64 = 0
  /// The task that was switched out last.
  var previousTID: UInt32 = 0
  /// Its first event.
  var first = EventMark.none
  /// The last switch.
  var switched = EventMark.none
  /// The place of the task that runs, or acted last, if it is still there.
  var hint: Int32 = -1

  /// Takes in an event's time.
  ///
  /// A record's clock is read behind its claim. An interrupt between the two has a later ticket and an earlier
  /// time; nothing else can come there, as programs run with preemption off. So times fall only from an event that
  /// could be interrupted to one of the same task that an interrupt can make.
  ///
  /// - Returns: the event that this one contradicts.
  @inline(__always)
  mutating func take(_ mark: EventMark, _ kind: EventKind, isOfItself: Bool) -> EventMark? {
    let time = mark.timestamp
    while depth > 0, enclosing[depth - 1].mark.timestamp <= time { depth -= 1 }
    var contradicted: EventMark?
    if depth > 0 { contradicted = fall(mark, kind) }
    if depth < CPUState.levels {
      enclosing[depth] = Enclosing(
        mark: mark, canBeInterrupted: kind.canBeInterrupted || isOfItself)
      depth += 1
    }
    return contradicted
  }

  private mutating func fall(_ mark: EventMark, _ kind: EventKind) -> EventMark? {
    let top = enclosing[depth - 1]
    if top.canBeInterrupted, kind.canInterrupt, top.mark.tid == mark.tid { return nil }
    if top.mark.timestamp - mark.timestamp <= CPUState.clockSlack {
      depth = 0
      return nil
    }
    // Those behind this one are held against it alone, so that one record out of place is one violation.
    depth = 0
    return top.mark
  }

  /// Takes in what an event is, where times are exact.
  ///
  /// - Returns: the event that this one repeats.
  @inline(__always)
  mutating func takeContent(_ mark: EventMark, _ payload: RawSpan) -> EventMark? {
    let sum = CPUState.sum(payload)
    defer {
      last = mark
      lastSum = sum
    }
    guard last.timestamp == mark.timestamp, last.kindCode == mark.kindCode, last.tid == mark.tid,
      lastSum == sum
    else { return nil }
    return last
  }

  /// A sum over the payload's first slot, but for the name that it begins with.
  @inline(__always) private static func sum(_ payload: RawSpan) -> UInt64 {
    if payload.byteCount >= 64 {
      return payload.value(at: 16, as: UInt64.self) &* 0x9E37_79B9_7F4A_7C15
        &+ payload.value(at: 24, as: UInt64.self) &* 0xBF58_476D_1CE4_E5B9
        &+ payload.value(at: 32, as: UInt64.self) &* 0x94D0_49BB_1331_11EB
        &+ payload.value(at: 40, as: UInt64.self) &* 0xD6E8_FEB8_6659_FD93
        &+ payload.value(at: 48, as: UInt64.self) &* 0xC2B2_AE3D_27D4_EB4F
        &+ payload.value(at: 56, as: UInt64.self) &* 0x1656_67B1_9E37_79F9
        &+ payload.value(at: 0, as: UInt64.self) &* 0xA076_1D64_78BD_642F
    }
    var sum = UInt64(payload.byteCount)
    var offset = 0
    while offset + 8 <= payload.byteCount {
      sum = (sum ^ payload.value(at: offset, as: UInt64.self)) &* 0x9E37_79B9_7F4A_7C15
      sum ^= sum >> 32
      offset += 8
    }
    return sum
  }
}

extension EventKind {
  /// Whether the event's program can be interrupted. The scheduler's tracepoints lie under locks that
  /// turn interrupts off; but for a task that wakes itself (try_to_wake_up(), kernel/sched/core.c).
  var canBeInterrupted: Bool {
    switch self {
    case .switched, .wakeup, .wakeupNew, .migrate: false
    default: true
    }
  }

  /// Whether an interrupt can make the event: timers and devices wake, signal and give tasks to other CPUs,
  /// packets change a socket's state, and there are locks in all of that.
  var canInterrupt: Bool {
    switch self {
    case .wakeup, .migrate, .signalGenerate, .tcpState, .lockWait, .lockAcquired: true
    default: false
    }
  }

  /// Whether a task may do this after its exit was told: what the kernel does on the way from there to
  /// the last switch (do_exit(), kernel/exit.c: SIGCHLD, the terminal's SIGHUP, sockets closed, waiters
  /// woken, locks, the switches), and what an interrupt does in its time.
  var belongsToDying: Bool {
    switch self {
    case .signalGenerate, .switched, .wakeup, .migrate, .lockWait, .lockAcquired, .tcpState: true
    default: false
    }
  }
}
