/// A process's capabilities, numbered as in `linux/capability.h`.
public struct CapabilitySet: OptionSet, Hashable, Sendable {
  /// One bit a capability.
  public let rawValue: UInt64

  /// Creates a set from the kernel's bits.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// CAP_DAC_READ_SEARCH: read files whatever their permissions.
  public static let dacReadSearch = CapabilitySet(rawValue: 1 << 2)
  /// CAP_SYS_ADMIN: contains CAP_BPF and CAP_PERFMON.
  public static let sysAdmin = CapabilitySet(rawValue: 1 << 21)
  /// CAP_SYS_RESOURCE: raise resource limits.
  public static let sysResource = CapabilitySet(rawValue: 1 << 24)
  /// CAP_PERFMON: load and attach tracing programs.
  public static let perfmon = CapabilitySet(rawValue: 1 << 38)
  /// CAP_BPF: create maps, load programs.
  public static let bpf = CapabilitySet(rawValue: 1 << 39)

  /// Whether maps can be made and programs loaded: CAP_BPF or CAP_SYS_ADMIN.
  public var mayUseBPF: Bool { contains(.bpf) || contains(.sysAdmin) }
  /// Whether tracing programs can be loaded and attached: CAP_PERFMON or CAP_SYS_ADMIN.
  public var mayTrace: Bool { contains(.perfmon) || contains(.sysAdmin) }

  /// Parses the effective set (`CapEff`) from the text of `/proc/<pid>/status`; nil if it has none.
  public init?(statusText: String) {
    for line in statusText.split(separator: "\n") where line.hasPrefix("CapEff:") {
      let digits = line.dropFirst("CapEff:".count).filter { $0 != " " && $0 != "\t" }
      guard let bits = UInt64(digits, radix: 16) else { return nil }
      self.init(rawValue: bits)
      return
    }
    return nil
  }

  /// This process's effective set; nil if `/proc` can't be read.
  public static func effective() -> CapabilitySet? {
    SystemFile.text("/proc/self/status").flatMap { CapabilitySet(statusText: $0) }
  }
}
