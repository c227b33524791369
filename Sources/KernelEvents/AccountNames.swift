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

  /// Names learned at most: they may come from a hostile file.
  static var limit: Int { 65_536 }
  /// Bytes of a name at most: Linux takes 32.
  static var nameLimit: Int { 256 }

  /// Takes in the name of a user, e.g. one that a recording holds; past a limit no more.
  public mutating func learn(user id: UInt32, _ name: [UInt8]) {
    if users.count < AccountNames.limit { users[id] = Array(name.prefix(AccountNames.nameLimit)) }
  }
  /// Takes in the name of a group.
  public mutating func learn(group id: UInt32, _ name: [UInt8]) {
    if groups.count < AccountNames.limit { groups[id] = Array(name.prefix(AccountNames.nameLimit)) }
  }

  /// All users that have a name, and all groups, by number.
  public var all: (users: [(key: UInt32, value: [UInt8])], groups: [(key: UInt32, value: [UInt8])])
  {
    (users.sorted { $0.key < $1.key }, groups.sorted { $0.key < $1.key })
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
