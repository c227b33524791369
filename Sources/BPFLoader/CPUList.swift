/// The kernel's way to write a set of CPUs: `0-1,4`.
public enum CPUList {
  /// Parses a list of CPU numbers and ranges; nil if it is malformed.
  ///
  /// The kernel's stride notation (`0-31:2/4`) is not accepted; sysfs doesn't print it.
  public static func parse(_ text: String) -> [Int]? {
    let trimmed = text.filter { !$0.isWhitespace }
    if trimmed.isEmpty { return [] }
    var cpus: [Int] = []
    for part in trimmed.split(separator: ",", omittingEmptySubsequences: false) {
      let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map(number)
      switch bounds.count {
      case 1:
        guard let only = bounds[0] else { return nil }
        cpus.append(only)
      case 2:
        guard let first = bounds[0], let last = bounds[1], first <= last else { return nil }
        cpus.append(contentsOf: first...last)
      default: return nil
      }
    }
    return cpus
  }

  /// A CPU's number; far more than any kernel has is refused, so that no list can grow without bound.
  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(text),
      value < 1 << 16
    else { return nil }
    return value
  }

  /// The CPUs that this machine may ever have, online or not; nil if sysfs can't be read.
  ///
  /// Per-CPU maps have this many elements: the highest number and one.
  public static func possible() -> [Int]? {
    SystemFile.text("/sys/devices/system/cpu/possible").flatMap(parse)
  }
}
