import CLibBPF
import Glibc
import Synchronization

/// What becomes of a program's instructions just before the kernel gets them.
///
/// Maps whose one element programs address directly, without a look-up: a program refers to a map by an instruction that holds its descriptor (`BPF_PSEUDO_MAP_FD`), and finds an
/// element by a helper, for which the key goes through memory. For an array of one element the kernel knows
/// another form of the same instruction, which holds the element's address (`BPF_PSEUDO_MAP_VALUE`,
/// include/uapi/linux/bpf.h; since Linux 5.2). libbpf makes it for data sections only, whose sizes are those
/// of the object file. So programs of ours name such a map's symbol as if it were its element, and just
/// before load, when libbpf has put in the descriptors, they are turned into addresses here.
///
/// Calls of the kernel's functions (kfuncs): programs make them by numbers that no helper has
/// (``ProgramPreemption/firstNumber``). They become calls of the functions (`BPF_PSEUDO_KFUNC_CALL`), or, where they are
/// not wanted, instructions that do nothing, which the kernel drops (`opt_remove_nops()`, kernel/bpf/verifier.c).
/// libbpf's way, external symbols, takes it 25 ms to find four among all of the kernel's types, wanted or not; and a
/// test of a constant would leave the constant's load in each program, on each way out.
///
/// The way there is libbpf's own: a handler for the kinds of sections that our objects have, which then also
/// says what such programs attach to.
enum FinalInstructions {
  /// What to do to a program.
  struct Changes: Sendable {
    /// Maps that are addressed directly, by the addresses libbpf has them at.
    var directMaps: [UInt]
    /// The ids of the kernel's functions, by the order of their numbers; empty: calls of them are taken out.
    var kernelFunctions: [UInt32]
  }

  /// What is to be done to programs that are about to be loaded, by address.
  private static let pending: Mutex<[UInt: Changes]> = Mutex([:])

  /// BPF_LD | BPF_DW | BPF_IMM, the first of the two instructions of a 64-bit constant.
  private static let wideLoad: UInt8 = 0x18
  /// BPF_JMP | BPF_CALL
  private static let callCode: UInt8 = 0x85
  /// BPF_JMP | BPF_JA, to the next instruction where all else is zero.
  private static let jumpCode: UInt8 = 0x05

  /// Registers the handlers, once a process and before an object is opened: libbpf keeps pointers into its
  /// list of them.
  static let installed: Void = {
    unsafe register("tp_btf+", BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP) { program, _, link in
      guard let link = unsafe link else { return -EINVAL }
      unsafe link.pointee = unsafe bpf_program__attach_trace(program)
      return unsafe link.pointee == nil ? -errno : 0
    }
    // Attached by name of what they iterate over, see BPFObject.runIterator().
    unsafe register("iter+", BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, attach: nil)
    // Run by hand.
    unsafe register("raw_tp+", BPF_PROG_TYPE_RAW_TRACEPOINT, bpf_attach_type(0), attach: nil)
  }()

  private static func register(
    _ section: String, _ type: bpf_prog_type, _ attachType: bpf_attach_type,
    attach: libbpf_prog_attach_fn_t?
  ) {
    var options = libbpf_prog_handler_opts()
    options.sz = MemoryLayout<libbpf_prog_handler_opts>.size
    unsafe options.prog_prepare_load_fn = { program, _, _ in
      unsafe FinalInstructions.prepare(program)
    }
    unsafe options.prog_attach_fn = attach
    let result = unsafe libbpf_register_prog_handler(section, type, attachType, &options)
    precondition(result >= 0, "libbpf takes no handler for \(section): out of memory")
  }

  /// Has changes made to `programs`, by the addresses libbpf has them at, when they are loaded, within `body`.
  static func with<Result>(
    _ changes: Changes, in programs: [UInt], _ body: () -> Result
  ) -> Result {
    pending.withLock { pending in for program in programs { pending[program] = changes } }
    defer { pending.withLock { pending in for program in programs { pending[program] = nil } } }
    return body()
  }

  /// `libbpf_prog_prepare_load_fn_t`: the program's instructions are final but for this.
  private static func prepare(_ program: OpaquePointer?) -> Int32 {
    guard let program = unsafe program else { return -EINVAL }
    guard let changes = pending.withLock({ $0[UInt(bitPattern: program)] }) else { return 0 }
    let descriptors = changes.directMaps.compactMap { map in
      unsafe OpaquePointer(bitPattern: map).map { unsafe bpf_map__fd($0) }
    }
    let count = unsafe bpf_program__insn_cnt(program)
    guard let instructions = unsafe bpf_program__insns(program) else { return -EINVAL }
    var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: instructions, count: count * 8))
    var isChanged = address(descriptors, in: &bytes)
    if call(changes.kernelFunctions, in: &bytes) { isChanged = true }
    if !isChanged { return 0 }
    return unsafe bytes.withUnsafeMutableBytes { bytes in
      unsafe bpf_program__set_insns(
        program, bytes.assumingMemoryBound(to: bpf_insn.self).baseAddress, count)
    }
  }

  /// Turns references to maps into the addresses of their first element.
  ///
  /// - Parameters:
  ///   - descriptors: of the maps.
  ///   - bytes: `struct bpf_insn`s: a code, registers (the source in the upper half), an offset of 16 and a
  ///     constant of 32 bits, little-endian.
  /// - Returns: whether there were any.
  static func address(_ descriptors: [Int32], in bytes: inout [UInt8]) -> Bool {
    var isChanged = false
    var at = 0
    while at + 16 <= bytes.count {
      // The other half of a wide load is no instruction of its own.
      let isWide = bytes[at] == wideLoad
      if isWide, bytes[at + 1] >> 4 == UInt8(BPF_PSEUDO_MAP_FD) {
        if descriptors.contains(Int32(bitPattern: constant(at, bytes))) {
          bytes[at + 1] = bytes[at + 1] & 0x0F | UInt8(BPF_PSEUDO_MAP_VALUE) << 4
          // Its constant is the place within the element: its begin.
          for index in (at + 12)..<(at + 16) { bytes[index] = 0 }
          isChanged = true
        }
      }
      at += isWide ? 16 : 8
    }
    return isChanged
  }

  /// Turns calls by number into calls of the kernel's functions, or into instructions that do nothing.
  ///
  /// - Parameters:
  ///   - functions: the functions' ids, in the order of the numbers; empty: no call of them is left.
  ///   - bytes: as ``address(_:in:)`` has them.
  /// - Returns: whether there were any.
  static func call(_ functions: [UInt32], in bytes: inout [UInt8]) -> Bool {
    var isChanged = false
    var at = 0
    while at + 8 <= bytes.count {
      let isWide = bytes[at] == wideLoad
      // No source register: a helper, by number.
      if bytes[at] == callCode, bytes[at + 1] >> 4 == 0 {
        let place = constant(at, bytes) &- ProgramPreemption.firstNumber
        if place < ProgramPreemption.kernelFunctions.count {
          var id: UInt32 = 0
          if functions.isEmpty {
            bytes[at] = jumpCode
          } else {
            bytes[at + 1] = UInt8(BPF_PSEUDO_KFUNC_CALL) << 4
            id = functions[Int(place)]
          }
          for byte in 0..<4 { bytes[at + 4 + byte] = UInt8(truncatingIfNeeded: id >> (8 * byte)) }
          isChanged = true
        }
      }
      at += isWide ? 16 : 8
    }
    return isChanged
  }

  /// The constant of the instruction that begins at `at`.
  private static func constant(_ at: Int, _ bytes: [UInt8]) -> UInt32 {
    bytes[(at + 4)..<(at + 8)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
