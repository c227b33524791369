/// Where a field lies inside a kernel structure, as the running kernel's BTF has it.
public struct FieldOffset: Hashable, Sendable {
  /// Bytes from the start of the outermost structure.
  public let byteOffset: Int
  /// Bytes of the field itself; 0 for a flexible array.
  public let byteCount: Int

  /// Creates an offset from its numbers; ``KernelBTF/offset(of:in:)`` finds them.
  public init(byteOffset: Int, byteCount: Int) {
    self.byteOffset = byteOffset
    self.byteCount = byteCount
  }
}

/// The arguments that a tracepoint hands to a `tp_btf` program on the running kernel.
public struct TracepointSignature: Hashable, Sendable {
  /// The tracepoint's name, without the `btf_trace_` prefix.
  public let name: String
  /// The arguments' types in C's words, e.g. `struct task_struct *`; the leading `void *` that the
  /// kernel keeps for itself is not among them.
  public let argumentTypes: [String]
  /// The arguments a program sees: `ctx[0] ..< ctx[argumentCount]`.
  public var argumentCount: Int { argumentTypes.count }

  /// Creates a signature; ``KernelBTF/tracepoint(_:)`` finds it.
  public init(name: String, argumentTypes: [String]) {
    self.name = name
    self.argumentTypes = argumentTypes
  }
}
