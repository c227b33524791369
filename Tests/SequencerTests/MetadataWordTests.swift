import SequencerABI
import Testing

@Suite("Metadata word")
struct MetadataWordTests {
  @Test("is the header's fields", arguments: [(1, false), (48, true)] as [(UInt64, Bool)])
  func layout(_ span: UInt64, _ hasGap: Bool) {
    let shape = MetadataWord.shape(span: span, hasGap: hasGap)
    #expect(MetadataWord.span(shape) == span)
    #expect(MetadataWord.hasGap(shape) == hasGap)
    var header = RecordHeader()
    unsafe withUnsafeMutableBytes(of: &header) {
      unsafe $0.storeBytes(
        of: shape | MetadataWord.content(kind: .exec, cpu: 4097, flags: [.truncated, .fault]),
        toByteOffset: MetadataWord.offset, as: UInt64.self)
      unsafe $0.storeBytes(of: 7, toByteOffset: MetadataWord.lostBefore, as: UInt32.self)
    }
    #expect(header.kind == EventKind.exec.rawValue)
    #expect(header.span == span)
    #expect(header.cpu == 4097)
    let flags: RecordFlags = hasGap ? [.truncated, .fault, .gap] : [.truncated, .fault]
    #expect(header.flags == flags.rawValue)
    #expect(header.lostBefore == 7)
  }
}
