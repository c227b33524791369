public import Sequencer
import SequencerABI

/// Hides arguments of programs by pattern, before any format or file sees them.
///
/// An argument that matches a pattern is hidden: what stands behind its first `=` where it has one; the next
/// argument where it begins with `-` and has none (`--password hunter2`); else all of it. Hidden text is
/// ``mark``. A record is rewritten as a whole, so every way to write it down shows the same.
///
/// It keeps buffers and is used by one thread.
public struct ArgumentRedaction {
  /// What stands for hidden text.
  public static var mark: StaticString { "[redacted]" }

  private let patterns: [CommGlob]
  private var block: [UInt8] = []
  private var record: [UInt8] = []

  /// Hides what matches any of the patterns.
  ///
  /// - Parameter patterns: globs over a whole argument, in the language of ``CommGlob``.
  public init(_ patterns: [CommGlob]) { self.patterns = patterns }

  /// Whether there is nothing to hide.
  public var isEmpty: Bool { patterns.isEmpty }

  /// Rewrites the record of an exec if an argument of it must be hidden.
  ///
  /// - Parameters:
  ///   - event: the record, decoded.
  ///   - view: the record.
  ///   - body: is lent the record to go on with: the rewritten one, or `view`.
  /// - Throws: what `body` throws.
  public mutating func apply<Failure: Error>(
    to event: DecodedEvent, _ view: RecordView, _ body: (RecordView) throws(Failure) -> Void
  ) throws(Failure) {
    guard let exec = event.exec, hide(exec) else { return try body(view) }
    rewrite(exec, event, view)
    try body(RecordView(record.span.raw))
  }

  /// Fills `block` with the arguments as they may be shown.
  ///
  /// - Returns: whether anything was hidden.
  private mutating func hide(_ exec: ExecEvent) -> Bool {
    block.removeAll(keepingCapacity: true)
    var isHidden = false
    var hidesNext = false
    var arguments = exec.arguments
    while let argument = arguments.next() {
      if hidesNext {
        appendMark()
        hidesNext = false
        isHidden = true
      } else if patterns.contains(where: { $0.matches(argument) }) {
        hidesNext = show(argument)
        isHidden = true
      } else {
        append(argument)
      }
      block.append(0)
    }
    return isHidden
  }

  /// Appends what may be shown of an argument that matches.
  ///
  /// - Returns: whether the next argument is to be hidden in its stead.
  private mutating func show(_ argument: RawSpan) -> Bool {
    for offset in 0..<argument.byteCount where argument.byte(offset) == UInt8(ascii: "=") {
      append(argument.extracting(0..<offset + 1))
      appendMark()
      return false
    }
    if argument.byteCount > 0, argument.byte(0) == UInt8(ascii: "-") {
      append(argument)
      return true
    }
    appendMark()
    return false
  }

  private mutating func append(_ bytes: RawSpan) {
    for offset in 0..<bytes.byteCount { block.append(bytes.byte(offset)) }
  }

  private mutating func appendMark() {
    // The pointer is used inside the closure only.
    ArgumentRedaction.mark.withUTF8Buffer { unsafe block.append(contentsOf: $0) }
  }

  /// Fills `record`: as many slots as before, so that the next record's sequence still follows; what does
  /// not fit, as marks may be longer than what they hide, is cut and flagged.
  private mutating func rewrite(_ exec: ExecEvent, _ event: DecodedEvent, _ view: RecordView) {
    var payload = exec.payload
    let strings = MemoryLayout<ExecPayload>.size
    let kept = strings + Int(payload.pathLength) + Int(payload.workingDirectoryLength)
    let hasGap = event.flags.contains(.gap)
    let end = view.bytes.byteCount - (hasGap ? Slot.size : 0)
    let limit = min(ExecPayload.argumentsLimit, end - Slot.headerSize - kept)
    if block.count > limit {
      block.removeLast(block.count - limit)
      payload.execFlags |= ExecFlags.argumentsTruncated.rawValue
    }
    payload.argumentsLength = UInt32(block.count)
    var header = event.header
    header.payloadLength = UInt32(kept + block.count)
    record.removeAll(keepingCapacity: true)
    // Both are types of the ABI: integers without padding.
    unsafe withUnsafeBytes(of: header) { unsafe record.append(contentsOf: $0) }
    unsafe withUnsafeBytes(of: payload) { unsafe record.append(contentsOf: $0) }
    for offset in strings..<kept { record.append(event.payload.byte(offset)) }
    record += block
    record += repeatElement(0, count: end - record.count)
    for offset in end..<view.bytes.byteCount { record.append(view.bytes.byte(offset)) }
  }
}
