public import SequencerABI

/// One published record, lent by ``RingConsumer`` for the time of a call.
///
/// The bytes lie in the ring itself; nothing is copied, and the view can't outlive the call. They
/// come from the kernel's programs or from a file: treat every field as hostile until decoded.
public struct RecordView: ~Escapable {
  /// The whole record: `span` slots, header first, gap block last where there is one.
  public let bytes: RawSpan

  /// Lends `bytes` as a record.
  ///
  /// - Precondition: `bytes` holds at least one slot.
  @inlinable @_lifetime(copy bytes)
  public init(_ bytes: RawSpan) {
    precondition(bytes.byteCount >= Slot.size, "a record is at least one slot")
    self.bytes = bytes
  }

  /// A copy of the metadata line (64 bytes).
  @inlinable public var header: RecordHeader {
    // Any 64 bytes are a RecordHeader: it holds integers only. The load is bounds-checked.
    unsafe bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: RecordHeader.self)
  }
}
