public import KernelEvents

/// What formats need beyond the event: the clocks' offset and the cgroups' paths.
///
/// One for a run; it keeps caches and is used by one thread.
public struct FormattingContext: ~Copyable {
  /// Turns timestamps into UTC.
  public var clock: ClockOffset
  /// Turns cgroup ids into paths; nil where ids of another machine are shown.
  public var cgroups: CgroupResolver?
  /// Names of users and groups; none where events of another machine are shown.
  public var accounts: AccountNames

  /// Gathers what formats need; the parameters are the properties.
  public init(
    clock: ClockOffset, cgroups: consuming CgroupResolver?, accounts: AccountNames = AccountNames()
  ) {
    self.clock = clock
    self.cgroups = cgroups
    self.accounts = accounts
  }

  /// The context of events of this machine, now.
  public static func live() -> FormattingContext {
    FormattingContext(clock: .measured(), cgroups: CgroupResolver(), accounts: .live())
  }

  /// The path of the cgroup `id`; nil where it can't be had.
  package mutating func cgroupPath(_ id: UInt64) -> [UInt8]? { cgroups?.path(of: id) }
}

/// A way to write events down.
///
/// ``write(_:context:into:)`` does not write the event's own ``KernelEvents/DecodedEvent/gap``:
/// call ``write(gap:into:)`` with it first, so that each gap is written once and counted where it
/// is written. No format allocates for an event, save ``TreeFormat``, which keeps processes.
public protocol EventFormat {
  /// Appends `event` to `buffer`.
  mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer)
  /// Appends a place where events were lost.
  mutating func write(gap: Gap, into buffer: inout OutputBuffer)
  /// Appends what is written once, at the end.
  mutating func finish(into buffer: inout OutputBuffer)
}
