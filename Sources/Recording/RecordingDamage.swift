/// Something of a recording that can't be read, or isn't there: where, what, and which records it cost.
public struct RecordingDamage: Equatable, Sendable {
  /// What is wrong.
  public enum Cause: Equatable, Sendable {
    /// The file ends within a block: it was cut, or its recorder was killed in a write.
    case cut
    /// The file has no footer: its recorder did not end it.
    case unfinished
    /// What should be a block's header is none, or its checksum is wrong.
    case header
    /// The checksum of a block's content is wrong, or it can't be unpacked.
    case content
    /// The content is as it was written, and holds no records such as a ring has.
    case records
    /// The next segment goes on later than this one ends.
    case missing
    /// The next segment begins before this one ends.
    case repeated
    /// The footer contradicts the blocks.
    case footer
  }

  /// What is wrong.
  public let cause: Cause
  /// The file.
  public let path: String
  /// Where in the file, bytes.
  public let offset: UInt64
  /// The tickets whose records are not to be had (or are there twice), where they are known: from the
  /// first up to, without, the second.
  public let positions: Range<UInt64>?
  /// Records that are not to be had, where it is known.
  public let records: UInt64?
  /// A word on it.
  let note: String

  /// Gathers what is known; the parameters are the properties.
  init(
    _ cause: Cause, _ path: String, offset: UInt64, positions: Range<UInt64>? = nil,
    records: UInt64? = nil, _ note: String
  ) {
    self.cause = cause
    self.path = path
    self.offset = offset
    self.positions = positions
    self.records = records
    self.note = note
  }
}

extension RecordingDamage {
  /// A file of a recording that has no sound header.
  static func headless(_ path: String, _ error: RecordingError) -> RecordingDamage {
    error.isShort
      ? RecordingDamage(
        .cut, path, offset: 0,
        "the file ends within its header: its recorder was ended as it made it; there is no record")
      : RecordingDamage(
        .header, path, offset: 0,
        "the header is none this program reads; what the file holds is left out")
  }
}

extension RecordingDamage: CustomStringConvertible {
  /// One line: file, offset, what is wrong, what is missing.
  public var description: String {
    var text = "\(path): at offset \(offset): \(note)"
    if let positions, !positions.isEmpty {
      let range =
        positions.upperBound - positions.lowerBound == 1
        ? "sequence \(positions.lowerBound)"
        : "sequences \(positions.lowerBound) to \(positions.upperBound - 1)"
      text += cause == .repeated ? "; \(range) are there twice" : "; missing: \(range)"
      if let records { text += " (\(records) records)" }
    }
    return text
  }
}
