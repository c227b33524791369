import BPFLoader
import Capture
import KernelEvents
import SequencerABI

/// Texts of /proc and /sys, names for globs, sizes: parsed or refused; and where there is another way to
/// know the answer, the answer.
enum TextTarget {
  static func run(_ bytes: [UInt8]) throws(Finding) {
    guard let choice = bytes.first else { return }
    let rest = Array(bytes.dropFirst().prefix(4096))
    switch choice % 6 {
    case 0: try mounts(rest)
    case 1: try processors(rest)
    case 2: small(rest)
    case 3, 4: try glob(rest)
    default: try size(rest)
    }
  }

  private static func mounts(_ text: [UInt8]) throws(Finding) {
    let string = String(decoding: text, as: UTF8.self)
    for entry in MountTable(text: string).entries {
      try demand(!entry.type.contains(" "), "a type of several fields")
    }
    guard let point = cgroup2MountPoint(inMountInfo: text) else { return }
    if let path = relativePath(of: text, under: point) {
      try demand(path.first == UInt8(ascii: "/"), "a path that is not absolute")
    }
    try demand(
      relativePath(of: point, under: point) == [UInt8(ascii: "/")] || point.isEmpty
        || point.last == UInt8(ascii: ")") || point == [UInt8(ascii: "/")],
      "the mount itself is not its root")
  }

  private static func processors(_ text: [UInt8]) throws(Finding) {
    guard let cpus = CPUList.parse(String(decoding: text, as: UTF8.self)) else { return }
    try demand(cpus.allSatisfy { $0 >= 0 && $0 < 1 << 16 }, "a CPU past every kernel's")
  }

  private static func small(_ text: [UInt8]) {
    let string = String(decoding: text, as: UTF8.self)
    _ = KernelVersion(release: string)
    _ = CapabilitySet(statusText: string)
    _ = Lockdown(text: string)
  }

  // MARK: Globs

  /// The pattern, then a name: what matches is asked in three ways.
  private static func glob(_ text: [UInt8]) throws(Finding) {
    let parts = text.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    // The reference is exponential in the worst case.
    let pattern = Array(parts[0].prefix(12))
    let name = Array((parts.count > 1 ? parts[1] : []).prefix(15).prefix { $0 != 0 })
    let glob = CommGlob(pattern)
    let matches = glob.matches(name.span.raw)
    try demand(
      matches == isMatched(name[...], by: pattern[...]), "'\(pattern)' against '\(name)'")
    if matches { try demand(glob.canMatch, "it matches what it says it can't") }
    if let mask = glob.kernelMask {
      let padded = name + [UInt8](repeating: 0, count: 16 - name.count)
      try demand(
        mask.matches(TaskComm(bytes: padded)) == matches, "the kernel's mask disagrees")
    }
  }

  /// The definition of a match, read from the pattern from left to right.
  private static func isMatched(
    _ name: ArraySlice<UInt8>, by pattern: ArraySlice<UInt8>
  ) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    let rest = pattern.dropFirst()
    switch first {
    case UInt8(ascii: "*"):
      return isMatched(name, by: rest)
        || (!name.isEmpty && isMatched(name.dropFirst(), by: pattern))
    case UInt8(ascii: "?"):
      return !name.isEmpty && isMatched(name.dropFirst(), by: rest)
    case UInt8(ascii: "\\") where !rest.isEmpty:
      return name.first == rest.first && !name.isEmpty
        && isMatched(name.dropFirst(), by: rest.dropFirst())
    case UInt8(ascii: "["):
      guard let (set, behind) = members(rest) else { break }
      guard let byte = name.first else { return false }
      return set.contains(byte) && isMatched(name.dropFirst(), by: behind)
    default: break
    }
    return name.first == first && isMatched(name.dropFirst(), by: rest)
  }

  /// The bytes that the set behind a `[` stands for, and the pattern behind its `]`.
  private static func members(
    _ text: ArraySlice<UInt8>
  ) -> (set: Set<UInt8>, behind: ArraySlice<UInt8>)? {
    var rest = text
    var set: Set<UInt8> = []
    var isInverted = false
    if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "^") {
      isInverted = true
      rest = rest.dropFirst()
    }
    var isFirst = true
    while let byte = rest.first {
      if byte == UInt8(ascii: "]"), !isFirst {
        return (isInverted ? Set(0...255).subtracting(set) : set, rest.dropFirst())
      }
      isFirst = false
      guard let low = literal(&rest) else { return nil }
      var high = low
      if rest.first == UInt8(ascii: "-"), rest.count > 1,
        rest[rest.startIndex + 1] != UInt8(ascii: "]")
      {
        rest = rest.dropFirst()
        guard let end = literal(&rest) else { return nil }
        high = end
      }
      if low <= high { set.formUnion(low...high) }
    }
    return nil
  }

  private static func literal(_ rest: inout ArraySlice<UInt8>) -> UInt8? {
    if rest.first == UInt8(ascii: "\\") { rest = rest.dropFirst() }
    return rest.popFirst()
  }

  // MARK: Sizes

  private static func size(_ text: [UInt8]) throws(Finding) {
    let string = String(decoding: text, as: UTF8.self)
    guard let bytes = RingSize.parse(string) else { return }
    let again = RingSize.text(bytes)
    try demand(RingSize.parse(again) == bytes, "\(bytes) is written '\(again)', which is another")
    for cpus in [1, 2, 255, 4096] { try OptionsTarget.checkRing(bytes, cpus) }
  }
}
