import Glibc

/// Names of users and groups of this machine, as its own files have them.
///
/// Read once, from /etc/passwd and /etc/group: asking the name services for each event could wait for a
/// network while the ring fills. Numbers without a name there are shown as numbers.
public struct AccountNames: Sendable {
  private var users: [UInt32: [UInt8]] = [:]
  private var groups: [UInt32: [UInt8]] = [:]

  /// No names: for events of another machine.
  public init() {}

  /// Takes the names out of files in the format of passwd(5) and group(5).
  ///
  /// - Parameters:
  ///   - users: the users' file.
  ///   - groups: the groups' file.
  public init(users: String, groups: String) {
    self.users = AccountNames.read(users)
    self.groups = AccountNames.read(groups)
  }

  /// This machine's names, at this moment.
  public static func live() -> AccountNames {
    AccountNames(users: text(of: "/etc/passwd"), groups: text(of: "/etc/group"))
  }

  /// The name of a user, its bytes; nil where there is none.
  public func user(_ id: UInt32) -> [UInt8]? { users[id] }
  /// The name of a group, its bytes; nil where there is none.
  public func group(_ id: UInt32) -> [UInt8]? { groups[id] }

  /// Lines `name:password:id:…`; what is no such line is passed over.
  private static func read(_ text: String) -> [UInt32: [UInt8]] {
    var names: [UInt32: [UInt8]] = [:]
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(
        separator: UInt8(ascii: ":"), maxSplits: 3, omittingEmptySubsequences: false)
      guard parts.count >= 3, !parts[0].isEmpty,
        let id = UInt32(String(decoding: parts[2], as: UTF8.self)), names[id] == nil
      else { continue }
      names[id] = Array(parts[0])
    }
    return names
  }

  private static func text(of path: String) -> String {
    guard let file = unsafe fopen(path, "re") else { return "" }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 4 << 20 {
      let got = unsafe fread(&chunk, 1, chunk.count, file)
      if got == 0 { break }
      bytes += chunk[..<got]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
