import Foundation
import Glibc
import SequencerABI
import TestSupport
import Testing

@testable import Recording

@Suite("Cut and damaged files")
struct DamageTests {
  /// What a flipped bit leads to: which sequences may be missing is known exactly.
  private struct Flip {
    let small: SmallRecording
    /// Bytes that nothing reads: from a block's content to the next multiple of 128.
    let padding: Set<Int>

    init(_ small: SmallRecording) {
      self.small = small
      var padding: Set<Int> = []
      for (index, block) in small.blocks.enumerated() {
        let end = block.offset + UInt64(BlockHeader.size) + block.header.storedBytes
        padding.formUnion(Int(end)..<Int(small.end(index)))
      }
      self.padding = padding
    }

    /// Judges what was read with the byte at `place` changed.
    func judge(_ place: Int, _ outcome: Result<Shown, any Error>) {
      let shown: Shown
      switch outcome {
      case .failure(let error):
        #expect(error is RecordingError && place < Int(small.headerSize), "\(place): \(error)")
        return #expect(!"\(error)".contains("\n"))
      case .success(let value): shown = value
      }
      #expect(place >= Int(small.headerSize), "a changed header was read, byte \(place)")
      if padding.contains(place) {
        return #expect(
          shown.damage.isEmpty && shown.records == small.stream.records && shown.gaps.count == 1)
      }
      guard let index = small.blocks.lastIndex(where: { $0.offset <= UInt64(place) }) else {
        return
      }
      let block = small.blocks[index]
      #expect(
        shown.damage.contains { $0.offset >= block.offset && $0.offset < small.end(index) },
        "byte \(place) of the block at \(block.offset): \(shown.damage)")
      let isRecords = block.header.kind == BlockKind.records.rawValue
      let lost = block.header.firstPosition..<block.header.endPosition
      #expect(shown.missing == (isRecords ? [lost] : []), "\(place): \(shown.damage)")
      // All others, as they were.
      let left = small.stream.records.filter { record in
        !isRecords || !lost.contains(record.span.raw.value(at: 0, as: UInt64.self) - 1)
      }
      #expect(shown.records == left, "byte \(place)")
      #expect(shown.gaps.count == (block.header.kind == BlockKind.losses.rawValue ? 0 : 1))
    }
  }

  @Test("Every byte changed is told, or is one that nothing reads", arguments: [false, true])
  func flips(isPacked: Bool) throws {
    let folder = try Folder()
    let flip = Flip(try SmallRecording(folder, isPacked: isPacked))
    let small = flip.small
    if isPacked { #expect(small.blocks.contains { $0.header.flags == BlockHeader.isPacked }) }
    let descriptor = unsafe open(small.path, O_WRONLY | O_CLOEXEC)
    #expect(descriptor >= 0)
    defer { close(descriptor) }
    for place in 0..<small.bytes.count {
      for pattern: UInt8 in [0x01 << UInt8(place % 8), 0xFF] {
        var byte = small.bytes[place] ^ pattern
        _ = unsafe pwrite(descriptor, &byte, 1, off_t(place))
        flip.judge(place, Result { try Shown.reading([small.path]) })
        byte = small.bytes[place]
        _ = unsafe pwrite(descriptor, &byte, 1, off_t(place))
      }
    }
    let shown = try Shown.reading([small.path])
    #expect(shown.damage.isEmpty && shown.records == small.stream.records)
  }

  @Test("Cut at every byte, it opens up to its last whole block", arguments: [false, true])
  func cuts(isPacked: Bool) throws {
    let folder = try Folder()
    let small = try SmallRecording(folder, isPacked: isPacked)
    let path = folder.path("cut")
    for length in 0..<small.bytes.count {
      try store(small.bytes.prefix(length), path)
      guard length >= Int(small.headerSize) else {
        let error = #expect(throws: RecordingError.self) { try Shown.reading([path]) }
        #expect(error?.description.contains("\(path)") == true)
        #expect(throws: RecordingError.self) { try RecordingTail(of: path) }
        continue
      }
      let shown = try Shown.reading([path])
      let whole = small.blocks.indices.filter { small.end($0) <= UInt64(length) }
      let position = whole.last.map { small.blocks[$0].header.endPosition } ?? 70
      let records = small.stream.records.filter {
        $0.span.raw.value(at: 0, as: UInt64.self) <= position
      }
      #expect(shown.records == records, "cut at \(length)")
      let isLossWhole = whole.contains {
        small.blocks[$0].header.kind == BlockKind.losses.rawValue
      }
      #expect(shown.gaps.count == (isLossWhole ? 1 : 0))
      // One thing is wrong with it, at the end of what is whole.
      let end = whole.last.map { small.end($0) } ?? small.headerSize
      let damage = try #require(shown.damage.first)
      #expect(shown.damage.count == 1 && damage.offset == end, "cut at \(length): \(damage)")
      #expect(damage.cause == (end == UInt64(length) ? .unfinished : .cut), "cut at \(length)")
      if UInt64(length) >= end + UInt64(BlockHeader.size) {
        let next = small.blocks[whole.count].header
        let isRecords = next.kind == BlockKind.records.rawValue
        #expect(shown.missing == (isRecords ? [next.firstPosition..<next.endPosition] : []))
      }
      let tail = try RecordingTail(of: path).journal
      #expect(tail.position == position && tail.records == UInt64(records.count))
      #expect(tail.lostTotal == (whole.last.map { lost(small.blocks[$0].header) } ?? 0))
    }
  }

  private func lost(_ block: BlockHeader) -> UInt64 {
    (0..<16).reduce(0) { $0 + block.lostTold[$1] }
  }

  @Test("A tail whose last content is not what was written ends before it")
  func tail() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder, isEnded: false)
    let path = folder.path("zeroed")
    let last = try #require(small.blocks.last)
    // As a file system may leave it that lost power between the size and the data.
    var bytes = small.bytes
    for index in Int(last.offset) + BlockHeader.size..<bytes.count { bytes[index] = 0 }
    try store(bytes, path)
    let tail = try RecordingTail(of: path).journal
    #expect(tail.position == last.header.firstPosition)
    #expect(tail.records == last.header.recordsTotal - last.header.records)
  }

  @Test("A block taken out: what follows is read, and exactly its sequences are missing")
  func takenOut() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    for index in small.blocks.indices {
      let block = small.blocks[index]
      let place = Int(block.offset)..<Int(small.end(index))
      var bytes = small.bytes
      bytes.removeSubrange(place)
      let path = folder.path("without-\(index)")
      try store(bytes, path)
      let shown = try Shown.reading([path])
      #expect(!shown.damage.isEmpty, "block \(index)")
      let isRecords = block.header.kind == BlockKind.records.rawValue
      let lost = block.header.firstPosition..<block.header.endPosition
      #expect(shown.missing == (isRecords ? [lost] : []), "block \(index): \(shown.damage)")
      #expect(shown.records.count == small.stream.records.count - (isRecords ? 5 : 0))
      #expect(shown.damage.allSatisfy { !"\($0)".contains("\n") })
    }
  }

  @Test("A block twice is read once, and told")
  func twice() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    let first = small.blocks[0]
    let block = Array(small.bytes[Int(first.offset)..<Int(small.end(0))])
    for index in 1..<small.blocks.count {
      var bytes = small.bytes
      bytes.insert(contentsOf: block, at: Int(small.blocks[index].offset))
      let path = folder.path("twice-\(index)")
      try store(bytes, path)
      let shown = try Shown.reading([path])
      #expect(shown.records == small.stream.records)
      let told = try #require(shown.damage.first { $0.cause == .repeated })
      #expect(told.positions == first.header.firstPosition..<first.header.endPosition)
      #expect(told.offset == small.blocks[index].offset)
      #expect(told.description.contains("are there twice"))
    }
  }

  @Test("Two blocks exchanged are told")
  func exchanged() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    let (first, second) = (small.blocks[0], small.blocks[1])
    let bytes =
      small.bytes[..<Int(first.offset)] + small.bytes[Int(second.offset)..<Int(small.end(1))]
      + small.bytes[Int(first.offset)..<Int(second.offset)] + small.bytes[Int(small.end(1))...]
    let path = folder.path("exchanged")
    try store(Array(bytes), path)
    let shown = try Shown.reading([path])
    #expect(shown.missing == [first.header.firstPosition..<first.header.endPosition])
    #expect(shown.damage.contains { $0.cause == .repeated })
    #expect(shown.records == Array(small.stream.records[5...]))
  }

  @Test("Bytes in between, and behind the end, are passed over and told")
  func inserted() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    for (index, block) in small.blocks.enumerated() {
      var bytes = small.bytes
      bytes.insert(contentsOf: repeatElement(0xA5, count: 1280), at: Int(block.offset))
      let path = folder.path("inserted-\(index)")
      try store(bytes, path)
      let shown = try Shown.reading([path])
      #expect(shown.records == small.stream.records && shown.missing.isEmpty)
      let damage = try #require(shown.damage.first)
      #expect(damage.cause == .header && damage.offset == block.offset)
      #expect(damage.description.contains("1280 bytes are no block"))
    }
    for count in [1, 127, 128, 700] {
      let path = folder.path("behind-\(count)")
      try store(small.bytes + repeatElement(0xA5, count: count), path)
      let shown = try Shown.reading([path])
      #expect(shown.records == small.stream.records)
      #expect(shown.damage.first?.offset == UInt64(small.bytes.count))
    }
  }

  @Test("A block of another segment is none of this one's")
  func foreign() throws {
    let folder = try Folder()
    let small = try SmallRecording(folder)
    let other = try SmallRecording(folder, "other")
    // The same records, from another file: only the salt tells.
    var bytes = small.bytes
    let place = Int(small.blocks[0].offset)..<Int(small.end(0))
    bytes.replaceSubrange(place, with: other.bytes[place])
    let path = folder.path("foreign")
    try store(bytes, path)
    let shown = try Shown.reading([path])
    #expect(shown.damage.first?.cause == .header && shown.records.count == 10)
  }
}
