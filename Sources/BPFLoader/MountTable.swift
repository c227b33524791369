/// The file systems that this process sees, from `/proc/self/mountinfo`.
public struct MountTable: Sendable {
  /// One mounted file system.
  public struct Entry: Hashable, Sendable {
    /// Its type, e.g. `cgroup2`.
    public let type: String
    /// Where it is mounted.
    public let mountPoint: String
  }

  /// The mounts in the kernel's order; a later one may hide an earlier one at the same place.
  public let entries: [Entry]

  /// Parses the text of a `mountinfo` file; lines that aren't in its format are left out.
  public init(text: String) {
    entries = text.split(separator: "\n").compactMap { line in
      // "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw": optional fields, then " - ".
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, dash + 1 < fields.count else {
        return nil
      }
      return Entry(type: String(fields[dash + 1]), mountPoint: MountTable.unescape(fields[4]))
    }
  }

  /// This process's mounts; nil if `/proc` can't be read.
  public static func current() -> MountTable? {
    SystemFile.text("/proc/self/mountinfo").map { MountTable(text: $0) }
  }

  /// Where a file system of this type is mounted first, nil if nowhere.
  public func mountPoint(ofType type: String) -> String? {
    entries.first { $0.type == type }?.mountPoint
  }

  /// Undoes the kernel's octal escapes of space, tab, newline and backslash.
  private static func unescape(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
