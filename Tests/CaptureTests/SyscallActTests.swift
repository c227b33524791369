import SequencerABI
import Testing

@testable import Capture

@Suite("The acts of system calls")
struct SyscallActTests {
  @Test("each act has a number of its own, and each call does one act")
  func distinct() {
    let acts = SyscallActs.all.map(\.act)
    #expect(Set(acts).count == acts.count, "two families would take each other's calls")
    #expect(!acts.contains(0))
    let calls = SyscallActs.all.flatMap(\.calls)
    #expect(Set(calls).count == calls.count)
    #expect(SyscallActs.all.allSatisfy { $0.families != 0 && !$0.calls.isEmpty })
  }

  @Test("a program stands in the table once, and each available family has one")
  func programs() {
    let names = ProgramSpec.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(ProgramSpec.all.allSatisfy { $0.families != 0 && !$0.name.isEmpty })
    #expect(EventFamily.available.count == 14 && !EventFamily.available.contains(.test))
    // What hands a mark on to children is attached last, what takes it away first.
    #expect(names.first == "sched_process_exit")
  }
}
