/// A group of event kinds that is enabled, counted and lost together.
///
/// The raw value indexes the per-CPU counters, so it stays below ``EventFamily/count``.
public enum EventFamily: UInt8, Sendable, CaseIterable {
  case process = 1
  case signal = 2
  case credentials = 3
  case scheduler = 4
  case syscall = 5
  case file = 6
  case network = 7
  case memory = 8
  case security = 9
  case module = 10
  case namespace = 11
  /// Self-describing records of the test programs; never produced by `ordinal trace`.
  case test = 15

  /// The number of counters kept for families.
  @inlinable public static var count: Int { 16 }
}

/// What a record tells. The high byte is the ``EventFamily``.
public enum EventKind: UInt16, Sendable, CaseIterable {
  /// A task was created (process or thread): payload ``ForkPayload``.
  case fork = 0x0101
  /// A task runs a new program: payload ``ExecPayload`` and its strings.
  case exec = 0x0102
  /// A task ended: payload ``ExitPayload``.
  case exit = 0x0103
  /// A test program's own record: payload chosen by the test.
  case test = 0x0F01

  /// The family the kind is counted under.
  @inlinable public var family: EventFamily {
    switch self {
    case .fork, .exec, .exit: return .process
    case .test: return .test
    }
  }
}
