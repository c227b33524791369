public import SequencerABI

/// What an exec tells beyond its header: the fixed part and the three strings, lent.
///
/// The spans lie in the record and live as long as the ``DecodedEvent`` they come from.
public struct ExecEvent: ~Escapable {
  /// A copy of the fixed part.
  public let payload: ExecPayload
  /// The path as executed, up to its first NUL; not always absolute, not always UTF-8.
  public let path: RawSpan
  /// The working directory as recorded; see ``workingDirectory``.
  public let workingDirectoryBlock: RawSpan
  /// The argument block as recorded; see ``arguments``.
  public let argumentBlock: RawSpan

  /// Lends the parts of an exec's payload, whose lengths have been checked.
  @_lifetime(copy bytes)
  init(checked bytes: RawSpan, payload: ExecPayload) {
    let pathEnd = MemoryLayout<ExecPayload>.size + Int(payload.pathLength)
    let directoryEnd = pathEnd + Int(payload.workingDirectoryLength)
    let argumentsEnd = directoryEnd + Int(payload.argumentsLength)
    self.payload = payload
    path = bytes.extracting(MemoryLayout<ExecPayload>.size..<pathEnd).upToNUL
    workingDirectoryBlock = bytes.extracting(pathEnd..<directoryEnd)
    argumentBlock = bytes.extracting(directoryEnd..<argumentsEnd)
  }

  /// The bits of `execFlags`.
  public var flags: ExecFlags { ExecFlags(rawValue: payload.execFlags) }

  /// The credentials before the exec; nil where the kernel can't tell them (before 6.9).
  public var before: Credentials? {
    flags.contains(.credentialsBefore) ? payload.before : nil
  }

  /// The arguments, one after the other.
  public var arguments: ArgumentIterator {
    @_lifetime(copy self)
    get { ArgumentIterator(block: argumentBlock, count: payload.argumentCount) }
  }

  /// The working directory's components; nil where it could not be had.
  public var workingDirectory: WorkingDirectory? {
    @_lifetime(copy self)
    get {
      if workingDirectoryBlock.isEmpty { return nil }
      return WorkingDirectory(
        block: workingDirectoryBlock, cut: flags.contains(.workingDirectoryTruncated))
    }
  }

  /// Whether the path or the arguments are not all there: cut at a limit, or fewer arguments in
  /// the block than the program was given.
  public var isTruncated: Bool {
    if !flags.isDisjoint(with: [.pathTruncated, .argumentsTruncated]) { return true }
    var iterator = arguments
    var found: UInt32 = 0
    while iterator.next() != nil { found += 1 }
    return found < payload.argumentCount
  }
}

/// Walks an exec's argument block: byte strings with a NUL after each.
///
/// It gives no more arguments than the program was given. The last one may lack its NUL where
/// the block was cut; what is there of it is given. A block with fewer NULs gives fewer.
public struct ArgumentIterator: ~Escapable {
  let block: RawSpan
  var position = 0
  var remaining: UInt32

  @_lifetime(copy block)
  init(block: RawSpan, count: UInt32) {
    self.block = block
    remaining = count
  }

  /// The next argument without its NUL; nil after the last.
  @_lifetime(copy self)
  public mutating func next() -> RawSpan? {
    guard remaining > 0, position < block.byteCount else { return nil }
    let start = position
    let end = block.firstNUL(from: start)
    remaining -= 1
    position = end + 1
    return block.extracting(start..<end)
  }
}

/// Walks a working directory from the root to the leaf.
///
/// The record holds it from the leaf to the root, each component with a NUL after it. Where the
/// record was cut, the components next to the root are missing: ``isCut``.
public struct WorkingDirectory: ~Escapable {
  let block: RawSpan
  var end: Int
  /// Whether components next to the root are missing.
  public let isCut: Bool

  @_lifetime(copy block)
  package init(block: RawSpan, cut: Bool) {
    self.block = block
    // A last component without its NUL was cut in the middle: it is left out.
    var complete = block.byteCount
    while complete > 0, block.byte(complete - 1) != 0 { complete -= 1 }
    end = complete
    isCut = cut || complete < block.byteCount
  }

  /// The next component towards the leaf; nil after the leaf. Empty ones and the root's own "/"
  /// are passed over.
  @_lifetime(copy self)
  public mutating func next() -> RawSpan? {
    while end > 0 {
      let stop = end - 1
      var start = stop
      while start > 0, block.byte(start - 1) != 0 { start -= 1 }
      end = start
      if stop - start == 0 || (stop - start == 1 && block.byte(start) == UInt8(ascii: "/")) {
        continue
      }
      return block.extracting(start..<stop)
    }
    return nil
  }

  /// Appends the joined path: "/a/b", "/" for the root; "…/a/b" where the beginning was cut
  /// (no absolute path begins so, thus it can't be taken for one).
  public consuming func append(to path: inout [UInt8]) {
    let before = path.count
    if isCut { path.append(contentsOf: "…".utf8) }
    let prefix = path.count
    while let component = next() {
      path.append(UInt8(ascii: "/"))
      for offset in 0..<component.byteCount { path.append(component.byte(offset)) }
    }
    if path.count == prefix, path.count == before { path.append(UInt8(ascii: "/")) }
  }
}
