import CLibBPF
import Glibc
import Synchronization

/// Maps whose one element programs address directly, without a look-up.
///
/// A program refers to a map by an instruction that holds its descriptor (`BPF_PSEUDO_MAP_FD`), and finds an
/// element by a helper, for which the key goes through memory. For an array of one element the kernel knows
/// another form of the same instruction, which holds the element's address (`BPF_PSEUDO_MAP_VALUE`,
/// include/uapi/linux/bpf.h; since Linux 5.2). libbpf makes it for data sections only, whose sizes are those
/// of the object file. So programs of ours name such a map's symbol as if it were its element, and just
/// before load, when libbpf has put in the descriptors, they are turned into addresses here.
///
/// The way there is libbpf's own: a handler for the kinds of sections that our objects have, which then also
/// says what such programs attach to.
enum DirectMaps {
  /// The direct maps of a program that is about to be loaded, both by address.
  private static let pending: Mutex<[UInt: [UInt]]> = Mutex([:])

  /// BPF_LD | BPF_DW | BPF_IMM, the first of the two instructions of a 64-bit constant.
  private static let wideLoad: UInt8 = 0x18

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
      unsafe DirectMaps.prepare(program)
    }
    unsafe options.prog_attach_fn = attach
    let result = unsafe libbpf_register_prog_handler(section, type, attachType, &options)
    precondition(result >= 0, "libbpf takes no handler for \(section): out of memory")
  }

  /// Has references to `maps` in `programs`, by the addresses libbpf has them at, turned into addresses when they are loaded, within `body`.
  static func with<Result>(
    _ maps: [UInt], in programs: [UInt], _ body: () -> Result
  ) -> Result {
    pending.withLock { pending in for program in programs { pending[program] = maps } }
    defer { pending.withLock { pending in for program in programs { pending[program] = nil } } }
    return body()
  }

  /// `libbpf_prog_prepare_load_fn_t`: the program's instructions are final but for this.
  private static func prepare(_ program: OpaquePointer?) -> Int32 {
    guard let program = unsafe program else { return -EINVAL }
    let maps = pending.withLock { $0[UInt(bitPattern: program)] } ?? []
    let descriptors = maps.compactMap { map in
      unsafe OpaquePointer(bitPattern: map).map { unsafe bpf_map__fd($0) }
    }
    let count = unsafe bpf_program__insn_cnt(program)
    guard let instructions = unsafe bpf_program__insns(program) else { return -EINVAL }
    var bytes = unsafe [UInt8](UnsafeRawBufferPointer(start: instructions, count: count * 8))
    guard address(descriptors, in: &bytes) else { return 0 }
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
        let constant = bytes[(at + 4)..<(at + 8)].reversed().reduce(UInt32(0)) {
          $0 << 8 | UInt32($1)
        }
        if descriptors.contains(Int32(bitPattern: constant)) {
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
}
