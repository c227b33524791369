/// How a task ended, encoded as wait() gives it to the parent.
public struct WaitStatus: Equatable, Sendable {
  /// Signal in bits 0–6, core flag 0x80, exit code in bits 8–15.
  public var rawValue: UInt32

  /// Wraps a status as the kernel encodes it; bits above 15 are not looked at.
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The exit code; nil where a signal ended the task.
  @inlinable public var code: UInt8? {
    signal == nil ? UInt8(truncatingIfNeeded: rawValue >> 8) : nil
  }

  /// The number of the signal that ended the task; nil where it exited by itself.
  @inlinable public var signal: UInt8? {
    let number = UInt8(truncatingIfNeeded: rawValue & 0x7F)
    return number == 0 ? nil : number
  }

  /// Whether the kernel set out to dump core.
  @inlinable public var dumpedCore: Bool { rawValue & 0x80 != 0 }
}
