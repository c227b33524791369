import Testing

@testable import BPFLoader

/// Instructions as bytes: include/uapi/linux/bpf.h, struct bpf_insn.
@Suite("Maps addressed without a look-up")
struct DirectMapsTests {
  private func wide(_ register: UInt8, source: UInt8, _ low: [UInt8], _ high: [UInt8]) -> [UInt8] {
    [0x18, source << 4 | register, 0, 0] + low + [0, 0, 0, 0] + high
  }
  private let exit: [UInt8] = [0x95, 0, 0, 0, 0, 0, 0, 0]

  @Test("a reference becomes an address, its register and all others stay")
  func changes() {
    let other = wide(2, source: 1, [8, 0, 0, 0], [9, 9, 9, 9])
    // 0x1234 as a plain constant.
    let constant = wide(3, source: 0, [0x34, 0x12, 0, 0], [1, 0, 0, 0])
    var bytes =
      wide(1, source: 1, [0x34, 0x12, 0, 0], [7, 0, 0, 0]) + other + constant + exit
    #expect(DirectMaps.address([0x1234, 5], in: &bytes))
    #expect(
      bytes == wide(1, source: 2, [0x34, 0x12, 0, 0], [0, 0, 0, 0]) + other + constant + exit)
  }

  @Test("the second half of a constant is no instruction")
  func halves() {
    // A data address whose second half reads as a reference to map 5 would.
    var bytes: [UInt8] = [0x18, 0x01, 0, 0, 1, 0, 0, 0]
    bytes += [0x18, 0x11, 0, 0, 5, 0, 0, 0] + exit + exit
    let before = bytes
    #expect(!DirectMaps.address([5], in: &bytes))
    #expect(bytes == before)
  }

  @Test("what is cut short stays as it is", arguments: [0, 8, 12])
  func short(_ count: Int) {
    var bytes = Array(wide(1, source: 1, [5, 0, 0, 0], [0, 0, 0, 0]).prefix(count))
    let before = bytes
    #expect(!DirectMaps.address([5], in: &bytes))
    #expect(bytes == before)
  }
}
