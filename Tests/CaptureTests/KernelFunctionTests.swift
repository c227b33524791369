import BPFCKit
import BPFLoader
import Testing

/// Both sides count the kernel's functions the same way.
@Suite("Numbers of the kernel's functions")
struct KernelFunctionTests {
  @Test(arguments: [
    (KIT_PREEMPT_DISABLE, "bpf_preempt_disable"), (KIT_PREEMPT_ENABLE, "bpf_preempt_enable"),
    (KIT_LOCAL_IRQ_SAVE, "bpf_local_irq_save"), (KIT_LOCAL_IRQ_RESTORE, "bpf_local_irq_restore"),
  ])
  func agree(_ number: Int, _ name: String) throws {
    let place = try #require(ProgramPreemption.kernelFunctions.firstIndex(of: name))
    #expect(UInt32(number) == ProgramPreemption.firstNumber + UInt32(place))
  }
}
