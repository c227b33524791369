public import KernelEvents
public import SequencerABI

/// What names an event and places it, kept when the event itself is gone.
public struct EventMark: Equatable, Sendable {
  /// Its place in the order.
  public var sequence: UInt64
  /// Its time, ns of `CLOCK_MONOTONIC`; 0 where it has none.
  public var timestamp: UInt64
  /// The task that was running, by its thread id.
  public var tid: UInt32
  /// The raw value of its kind.
  var kindCode: UInt16
  /// The CPU it happened on.
  public var cpu: UInt16

  /// The mark of `event`.
  public init(_ event: DecodedEvent) { self.init(event.header) }

  /// The mark of the record whose header this is.
  init(_ header: RecordHeader) {
    sequence = header.sequence &- 1
    timestamp = header.timestamp
    tid = header.tid
    kindCode = header.kind
    cpu = header.cpu
  }

  /// What it tells; nil where it could not be read.
  public var kind: EventKind? { EventKind(rawValue: kindCode) }

  static var none: EventMark {
    var header = RecordHeader()
    header.sequence = 1
    return EventMark(header)
  }

  /// The mark, or nil where it is ``none``: no event has kind 0.
  var ifAny: EventMark? { kindCode == 0 ? nil : self }
}

/// An event whose sequence did not rise above the one delivered before it.
public struct OrderingViolation: Equatable, Sendable {
  /// The event with the highest sequence delivered before.
  public var earlier: EventMark
  /// The event that shows it.
  public var effect: EventMark

  /// The highest sequence delivered before.
  public var previous: UInt64 { earlier.sequence }
  /// The sequence of the event.
  public var sequence: UInt64 { effect.sequence }

  /// Tells that the event `effect` came after the event `earlier`.
  public init(earlier: EventMark, effect: EventMark) {
    self.earlier = earlier
    self.effect = effect
  }
}

/// An effect that was delivered before its cause, or that no cause can explain.
public struct CausalityViolation: Equatable, Sendable {
  /// What can be wrong.
  public typealias Rule = CausalityRule

  /// What is wrong.
  public var rule: CausalityRule
  /// The process concerned; for the rules of a fork, the one that was made.
  public var process: ProcessKey
  /// The task concerned.
  public var tid: UInt32
  /// The event at which it showed; for ``CausalityRule/missingFork`` the task's first one.
  public var effect: EventMark
  /// The event that contradicts it; nil where the contradiction is that there is none.
  public var earlier: EventMark?

  /// The sequence of ``effect``.
  public var sequence: UInt64 { effect.sequence }

  /// Tells that `rule` does not hold for the task `tid` of `process`, as `effect` shows beside `earlier`.
  public init(
    rule: CausalityRule, process: ProcessKey, tid: UInt32, effect: EventMark,
    earlier: EventMark? = nil
  ) {
    self.rule = rule
    self.process = process
    self.tid = tid
    self.effect = effect
    self.earlier = earlier
  }
}

extension EventMark: CustomStringConvertible {
  /// Sequence, kind, CPU and time.
  public var description: String {
    let name = kind.map { "\($0.name)" } ?? "unreadable"
    let time =
      timestamp == 0
      ? "" : " at \(timestamp / 1_000_000_000).\(padded(timestamp % 1_000_000_000)) s"
    return "\(sequence) \(name) (cpu \(cpu), task \(tid)\(time))"
  }

  private func padded(_ nanoseconds: UInt64) -> String {
    let digits = "\(nanoseconds)"
    return String(repeating: "0", count: 9 - digits.utf8.count) + digits
  }
}

extension OrderingViolation: CustomStringConvertible {
  /// One line.
  public var description: String { "event \(sequence) was delivered after event \(previous)" }
}

extension CausalityViolation: CustomStringConvertible {
  /// One line.
  public var description: String {
    let task = "task \(tid) of process \(process.pid) (start \(process.start))"
    let line = "event \(sequence): \(task) \(rule.predicate)"
    return earlier.map { "\(line); event \($0.sequence)" } ?? line
  }
}
