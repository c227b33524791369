import COrdinalSystem
import KernelEvents
import Recording
import SequencerABI
import TestSupport
import Testing

@Suite("The file's layout and checksum")
struct LayoutTests {
  @Test("CRC-32C: the vectors of RFC 3720")
  func vectors() {
    let vectors: [([UInt8], UInt32)] = [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      ((0..<32).map { UInt8($0) }, 0x46DD_794E),
      ((0..<32).map { 31 - UInt8($0) }, 0x113F_DB5C),
      (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ]
    for (bytes, sum) in vectors { #expect(Checksum.crc32c(bytes.span.raw) == sum) }
  }

  @Test("The instruction and the table agree, at every length, alignment and split")
  func portable() {
    var state: UInt64 = 7
    let bytes: [UInt8] = (0..<20_000).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1
      return UInt8(truncatingIfNeeded: state >> 33)
    }
    // Around the three streams of 1024 bytes, and short ones.
    let lengths = Array(0...70) + [1023, 1024, 1025, 3071, 3072, 3073, 6143, 6144, 6145, 19_990]
    for length in lengths {
      for start in [0, 1, 3, 7] {
        let piece = bytes.span.raw.extracting(start..<start + length)
        let quick = Checksum.crc32c(piece, after: 0xABCD)
        // The pointer is used inside the closure only.
        let slow = unsafe piece.withUnsafeBytes { buffer in
          unsafe ordinal_crc32c_portable(0xABCD, buffer.baseAddress!, buffer.count)
        }
        #expect(quick == slow, "\(length) at \(start)")
        let half = length / 2
        let first = Checksum.crc32c(piece.extracting(0..<half), after: 0xABCD)
        #expect(Checksum.crc32c(piece.extracting(half..<length), after: first) == quick)
      }
    }
  }

  @Test("A header's checksum takes its own field as zero")
  func own() {
    var bytes = [UInt8](repeating: 5, count: 64)
    let sum = Checksum.ofHeader(bytes.span.raw, checksumAt: 20)
    for index in 20..<24 { bytes[index] = 0 }
    #expect(Checksum.crc32c(bytes.span.raw) == sum)
  }

  @Test("Sizes")
  func sizes() {
    #expect(MemoryLayout<SegmentHeader>.size == 128)
    #expect(MemoryLayout<BlockHeader>.size == 256 && BlockHeader.size == 256)
    #expect(MemoryLayout<SegmentFooter>.size == 256 && SegmentFooter.size == 256)
    #expect(MemoryLayout<IndexEntry>.size == 32 && MemoryLayout<IndexEntry>.stride == 32)
  }

  @Test("Offsets of a segment's header, as docs/recording.md has them")
  func segmentHeader() {
    typealias Header = SegmentHeader
    #expect(MemoryLayout<Header>.offset(of: \.magic) == 0)
    #expect(MemoryLayout<Header>.offset(of: \.formatVersion) == 8)
    #expect(MemoryLayout<Header>.offset(of: \.abi) == 12)
    #expect(MemoryLayout<Header>.offset(of: \.byteCount) == 16)
    #expect(MemoryLayout<Header>.offset(of: \.checksum) == Header.checksumOffset)
    #expect(MemoryLayout<Header>.offset(of: \.epoch) == 24)
    #expect(MemoryLayout<Header>.offset(of: \.salt) == 32)
    #expect(MemoryLayout<Header>.offset(of: \.number) == 40)
    #expect(MemoryLayout<Header>.offset(of: \.cpuCount) == 44)
    #expect(MemoryLayout<Header>.offset(of: \.began) == 48)
    #expect(MemoryLayout<Header>.offset(of: \.clockOffset) == 56)
    #expect(MemoryLayout<Header>.offset(of: \.firstPosition) == 64)
    #expect(MemoryLayout<Header>.offset(of: \.ringCapacity) == 72)
    #expect(MemoryLayout<Header>.offset(of: \.families) == 80)
    #expect(MemoryLayout<Header>.offset(of: \.timestamps) == 84)
    #expect(MemoryLayout<Header>.offset(of: \.wholeSince) == 88)
    #expect(MemoryLayout<Header>.offset(of: \.recordsBefore) == 96)
    #expect(bytesOf(Header.magicValue) == Array("ORDINREC".utf8))
  }

  @Test("Offsets of a block's header")
  func blockHeader() {
    typealias Header = BlockHeader
    #expect(MemoryLayout<Header>.offset(of: \.magic) == 0)
    #expect(MemoryLayout<Header>.offset(of: \.kind) == 4)
    #expect(MemoryLayout<Header>.offset(of: \.flags) == 6)
    #expect(MemoryLayout<Header>.offset(of: \.salt) == 8)
    #expect(MemoryLayout<Header>.offset(of: \.storedBytes) == 16)
    #expect(MemoryLayout<Header>.offset(of: \.rawBytes) == 24)
    #expect(MemoryLayout<Header>.offset(of: \.firstPosition) == 32)
    #expect(MemoryLayout<Header>.offset(of: \.endPosition) == 40)
    #expect(MemoryLayout<Header>.offset(of: \.records) == 48)
    #expect(MemoryLayout<Header>.offset(of: \.recordsTotal) == 56)
    #expect(MemoryLayout<Header>.offset(of: \.firstTimestamp) == 64)
    #expect(MemoryLayout<Header>.offset(of: \.lastTimestamp) == 72)
    #expect(MemoryLayout<Header>.offset(of: \.written) == 80)
    #expect(MemoryLayout<Header>.offset(of: \.clockOffset) == 88)
    #expect(MemoryLayout<Header>.offset(of: \.contentChecksum) == 96)
    #expect(MemoryLayout<Header>.offset(of: \.checksum) == Header.checksumOffset)
    #expect(MemoryLayout<Header>.offset(of: \.gaps) == 104)
    #expect(MemoryLayout<Header>.offset(of: \.lostTold) == 128)
    #expect(bytesOf(Header.magicValue) == Array("OBLK".utf8))
  }

  @Test("Offsets of the index and the footer")
  func footer() {
    #expect(MemoryLayout<IndexEntry>.offset(of: \.firstPosition) == 8)
    #expect(MemoryLayout<IndexEntry>.offset(of: \.firstTimestamp) == 16)
    #expect(MemoryLayout<IndexEntry>.offset(of: \.records) == 24)
    typealias Footer = SegmentFooter
    let offsets = [
      MemoryLayout<Footer>.offset(of: \.indexOffset), MemoryLayout<Footer>.offset(of: \.end),
      MemoryLayout<Footer>.offset(of: \.records), MemoryLayout<Footer>.offset(of: \.gaps),
      MemoryLayout<Footer>.offset(of: \.offered), MemoryLayout<Footer>.offset(of: \.filtered),
      MemoryLayout<Footer>.offset(of: \.missed), MemoryLayout<Footer>.offset(of: \.ended),
      MemoryLayout<Footer>.offset(of: \.longestStall), MemoryLayout<Footer>.offset(of: \.isAtRest),
    ]
    #expect(offsets == (0..<10).map { $0 * 8 })
    #expect(MemoryLayout<Footer>.offset(of: \.lost) == 128)
  }
}
