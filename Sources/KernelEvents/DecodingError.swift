/// Says why the bytes of a record are not an event.
///
/// A record comes from the kernel's programs or from a file; either may be damaged, so each length
/// and number is checked before it is used. The numbers are those found in the record.
public enum DecodingError: Error, Equatable, Sendable {
  /// The record's span is 0, past the limit, or not the number of slots that were lent.
  case span(declared: UInt16, slots: Int)
  /// The sequence is 0, which no published record has.
  case unpublished
  /// The payload does not fit into the record's slots (less its gap block).
  case payloadOverrun(length: UInt32, room: Int)
  /// The kind is not one this version knows.
  case unknownKind(UInt16)
  /// The payload is not as long as its kind's fixed part.
  case payloadTooShort(kind: UInt16, length: UInt32, required: Int)
  /// The lengths of an exec's strings don't add up to what the payload holds, or pass a limit.
  case strings(path: UInt16, workingDirectory: UInt16, arguments: UInt32, room: Int)
  /// The length of a string passes its limit, or what the payload holds.
  case string(kind: UInt16, length: Int, limit: Int, room: Int)
  /// The gap block's total is not the sum of its counters.
  case gapTotal(declared: UInt64, sum: UInt64)
}

extension DecodingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .span(let declared, let slots):
      "the record says it holds \(declared) slots, but \(slots) were read"
    case .unpublished:
      "the record has no sequence: it was never published"
    case .payloadOverrun(let length, let room):
      "the payload of \(length) bytes does not fit into the record's \(room)"
    case .unknownKind(let kind):
      "the record's kind 0x\(String(kind, radix: 16)) is not known; a newer ordinal may have made it"
    case .payloadTooShort(let kind, let length, let required):
      "the payload of kind 0x\(String(kind, radix: 16)) has \(length) bytes of \(required)"
    case .strings(let path, let workingDirectory, let arguments, let room):
      """
      the strings of an exec (\(path) + \(workingDirectory) + \(arguments) bytes) don't fit their \
      limits or the \(room) bytes there are
      """
    case .string(let kind, let length, let limit, let room):
      """
      a string of kind 0x\(String(kind, radix: 16)) has \(length) bytes; the limit is \(limit), and \
      \(room) are left
      """
    case .gapTotal(let declared, let sum):
      "the gap block says \(declared) events were lost, but its counters add up to \(sum)"
    }
  }
}
