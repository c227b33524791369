import SequencerABI

/// The first 128 bytes of a segment. What has no fixed size follows as ``SegmentFacts``.
///
/// Everything in a segment lies at a multiple of 128 bytes (a slot), in the byte order of the machine that
/// recorded it, which is little-endian wherever Ordinal runs; docs/recording.md has the layout.
package struct SegmentHeader: BitwiseCopyable, Sendable {
  /// ``magicValue``.
  package var magic: UInt64 = SegmentHeader.magicValue
  /// ``currentVersion``.
  package var formatVersion: UInt32 = SegmentHeader.currentVersion
  /// `abiVersion` of the slots.
  package var abi: UInt32 = abiVersion
  /// Bytes of this header and the facts behind it, a multiple of 128.
  package var byteCount: UInt32 = 0
  /// CRC-32C of all those bytes, this field as 0.
  package var checksum: UInt32 = 0
  /// The ring's own number: sequences of segments with the same number are of the same order.
  package var epoch: UInt64 = 0
  /// A number drawn for this segment; each of its blocks repeats it, so that nothing an event holds can be
  /// taken for a block.
  package var salt: UInt64 = 0
  /// The segment's number in its recording, from 0.
  package var number: UInt32 = 0
  /// CPUs the machine may have.
  package var cpuCount: UInt32 = 0
  /// When the segment was begun, ns of `CLOCK_MONOTONIC`.
  package var began: UInt64 = 0
  /// `CLOCK_REALTIME` less `CLOCK_MONOTONIC` then, ns.
  package var clockOffset: Int64 = 0
  /// The ticket of the first record.
  package var firstPosition: UInt64 = 0
  /// Slots of the ring.
  package var ringCapacity: UInt64 = 0
  /// The families recorded, as `EventFamily.bit`s.
  package var families: UInt32 = 0
  /// 0 precise, 1 coarse, 2 none, 3 not known (a capture that was taken over).
  package var timestamps: UInt32 = 0
  /// When all programs ran, ns of `CLOCK_MONOTONIC`, where the stream is whole from then on; else 0.
  package var wholeSince: UInt64 = 0
  /// Records handed out before this segment, since the ring was made.
  package var recordsBefore: UInt64 = 0
  package var reserved = InlineArray<3, UInt64>(repeating: 0)

  package init() {}

  /// "ORDINREC", least byte first.
  package static var magicValue: UInt64 { 0x4345_524E_4944_524F }
  /// The layout that this program writes.
  package static var currentVersion: UInt32 { 1 }
  /// Bytes of a header with its facts, at most.
  package static var byteLimit: Int { 1 << 20 }
  /// Where ``checksum`` lies.
  package static var checksumOffset: Int { 20 }
}

/// What a block holds.
package enum BlockKind: UInt16, Sendable {
  /// Slots, as they lay in the ring.
  case records = 1
  /// `GapBlock`s of losses that no record tells of.
  case losses = 2
  /// Names of cgroups, users and groups: ``NameEntry``.
  case names = 3
  /// Where the blocks with records lie: ``IndexEntry``.
  case index = 4
  /// How the segment ended: ``SegmentFooter``.
  case footer = 5
}

/// What stands before each block.
package struct BlockHeader: BitwiseCopyable, Sendable {
  /// ``magicValue``.
  package var magic: UInt32 = BlockHeader.magicValue
  /// The raw value of a ``BlockKind``.
  package var kind: UInt16 = 0
  /// Bit 0: what is stored is a zstd frame.
  package var flags: UInt16 = 0
  /// The segment's ``SegmentHeader/salt``.
  package var salt: UInt64 = 0
  /// Bytes behind this header; the next block begins at the next multiple of 128.
  package var storedBytes: UInt64 = 0
  /// Bytes of the content when it is unpacked.
  package var rawBytes: UInt64 = 0
  /// The ticket of the first record.
  package var firstPosition: UInt64 = 0
  /// The ticket behind the last record.
  package var endPosition: UInt64 = 0
  /// Records in the block.
  package var records: UInt64 = 0
  /// Records handed out since the ring was made, those of the block included.
  package var recordsTotal: UInt64 = 0
  /// The lowest and the highest timestamp of the records; 0 where there is none.
  package var firstTimestamp: UInt64 = 0
  package var lastTimestamp: UInt64 = 0
  /// When the block was written, ns of `CLOCK_MONOTONIC`, and the wall clock's offset then.
  package var written: UInt64 = 0
  package var clockOffset: Int64 = 0
  /// CRC-32C of the stored bytes.
  package var contentChecksum: UInt32 = 0
  /// CRC-32C of this header, this field as 0.
  package var checksum: UInt32 = 0
  /// Places in the block where losses are told.
  package var gaps: UInt64 = 0
  package var reserved0: UInt64 = 0
  package var reserved1: UInt64 = 0
  /// Losses told since the ring was made, by family, those of the block included.
  package var lostTold = InlineArray<16, UInt64>(repeating: 0)

  package init() {}

  /// "OBLK", least byte first.
  package static var magicValue: UInt32 { 0x4B4C_424F }
  /// The flag of packed content.
  package static var isPacked: UInt16 { 1 }
  /// Where ``checksum`` lies.
  package static var checksumOffset: Int { 100 }
  /// Bytes of a header: two slots.
  package static var size: Int { 256 }
  /// Bytes of a block's content at most.
  package static var contentLimit: Int { 16 << 20 }
}

/// An entry of the index: a block with records.
package struct IndexEntry: BitwiseCopyable, Sendable {
  /// Where the block begins in the file.
  package var offset: UInt64 = 0
  package var firstPosition: UInt64 = 0
  package var firstTimestamp: UInt64 = 0
  package var records: UInt64 = 0

  /// An entry; the parameters are the properties.
  package init(
    offset: UInt64 = 0, firstPosition: UInt64 = 0, firstTimestamp: UInt64 = 0, records: UInt64 = 0
  ) {
    self.offset = offset
    self.firstPosition = firstPosition
    self.firstTimestamp = firstTimestamp
    self.records = records
  }
}

/// The last block's content: how the segment ended.
package struct SegmentFooter: BitwiseCopyable, Sendable {
  /// Where the index begins in the file.
  package var indexOffset: UInt64 = 0
  /// A ``SegmentEnd``.
  package var end: UInt64 = 0
  /// Records and gaps in the segment.
  package var records: UInt64 = 0
  package var gaps: UInt64 = 0
  /// Events offered since the ring was made, and the run's other figures as in its summary.
  package var offered: UInt64 = 0
  package var filtered: UInt64 = 0
  package var missed: UInt64 = 0
  package var ended: UInt64 = 0
  package var longestStall: UInt64 = 0
  /// Whether ``lost`` is exact: nothing ran any more.
  package var isAtRest: UInt64 = 0
  package var reserved = InlineArray<6, UInt64>(repeating: 0)
  /// Losses at the gate since the ring was made, by family.
  package var lost = InlineArray<16, UInt64>(repeating: 0)

  package init() {}
  /// Bytes: a multiple of 128.
  package static var size: Int { 256 }
}

/// Why a segment ends.
public enum SegmentEnd: UInt64, Sendable {
  /// The run was over.
  case finished = 1
  /// The next segment goes on.
  case rotated = 2
  /// The ring is left to a successor.
  case leftPinned = 3
}

/// Rounds up to a multiple of a slot.
func aligned(_ count: Int) -> Int { (count + Slot.size - 1) / Slot.size * Slot.size }
