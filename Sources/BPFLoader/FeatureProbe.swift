import CLibBPF
import Glibc

/// What a look at the kernel gave.
public enum Availability: Hashable, Sendable {
  /// It is there: the kernel took it.
  case available
  /// It is not there; the text says how that was seen.
  case missing(String)
  /// It can't be seen, e.g. without privilege; the text says why.
  case unknown(String)

  /// Whether it is known to be there.
  public var isAvailable: Bool { self == .available }
}

/// Asks the running kernel what it can do, by trying it where that is cheap.
///
/// What is loaded or created for a try is closed again before the answer. libbpf's own helper probe
/// refuses tracing programs, so programs of two or three instructions are loaded here.
public enum FeatureProbe {
  /// Probes whether programs of a `tp_btf` tracepoint may call a helper.
  ///
  /// Loads a program that does nothing but call it, and reads what the verifier says: whether it
  /// knows the helper for this type of program, not whether the (absent) arguments are right.
  ///
  /// - Parameters:
  ///   - name: the helper without `bpf_`, e.g. `ringbuf_output`.
  ///   - tracepoint: the tracepoint whose programs would call it.
  ///   - types: the running kernel's types.
  /// - Returns: without the privilege to load programs, `missing` for a helper that the kernel's types
  ///   don't name, else `unknown`.
  public static func helper(
    _ name: String, onTracepoint tracepoint: String, types: borrowing KernelBTF
  ) -> Availability {
    guard let number = types.enumValue("BPF_FUNC_" + name, in: "bpf_func_id") else {
      return .missing("the kernel doesn't know bpf_\(name)")
    }
    guard let target = types.tracepointID(tracepoint) else {
      return .unknown("no tracepoint \(tracepoint) to try bpf_\(name) on")
    }
    let call = instruction(code: 0x85, immediate: Int32(truncatingIfNeeded: number))
    switch load([call] + returnZero, target: target) {
    case .loaded: return .available
    case .denied(let code): return .unknown("no permission to load programs: \(words(code))")
    case .refused(let code, let log):
      // Since 6.13 "program of this type cannot use helper", before "unknown func"; other complaints
      // (about registers that hold nothing) come after the helper was accepted.
      let refusals = ["cannot use helper", "unknown func", "invalid func", "cannot call"]
      if let line = log.split(separator: "\n").first(where: { line in
        refusals.contains { line.contains($0) }
      }) {
        return .missing(String(line))
      }
      return log.isEmpty ? .unknown("the kernel refused without a log: \(words(code))") : .available
    }
  }

  /// Probes whether a program can be loaded for a `tp_btf` tracepoint.
  public static func tracepoint(_ name: String, types: borrowing KernelBTF) -> Availability {
    guard let target = types.tracepointID(name) else {
      return .missing("the kernel has no tracepoint \(name)")
    }
    switch load(returnZero, target: target) {
    case .loaded: return .available
    case .denied(let code): return .unknown("no permission to load programs: \(words(code))")
    case .refused(let code, let log):
      let reason = log.split(separator: "\n").first.map(String.init) ?? words(code)
      return .missing("the kernel refused a program: \(reason)")
    }
  }

  /// Probes whether programs may stand on a function of the kernel (`fentry`): loads one of two instructions,
  /// attaches it, and takes it away again.
  ///
  /// - Parameters:
  ///   - name: the function.
  ///   - arguments: the types of its first arguments, in C's words, that the program relies on; nil: any.
  ///   - types: the running kernel's types.
  /// - Returns: `missing` where the kernel has no such function, or lets no program stand on it.
  public static func function(
    _ name: String, arguments: [String?] = [], types: borrowing KernelBTF
  ) -> Availability {
    guard let target = types.functionID(name), let found = types.function(name) else {
      return .missing("the kernel has no function \(name)")
    }
    for (place, wanted) in arguments.enumerated() {
      guard let wanted else { continue }
      if place >= found.count || found[place] != wanted {
        return .missing("\(name)() has other arguments here")
      }
    }
    switch load(returnZero, target: target, as: BPF_TRACE_FENTRY, attaches: true) {
    case .loaded: return .available
    case .denied(let code): return .missing("fentry is refused: \(words(code))")
    case .refused(let code, let log):
      let reason = log.split(separator: "\n").first.map(String.init) ?? words(code)
      return .missing("fentry is refused: \(reason)")
    }
  }

