import Glibc

/// A kernel's version: `6.18.44`.
public struct KernelVersion: Comparable, Hashable, Sendable {
  /// The first number.
  public let major: Int
  /// The second number.
  public let minor: Int
  /// The third number; 0 where the release has none.
  public let patch: Int

  /// The oldest kernel that Ordinal runs on.
  public static let floor = KernelVersion(major: 6, minor: 1)
  /// Since this kernel BPF memory counts against the memory cgroup, before against `RLIMIT_MEMLOCK`.
  public static let memoryCgroupAccounting = KernelVersion(major: 5, minor: 11)
  /// Since this kernel tracepoints may be protected by SRCU, with preemption on (include/linux/tracepoint.h).
  public static let preemptibleTracepoints = KernelVersion(major: 7, minor: 0)

  /// Creates a version from its numbers.
  public init(major: Int, minor: Int, patch: Int = 0) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Parses a release as `uname -r` prints it, e.g. `6.1.0-18-amd64`; nil if it doesn't start with
  /// two numbers.
  public init?(release: String) {
    var numbers: [Int] = []
    for part in release.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false) {
      let digits = part.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits) else { break }
      numbers.append(number)
      // "6.1-rc3": what follows the digits is no further number.
      if digits.count != part.count { break }
    }
    guard numbers.count >= 2 else { return nil }
    self.init(major: numbers[0], minor: numbers[1], patch: numbers.count > 2 ? numbers[2] : 0)
  }

  /// The running kernel's version; nil if its release can't be parsed.
  public static func running() -> KernelVersion? { KernelVersion(release: runningRelease()) }

  /// The running kernel's release, as `uname -r` prints it.
  public static func runningRelease() -> String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: &names.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Compares number by number.
  public static func < (left: KernelVersion, right: KernelVersion) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }
}

extension KernelVersion: CustomStringConvertible {
  /// The numbers joined by dots.
  public var description: String { "\(major).\(minor).\(patch)" }
}
