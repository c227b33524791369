/// A number with its name.
struct Entry {
  var value: UInt64
  var name: String
}

/// A table to be made: which constants of which headers it has.
struct Table {
  /// What a table is for, and so its type.
  enum Kind: String {
    /// A value bears one of the names.
    case numbers = "NumberNames"
    /// A value bears any number of the names.
    case flags = "FlagNames"
  }

  /// Where the constants are.
  enum Source {
    case macros
    case enumerators(of: String?)
  }

  /// The member's name in Swift.
  var member: String
  /// The member's documentation, a sentence without its end.
  var summary: String
  var kind = Kind.numbers
  var headers: [String]
  /// The Debian package of the headers.
  var package = "linux-libc-dev"
  var architecture = Architecture.x86_64
  var source = Source.macros
  /// How names begin.
  var prefix: String
  /// What of the prefix is not part of the name.
  var strip = ""
  /// Beginnings of names that are something else.
  var notPrefixes: [String] = []
  /// Ends of names that are something else.
  var notSuffixes: [String] = []
  /// Names that are something else, or another name for a number that has a better one.
  var not: Set<String> = []
  /// Where not all names are wanted that pass the rest: those.
  var only: Set<String>?
  /// The values that are taken.
  var range: ClosedRange<UInt64> = 0...UInt64.max
  /// How many bits the kernel looks at.
  var width = 32

  /// Reads the constants and puts them in order.
  ///
  /// Two names for a number are an error: the choice is to be made here, not by chance.
  func entries(from headers: Headers) throws -> [Entry] {
    let all =
      switch source {
      case .macros: try headers.macros(self.headers, on: architecture)
      case .enumerators(let name):
        try headers.enumerators(self.headers, of: name, on: architecture)
      }
    let wanted = all.filter(isWanted)
    var entries: [Entry] = []
    for constant in try headers.values(of: wanted, headers: self.headers, on: architecture) {
      let value = try narrowed(constant)
      guard range.contains(value) else { continue }
      entries.append(Entry(value: value, name: String(constant.name.dropFirst(strip.count))))
    }
    entries.sort { ($0.value, $0.name) < ($1.value, $1.name) }
    if entries.isEmpty { throw TableError(message: "\(member): no names") }
    for (entry, next) in zip(entries, entries.dropFirst()) where entry.value == next.value {
      throw TableError(
        message: "\(member): \(entry.name) and \(next.name) are both \(entry.value);"
          + " choose one in Tools/NameTables/TableFile.swift")
    }
    if let only, entries.count != only.count {
      throw TableError(message: "\(member): \(entries.map(\.name)) of \(only.sorted())")
    }
    return entries
  }

  private func isWanted(_ name: String) -> Bool {
    name.hasPrefix(prefix) && !not.contains(name) && only?.contains(name) != false
      && !notPrefixes.contains { name.hasPrefix($0) }
      && !notSuffixes.contains { name.hasSuffix($0) }
  }

  /// A constant's value in as many bits as the kernel looks at; C widens an int's sign.
  private func narrowed(_ constant: Constant) throws -> UInt64 {
    guard width == 32, constant.value > UInt64(UInt32.max) else { return constant.value }
    guard let value = Int32(exactly: Int64(bitPattern: constant.value)) else {
      throw TableError(message: "\(member): \(constant.name) has more than 32 bits")
    }
    return UInt64(UInt32(bitPattern: value))
  }
}