  /// Types of maps that Ordinal uses.
  public enum MapType: String, CaseIterable, Hashable, Sendable {
    case array
    case hash
    case perCPUArray = "percpu_array"
    case ringBuf = "ringbuf"
    case perfEventArray = "perf_event_array"
    case taskStorage = "task_storage"
    case cgroupArray = "cgroup_array"

    fileprivate var number: bpf_map_type {
      switch self {
      case .array: BPF_MAP_TYPE_ARRAY
      case .hash: BPF_MAP_TYPE_HASH
      case .perCPUArray: BPF_MAP_TYPE_PERCPU_ARRAY
      case .ringBuf: BPF_MAP_TYPE_RINGBUF
      case .perfEventArray: BPF_MAP_TYPE_PERF_EVENT_ARRAY
      case .taskStorage: BPF_MAP_TYPE_TASK_STORAGE
      case .cgroupArray: BPF_MAP_TYPE_CGROUP_ARRAY
      }
    }
  }

  /// Probes whether maps of a type can be created.
  public static func map(_ type: MapType) -> Availability {
    // libbpf's probe can't tell "not allowed" from "not there"; a plain array always is there.
    if case .unknown(let reason) = mappableArray(byteCount: 8) { return .unknown(reason) }
    let answer = libbpf_probe_bpf_map_type(type.number, nil)
    switch answer {
    case 1: return .available
    case 0: return .missing("the kernel doesn't create maps of type \(type.rawValue)")
    default: return .unknown("probing map type \(type.rawValue): \(words(answer))")
    }
  }

  /// Probes whether an array of one element of this size can be created for mapping into a process,
  /// as the ring is. The memory is given back at once.
  public static func mappableArray(byteCount: UInt64) -> Availability {
    guard let size = UInt32(exactly: byteCount), size > 0 else {
      return .missing("an element of \(byteCount) bytes; the kernel's sizes are 32-bit")
    }
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    options.map_flags = UInt32(BPF_F_MMAPABLE)
    let map = unsafe bpf_map_create(BPF_MAP_TYPE_ARRAY, "ordinal_probe", 4, size, 1, &options)
    if map >= 0 {
      close(map)
      return .available
    }
    if map == -EPERM || map == -EACCES {
      return .unknown("no permission to create maps: \(words(map))")
    }
    return .missing("creating a mappable array of \(size) bytes: \(words(map))")
  }

  // MARK: Programs to try

  private enum LoadResult {
    case loaded
    case denied(Int32)
    case refused(Int32, log: String)
  }

  /// `r0 = 0; exit`
  private static var returnZero: [bpf_insn] {
    [instruction(code: 0xb7, immediate: 0), instruction(code: 0x95, immediate: 0)]
  }

  private static func instruction(code: UInt8, immediate: Int32) -> bpf_insn {
    var instruction = bpf_insn()
    instruction.code = code
    instruction.imm = immediate
    return instruction
  }

  private static func load(
    _ program: [bpf_insn], target: UInt32, as type: bpf_attach_type = BPF_TRACE_RAW_TP,
    attaches: Bool = false
  ) -> LoadResult {
    var log = [CChar](repeating: 0, count: 16384)
    let result = unsafe log.withUnsafeMutableBufferPointer { buffer in
      var options = unsafe bpf_prog_load_opts()
      unsafe options.sz = MemoryLayout<bpf_prog_load_opts>.size
      unsafe options.expected_attach_type = type
      unsafe options.attach_btf_id = target
      unsafe options.log_level = 1
      unsafe options.log_size = UInt32(buffer.count)
      unsafe options.log_buf = buffer.baseAddress
      return unsafe bpf_prog_load(
        BPF_PROG_TYPE_TRACING, "ordinal_probe", "Dual BSD/GPL", program, program.count, &options)
    }
    if result >= 0 {
      defer { close(result) }
      guard attaches else { return .loaded }
      let link = bpf_raw_tracepoint_open(nil, result)
      if link < 0 { return .refused(link, log: "") }
      close(link)
      return .loaded
    }
    let text = String(decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    // With a log the verifier has spoken, and EACCES is its way to say no.
    if text.isEmpty && (result == -EPERM || result == -EACCES) { return .denied(result) }
    return .refused(result, log: text)
  }

  private static func words(_ code: Int32) -> String { ErrnoText.describe(code) }
}
