public enum SyscallABI: UInt8, Sendable, CaseIterable {
  case x86_64 = 0, i386 = 1, arm64 = 2
  public static var native: SyscallABI { .x86_64 }
  public func name(of number: UInt32) -> StaticString? { nil }
  public func number(of name: String) -> UInt32? { nil }
}
public struct NumberNames: Sendable {
  public let entries: [(value: UInt64, name: StaticString)]
  init(_ entries: [(UInt64, StaticString)]) { self.entries = entries }
  public func name(of value: UInt64) -> StaticString? { entries.first { $0.value == value }?.name }
  static let signal = NumberNames([]), signalCode = signal, illCode = signal, trapCode = signal,
    busCode = signal
  static let fpeCode = signal, segvCode = signal, childCode = signal, pollCode = signal,
    sysCode = signal
  public static let errno = NumberNames([])
}
public struct FlagNames: Sendable {
  public let entries: [(bits: UInt64, name: StaticString)]
}
