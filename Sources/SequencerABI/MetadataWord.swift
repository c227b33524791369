/// Four fields of a ``RecordHeader`` as one word of 64 bits, so that a producer writes them with one store:
/// kind, span, cpu and flags, 16 bits each.
public enum MetadataWord {
  /// Where the word lies in the header, bytes.
  @inlinable public static var offset: Int { 16 }
  /// Where ``RecordHeader/lostBefore`` lies, bytes.
  @inlinable public static var lostBefore: Int { 24 }

  // Lanes count from the first byte, which is the lowest on little-endian machines only.
  @inlinable @inline(__always)
  static func lane(_ index: UInt64, _ value: UInt64) -> UInt64 {
    #if _endian(little)
      value &<< (16 &* index)
    #else
      value &<< (48 &- 16 &* index)
    #endif
  }

  @inlinable @inline(__always)
  static func value(_ index: UInt64, in word: UInt64) -> UInt64 {
    #if _endian(little)
      (word &>> (16 &* index)) & 0xFFFF
    #else
      (word &>> (48 &- 16 &* index)) & 0xFFFF
    #endif
  }

  /// The part of the word that a claim decides.
  @inlinable @inline(__always)
  public static func shape(span: UInt64, hasGap: Bool) -> UInt64 {
    lane(1, span & 0xFFFF) | (hasGap ? lane(3, UInt64(RecordFlags.gap.rawValue)) : 0)
  }

  /// The part of the word that a publish decides; `flags` without ``RecordFlags/gap``.
  @inlinable @inline(__always)
  public static func content(kind: EventKind, cpu: UInt32, flags: RecordFlags) -> UInt64 {
    content(kindCode: kind.rawValue, cpu: cpu, flags: flags)
  }

  /// The same by the raw value of an ``EventKind``: kernel programs choose between several without a table.
  @inlinable @inline(__always)
  public static func content(kindCode: UInt16, cpu: UInt32, flags: RecordFlags) -> UInt64 {
    lane(0, UInt64(kindCode)) | lane(2, UInt64(cpu & 0xFFFF)) | lane(3, UInt64(flags.rawValue))
  }

  /// The span of a ``shape(span:hasGap:)``.
  @inlinable @inline(__always)
  public static func span(_ shape: UInt64) -> UInt64 { value(1, in: shape) }

  /// Whether a ``shape(span:hasGap:)`` has a gap block.
  @inlinable @inline(__always)
  public static func hasGap(_ shape: UInt64) -> Bool {
    value(3, in: shape) & UInt64(RecordFlags.gap.rawValue) != 0
  }
}
