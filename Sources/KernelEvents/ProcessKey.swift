/// A process's lasting name: its pid and the moment it started.
///
/// A pid alone is given again once its process is gone; the pair is never given twice.
public struct ProcessKey: Hashable, Sendable {
  /// Thread-group id, in the initial pid namespace.
  public var pid: UInt32
  /// Start of the process, ns of `CLOCK_MONOTONIC`.
  public var start: UInt64

  /// Names the process `pid` that started at `start`.
  @inlinable public init(pid: UInt32, start: UInt64) {
    self.pid = pid
    self.start = start
  }
}
