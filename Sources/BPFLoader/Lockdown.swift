/// How far the kernel is locked down (`lockdown` security module).
public enum Lockdown: String, Hashable, Sendable {
  /// Not locked down.
  case none
  /// Root may not change the kernel. Tracing works.
  case integrity
  /// Root may not read the kernel either: tracing programs can't read kernel memory.
  case confidentiality
  /// Can't be seen: securityfs isn't mounted, or the module isn't built in.
  case unknown

  /// Parses `/sys/kernel/security/lockdown`, where the mode in force stands in brackets:
  /// `none [integrity] confidentiality`.
  public init(text: String) {
    let marked = text.split(whereSeparator: \.isWhitespace).first {
      $0.hasPrefix("[") && $0.hasSuffix("]")
    }
    let mode = marked.map { String($0.dropFirst().dropLast()) } ?? ""
    self = Lockdown(rawValue: mode) ?? .unknown
  }

  /// The running kernel's mode.
  public static func current() -> Lockdown {
    SystemFile.text("/sys/kernel/security/lockdown").map { Lockdown(text: $0) } ?? .unknown
  }
}
