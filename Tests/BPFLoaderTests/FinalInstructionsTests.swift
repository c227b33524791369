import Testing

@testable import BPFLoader

/// Instructions as bytes: include/uapi/linux/bpf.h, struct bpf_insn.
@Suite("Instructions changed before load")
struct FinalInstructionsTests {
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
    #expect(FinalInstructions.address([0x1234, 5], in: &bytes))
    #expect(
      bytes == wide(1, source: 2, [0x34, 0x12, 0, 0], [0, 0, 0, 0]) + other + constant + exit)
  }

  @Test("the second half of a constant is no instruction")
  func halves() {
    // A data address whose second half reads as a reference to map 5 would.
    var bytes: [UInt8] = [0x18, 0x01, 0, 0, 1, 0, 0, 0]
    bytes += [0x18, 0x11, 0, 0, 5, 0, 0, 0] + exit + exit
    let before = bytes
    #expect(!FinalInstructions.address([5], in: &bytes))
    #expect(bytes == before)
  }

  @Test("what is cut short stays as it is", arguments: [0, 8, 12])
  func short(_ count: Int) {
    var bytes = Array(wide(1, source: 1, [5, 0, 0, 0], [0, 0, 0, 0]).prefix(count))
    let before = bytes
    #expect(!FinalInstructions.address([5], in: &bytes))
    #expect(bytes == before)
  }

  @Test("calls by number become the kernel's functions, or nothing; a constant's other half stays")
  func kernelCalls() {
    func call(_ source: UInt8, _ constant: [UInt8]) -> [UInt8] { [0x85, source, 0, 0] + constant }
    let helper = call(0, [5, 0, 0, 0])
    let (first, last) = (call(0, [0, 0, 0, 0x4B]), call(0, [3, 0, 0, 0x4B]))
    let beyond = call(0, [4, 0, 0, 0x4B])
    let wide = [0x18, 0x01, 0, 0, 1, 0, 0, 0] + first
    let nothing: [UInt8] = [0x05, 0, 0, 0, 0, 0, 0, 0]
    var bytes = first + helper + wide + last + beyond + exit
    #expect(FinalInstructions.call([], in: &bytes))
    #expect(bytes == nothing + helper + wide + nothing + beyond + exit)
    #expect(!FinalInstructions.call([], in: &bytes))
    bytes = first + last
    #expect(FinalInstructions.call([0x1234, 2, 3, 0x01020304], in: &bytes))
    #expect(bytes == call(0x20, [0x34, 0x12, 0, 0]) + call(0x20, [4, 3, 2, 1]))
    var cut = Array(wide.prefix(8)) + [0x85]
    #expect(!FinalInstructions.call([], in: &cut))
  }
}
