public import SequencerABI

/// A pattern for task names, as `--comm` takes it: `*`, `?`, `[a-z]`, `[!…]`, and `\` before a
/// byte that is meant literally.
///
/// It works on bytes, as the kernel's names are bytes. Every text is a pattern: a `[` without its
/// `]` and a `\` at the end mean themselves. Matching takes at most pattern × name steps.
public struct CommGlob: Equatable, Sendable {
  /// Bytes a task's name has at most, its NUL not counted.
  public static var nameLimit: Int { 15 }

  enum Token: Equatable, Sendable {
    case byte(UInt8)
    case anyByte
    case anyRun
    case oneOf(ByteSet)
  }

  let tokens: [Token]

  /// Compiles `pattern`.
  public init(_ pattern: some Sequence<UInt8>) {
    tokens = CommGlob.compile(Array(pattern))
  }

  /// Compiles `pattern`, by its UTF-8 bytes.
  public init(_ pattern: String) { self.init(pattern.utf8) }

  /// Whether any task's name can match: false where the pattern needs more than
  /// ``nameLimit`` bytes.
  public var canMatch: Bool { tokens.count { $0 != .anyRun } <= CommGlob.nameLimit }

  /// Whether `name`, up to its first NUL, matches.
  public func matches(_ name: RawSpan) -> Bool {
    let length = name.firstNUL(from: 0)
    var offset = 0
    var index = 0
    // Where to go on when a later part fails: the last run takes one byte more.
    var retryIndex = -1
    var retryOffset = 0
    while offset < length {
      if index < tokens.count, tokens[index] == .anyRun {
        retryIndex = index
        retryOffset = offset
        index += 1
      } else if index < tokens.count, accepts(tokens[index], name.byte(offset)) {
        index += 1
        offset += 1
      } else if retryIndex >= 0 {
        retryOffset += 1
        offset = retryOffset
        index = retryIndex + 1
      } else {
        return false
      }
    }
    while index < tokens.count, tokens[index] == .anyRun { index += 1 }
    return index == tokens.count
  }

  private func accepts(_ token: Token, _ byte: UInt8) -> Bool {
    switch token {
    case .byte(let wanted): wanted == byte
    case .anyByte: true
    case .oneOf(let set): set.contains(byte)
    case .anyRun: false
    }
  }
}

/// A set of bytes as 256 bits.
struct ByteSet: Equatable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  static func == (left: ByteSet, right: ByteSet) -> Bool { left.words == right.words }

  func contains(_ byte: UInt8) -> Bool {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    return switch byte >> 6 {
    case 0: words.0 & bit != 0
    case 1: words.1 & bit != 0
    case 2: words.2 & bit != 0
    default: words.3 & bit != 0
    }
  }

  mutating func insert(_ byte: UInt8) {
    let bit: UInt64 = 1 << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }

  mutating func invert() { words = (~words.0, ~words.1, ~words.2, ~words.3) }
}

extension CommGlob {
  private static func compile(_ pattern: [UInt8]) -> [Token] {
    var tokens: [Token] = []
    var position = 0
    while position < pattern.count {
      let byte = pattern[position]
      position += 1
      switch byte {
      case UInt8(ascii: "*"):
        if tokens.last != .anyRun { tokens.append(.anyRun) }
      case UInt8(ascii: "?"):
        tokens.append(.anyByte)
      case UInt8(ascii: "\\") where position < pattern.count:
        tokens.append(.byte(pattern[position]))
        position += 1
      case UInt8(ascii: "["):
        if let (set, next) = compileSet(pattern, from: position) {
          tokens.append(.oneOf(set))
          position = next
        } else {
          tokens.append(.byte(byte))
        }
      default:
        tokens.append(.byte(byte))
      }
    }
    return tokens
  }

  /// The set that begins behind a `[`, and the position behind its `]`; nil where there is no `]`.
  private static func compileSet(_ pattern: [UInt8], from start: Int) -> (ByteSet, Int)? {
    var set = ByteSet()
    var position = start
    var inverted = false
    if position < pattern.count,
      pattern[position] == UInt8(ascii: "!") || pattern[position] == UInt8(ascii: "^")
    {
      inverted = true
      position += 1
    }
    let first = position
    while position < pattern.count {
      if pattern[position] == UInt8(ascii: "]"), position > first {
        if inverted { set.invert() }
        return (set, position + 1)
      }
      guard let low = member(pattern, &position) else { return nil }
      var high = low
      if position + 1 < pattern.count, pattern[position] == UInt8(ascii: "-"),
        pattern[position + 1] != UInt8(ascii: "]")
      {
        position += 1
        guard let end = member(pattern, &position) else { return nil }
        high = end
      }
      // A range that runs backwards holds nothing, as in fnmatch().
      if low <= high { for byte in low...high { set.insert(byte) } }
    }
    return nil
  }

  private static func member(_ pattern: [UInt8], _ position: inout Int) -> UInt8? {
    if pattern[position] == UInt8(ascii: "\\") { position += 1 }
    guard position < pattern.count else { return nil }
    defer { position += 1 }
    return pattern[position]
  }
}

/// A test of a task's name that the kernel's programs can make: `name & mask == value`.
public struct CommMask: Sendable {
  /// The bytes wanted; zero where ``mask`` is zero.
  public var value: TaskComm
  /// 0xFF where a byte counts.
  public var mask: TaskComm

  /// Whether the 16 bytes of `name` pass the test.
  public func matches(_ name: TaskComm) -> Bool {
    name.low & mask.low == value.low && name.high & mask.high == value.high
  }
}

extension CommGlob {
  /// What kind of pattern it is: the first two the kernel can test itself.
  public enum Classification: Equatable, Sendable {
    /// Exactly these bytes.
    case literal([UInt8])
    /// These bytes, then anything.
    case prefix([UInt8])
    /// Anything else.
    case pattern
  }

  /// The pattern's kind.
  public var classification: Classification {
    var bytes: [UInt8] = []
    for (index, token) in tokens.enumerated() {
      switch token {
      case .byte(let byte): bytes.append(byte)
      case .anyRun: return index == tokens.count - 1 ? .prefix(bytes) : .pattern
      case .anyByte, .oneOf: return .pattern
      }
    }
    return .literal(bytes)
  }

  /// The test for the kernel's programs; nil where the pattern is neither a name nor `prefix*`, or
  /// can't match any name.
  public var kernelMask: CommMask? {
    guard canMatch else { return nil }
    let bytes: [UInt8]
    switch classification {
    case .pattern: return nil
    case .prefix(let prefix): bytes = prefix
    case .literal(let name): bytes = name + [0]
    }
    var value = [UInt8](repeating: 0, count: 16)
    var mask = value
    for (index, byte) in bytes.enumerated() {
      value[index] = byte
      mask[index] = 0xFF
    }
    return CommMask(value: TaskComm(bytes: value), mask: TaskComm(bytes: mask))
  }
}

extension TaskComm {
  /// A name of the first 16 of `bytes`, padded with NULs.
  package init(bytes: [UInt8]) {
    self.init()
    for (index, byte) in bytes.prefix(16).enumerated() {
      // The two words lie in memory one behind the other; the kernel's machines and ours are the
      // same, so the byte order is the machine's own.
      let shift = UInt64(8 * (index % 8))
      let word = UInt64(littleEndian: UInt64(byte) << shift)
      if index < 8 { low |= word } else { high |= word }
    }
  }
}
