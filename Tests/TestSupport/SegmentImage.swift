import KernelEvents
package import Recording
import SequencerABI

/// A segment's bytes put together by hand: whatever its headers say, their checksums are right.
package struct SegmentImage {
  /// The file so far.
  package private(set) var bytes: [UInt8] = []
  private let salt: UInt64

  /// A segment that is only a header.
  ///
  /// - Parameters:
  ///   - facts: what stands behind the fixed fields.
  ///   - change: changes them, the sizes too.
  package init(facts: [UInt8] = [], _ change: (inout SegmentHeader) -> Void = { _ in }) {
    var header = SegmentHeader()
    header.salt = 0x5EED
    let size = MemoryLayout<SegmentHeader>.size + facts.count
    header.byteCount = UInt32((size + Slot.size - 1) / Slot.size * Slot.size)
    change(&header)
    salt = header.salt
    header.checksum = 0
    bytes = bytesOf(header) + facts
    pad()
    let sum = Checksum.crc32c(bytes.span.raw)
    bytes.replaceSubrange(
      SegmentHeader.checksumOffset..<SegmentHeader.checksumOffset + 4, with: bytesOf(sum))
  }

  /// Appends a block.
  ///
  /// - Parameters:
  ///   - kind: its kind's number.
  ///   - stored: what stands behind the header.
  ///   - change: changes the header, in which the sizes are right.
  package mutating func append(
    _ kind: UInt16, _ stored: [UInt8], _ change: (inout BlockHeader) -> Void = { _ in }
  ) {
    var block = BlockHeader()
    block.kind = kind
    block.salt = salt
    block.storedBytes = UInt64(stored.count)
    block.rawBytes = UInt64(stored.count)
    block.contentChecksum = Checksum.crc32c(stored.span.raw)
    change(&block)
    block.checksum = 0
    block.checksum = Checksum.crc32c(bytesOf(block).span.raw)
    bytes += bytesOf(block) + stored
    pad()
  }

  /// Appends a block of records, one behind the other from the ticket `first` on.
  package mutating func append(
    records: [RecordBuilder], from first: UInt64, _ change: (inout BlockHeader) -> Void = { _ in }
  ) {
    var content: [UInt8] = []
    for record in records {
      var record = record
      record.header.sequence = first &+ UInt64(content.count / Slot.size) &+ 1
      content += record.bytes()
    }
    append(BlockKind.records.rawValue, content) { block in
      block.firstPosition = first
      block.endPosition = first &+ UInt64(content.count / Slot.size)
      block.records = UInt64(records.count)
      change(&block)
    }
  }

  private mutating func pad() {
    bytes += repeatElement(0, count: (Slot.size - bytes.count % Slot.size) % Slot.size)
  }
}
