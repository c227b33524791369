/// Whether the kernel may run another task in the midst of a program, and what programs can do about it.
public enum ProgramPreemption {
  /// What programs prevent it with, all of the kernel's functions that ours call: kernels from 6.10, and from 6.14 the
  /// latter two.
  public static let kernelFunctions = [
    "bpf_preempt_disable", "bpf_preempt_enable", "bpf_local_irq_save", "bpf_local_irq_restore",
  ]

  /// What programs call the first of ``kernelFunctions`` by, and by the numbers after it the others
  /// (`KIT_KERNEL_FUNCTIONS` of BPFCKit.h).
  public static let firstNumber: UInt32 = 0x4B00_0000

  /// Whether programs in a task's context may be preempted on this kernel if they do nothing about it.
  ///
  /// By the kernel's version (``KernelVersion/preemptibleTracepoints``): nothing that can be tried tells kernels with and
  /// without, and to prevent what can't happen costs a few nanoseconds.
  public static let isPossible =
    KernelVersion.running().map { !($0 < .preemptibleTracepoints) } ?? false

  /// The functions of ``kernelFunctions`` that a kernel lacks.
  ///
  /// - Parameter types: the running kernel's types.
  /// - Returns: their names.
  public static func missingFunctions(_ types: borrowing KernelBTF) -> [String] {
    var missing: [String] = []
    for name in kernelFunctions where types.functionID(name) == nil { missing.append(name) }
    return missing
  }

  /// The ids of ``kernelFunctions`` for ``BPFObject/load(direct:measured:kernelFunctions:)``.
  ///
  /// - Parameter types: the running kernel's types.
  /// - Returns: the ids in that order; nil if the kernel lacks one.
  public static func functionIDs(_ types: borrowing KernelBTF) -> [UInt32]? {
    var ids: [UInt32] = []
    for name in kernelFunctions {
      guard let id = types.functionID(name) else { return nil }
      ids.append(id)
    }
    return ids
  }
}
