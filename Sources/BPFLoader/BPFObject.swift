import CLibBPF
import Glibc

/// A BPF object: opened from bytes, configured, loaded, attached. Owns everything libbpf holds for
/// it: maps and programs go when it does, unless they are pinned.
///
/// Life cycle (libbpf's): open → configure → ``load()`` → ``attach(_:)``. Not thread-safe.
@safe public struct BPFObject: ~Copyable {
  private let handle: OpaquePointer
  private let name: String
  /// Where the verifier writes: one buffer for all programs, they are loaded one by one.
  private let log: UnsafeMutablePointer<CChar>
  private static let logCapacity = 4 << 20
  /// BPF_LOG_STATS of the kernel's include/linux/bpf_verifier.h.
  private static let statisticsLevel: UInt32 = 4

  /// Opens an object file that lies in memory; nothing reaches the kernel yet.
  ///
  /// - Parameters:
  ///   - bytes: an ELF file made by the BPF pipeline (docs/bpf-pipeline.md).
  ///   - name: names the object in errors and prefixes its data maps.
  /// - Throws: what libbpf could not make sense of.
  public init(opening bytes: [UInt8], name: String) throws(BPFError) {
    _ = LibBPFLog.installed
    _ = FinalInstructions.installed
    LibBPFLog.clear()
    let opened = unsafe name.withCString { cName in
      var options = unsafe bpf_object_open_opts()
      unsafe options.sz = MemoryLayout<bpf_object_open_opts>.size
      unsafe options.object_name = cName
      return unsafe bytes.withUnsafeBytes { raw in
        unsafe bpf_object__open_mem(raw.baseAddress, raw.count, &options)
      }
    }
    guard let handle = unsafe opened else {
      throw BPFError(
        "open", "object \(name)", code: errno,
        remedy: LibBPFLog.lastLine ?? "rebuild it with bpf-build")
    }
    // Not before the last throw: there Swift 6.2 destroys a field of a value that is whole in part twice.
    self.name = name
    unsafe self.handle = unsafe handle
    // The kernel writes no more than the size it is told.
    unsafe log = UnsafeMutablePointer<CChar>.allocate(capacity: BPFObject.logCapacity)
    unsafe log[0] = 0
  }

  deinit {
    unsafe bpf_object__close(handle)
    unsafe log.deallocate()
  }

  /// Lets `body` write the initial value of a data section's map before load.
  ///
  /// - Parameters:
  ///   - section: e.g. ".rodata"; frozen at load, so the verifier knows its values.
  ///   - type: what lies there; its size must be the section's.
  ///   - body: changes the value.
  /// - Throws: if there is no such section, or it has another size.
  public func configure<Value: BitwiseCopyable>(
    section: String, as type: Value.Type, _ body: (inout Value) -> Void
  ) throws(BPFError) {
    var iterator = unsafe bpf_object__next_map(handle, nil)
    while let map = unsafe iterator {
      if let mapName = unsafe bpf_map__name(map), unsafe String(cString: mapName).hasSuffix(section)
      {
        var size = 0
        guard let memory = unsafe bpf_map__initial_value(map, &size),
          size == MemoryLayout<Value>.size
        else {
          throw BPFError(
            "configure", "section \(section) of \(name)", code: EINVAL,
            remedy: "its size is \(size), not that of \(Value.self): rebuild the object")
        }
        var value = unsafe memory.loadUnaligned(as: Value.self)
        body(&value)
        let result = unsafe bpf_map__set_initial_value(map, &value, size)
        guard result == 0 else {
          throw BPFError(
            "configure", "section \(section) of \(name)", code: result,
            remedy: "configure before load")
        }
        return
      }
      unsafe iterator = unsafe bpf_object__next_map(handle, map)
    }
    throw BPFError(
      "configure", "section \(section) of \(name)", code: ENOENT,
      remedy: "the object has no such section: rebuild it")
  }

  /// Sets a map's sizes before load; nil leaves what the object says.
  public func resize(map: String, valueSize: UInt32? = nil, maxEntries: UInt32? = nil)
    throws(BPFError)
  {
    let target = unsafe try findMap(map)
    if let valueSize {
      let result = unsafe bpf_map__set_value_size(target, valueSize)
      if result != 0 { throw sizing(map, result) }
    }
    if let maxEntries {
      let result = unsafe bpf_map__set_max_entries(target, maxEntries)
      if result != 0 { throw sizing(map, result) }
    }
  }

  private func sizing(_ map: String, _ result: Int32) -> BPFError {
    BPFError(
      "size", "map \(map)", code: result, remedy: "set sizes before load, and above zero")
  }

  /// Has a map's memory taken from a NUMA node, before load.
  ///
  /// - Parameters:
  ///   - map: an array; its memory is taken at load.
  ///   - node: a node that is online; the kernel takes another where that one has no memory left.
  /// - Throws: if there is no such map, or libbpf refuses; a node that is not there fails at load.
  package func place(map: String, onNode node: UInt32) throws(BPFError) {
    let target = unsafe try findMap(map)
    var result = unsafe bpf_map__set_map_flags(
      target, bpf_map__map_flags(target) | UInt32(BPF_F_NUMA_NODE))
    if result == 0 { result = unsafe bpf_map__set_numa_node(target, node) }
    if result != 0 {
      throw BPFError("place", "map \(map)", code: result, remedy: "place before load")
    }
  }

  /// Makes the object use a map that exists instead of one of its own; before load.
  ///
  /// - Parameters:
  ///   - existing: the map, of the same kind; its sizes count. Not kept: libbpf takes a duplicate.
  ///   - map: the name the object has for it.
  /// - Throws: if the object has no such map, or libbpf refuses.
  package func reuse(_ existing: BPFMap, as map: String) throws(BPFError) {
    let target = unsafe try findMap(map)
    let result = unsafe bpf_map__reuse_fd(target, existing.descriptor)
    if result != 0 {
      throw BPFError("reuse", "map \(map)", code: result, remedy: "reuse before load")
    }
  }

  /// Leaves a program out of the load, e.g. one whose tracepoint this kernel lacks.
  public func skip(program: String) throws(BPFError) {
    let target = unsafe try findProgram(program)
    let result = unsafe bpf_program__set_autoload(target, false)
    if result != 0 {
      throw BPFError("skip", "program \(program)", code: result, remedy: "skip before load")
    }
  }

  /// Hands maps and programs to the kernel.
  ///
  /// - Parameters:
  ///   - direct: maps of one element whose symbols stand for that element's address in the programs
  ///     (see `FinalInstructions`); every reference to them is taken so.
  ///   - measured: has the verifier write statistics in place of its log, for
  ///     ``verifierStatistics(of:)``.
  ///   - kernelFunctions: the ids of the kernel's functions that programs call by number
  ///     (``ProgramPreemption/functionIDs(_:)``); empty: such calls are taken out.
  /// - Throws: what the kernel refused, with the verifier's log.
  public func load(
    direct: [String] = [], measured: Bool = false, kernelFunctions: [UInt32] = []
  ) throws(BPFError) {
    LibBPFLog.clear()
    // Addresses, as libbpf has them until it closes the object.
    var programs: [UInt] = []
    var iterator = unsafe bpf_object__next_program(handle, nil)
    let part = BPFObject.logCapacity / max(1, measured ? programNames.count : 1)
    while let program = unsafe iterator {
      // One buffer for all, or a part for each to keep.
      let begin = measured ? programs.count * part : 0
      unsafe log[begin] = 0
      _ = unsafe bpf_program__set_log_buf(program, log + begin, part)
      if measured { _ = unsafe bpf_program__set_log_level(program, BPFObject.statisticsLevel) }
      unsafe try setTarget(of: program)
      programs.append(UInt(bitPattern: program))
      unsafe iterator = unsafe bpf_object__next_program(handle, program)
    }
    var maps: [UInt] = []
    for map in direct { maps.append(UInt(bitPattern: unsafe try findMap(map))) }
    let changes = FinalInstructions.Changes(directMaps: maps, kernelFunctions: kernelFunctions)
    let result = FinalInstructions.with(changes, in: programs) { unsafe bpf_object__load(handle) }
    if result == 0 { return }
    let verifier = unsafe String(cString: log)
    let isVerifier = !verifier.isEmpty
    let remedy =
      switch -result {
      case EPERM where !isVerifier, EACCES where !isVerifier:
        "run as root or with CAP_BPF and CAP_PERFMON; `ordinal doctor` says what is missing"
      case ENOMEM, E2BIG: "use a smaller --ring-size, or free memory"
      default: "run `ordinal doctor`" + (LibBPFLog.lastLine.map { "; libbpf said: \($0)" } ?? "")
      }
    throw BPFError(
      "load", "object \(name)", code: result, remedy: remedy,
      verifierLog: isVerifier ? verifier : nil)
  }

  /// What a program of a measured ``load(direct:measured:kernelFunctions:)`` cost the verifier; nil for one that was skipped.
  package func verifierStatistics(of program: String) throws(BPFError) -> VerifierStatistics? {
    var size = 0
    guard let log = unsafe bpf_program__log_buf(try findProgram(program), &size) else { return nil }
    // Ended by a NUL, by the kernel or by load().
    return VerifierStatistics(log: unsafe String(cString: log))
  }

  /// The instructions of a program as the object has them.
  package func instructionCount(of program: String) throws(BPFError) -> Int {
    unsafe Int(bpf_program__insn_cnt(try findProgram(program)))
  }

  /// The instructions that the kernel kept of a loaded program, without those that it found dead; 0 where it doesn't
  /// tell (CAP_SYS_ADMIN or CAP_PERFMON).
  package func keptInstructionCount(of program: String) throws(BPFError) -> Int {
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    let descriptor = unsafe bpf_program__fd(try findProgram(program))
    let result = unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size)
    if result != 0 {
      throw BPFError("look at", "program \(program)", code: result, remedy: "load it before")
    }
    return Int(info.xlated_prog_len) / 8
  }

  /// Says what a program will be attached to, as the verifier wants to know it: what its section names.
  private func setTarget(of program: OpaquePointer) throws(BPFError) {
    guard unsafe bpf_program__autoload(program),
      let text = unsafe bpf_program__section_name(program)
    else { return }
    let section = unsafe String(cString: text)
    for kind in ["tp_btf/", "fentry/", "iter/"] where section.hasPrefix(kind) {
      let target = String(section.dropFirst(kind.count))
      let result = unsafe bpf_program__set_attach_target(program, 0, target)
      if result != 0 {
        throw BPFError(
          "load", "object \(name)", code: result,
          remedy: "run `ordinal doctor`: this kernel has no \(section)")
      }
    }
  }

  /// Attaches a loaded program to what its section names.
  ///
  /// - Returns: the link; the program is detached when it goes, unless it is pinned.
  public func attach(_ program: String) throws(BPFError) -> BPFLink {
    let target = unsafe try findProgram(program)
    LibBPFLog.clear()
    guard let link = unsafe bpf_program__attach(target) else {
      throw BPFError(
        "attach", "program \(program)", code: errno,
        remedy: "run `ordinal doctor`" + (LibBPFLog.lastLine.map { "; libbpf said: \($0)" } ?? ""))
    }
    return unsafe BPFLink(
      owning: link, name: program, program: bpf_program__fd(target))
  }

  /// Runs an iterator program (`iter/…`) over everything it iterates, once.
  public func runIterator(_ program: String) throws(BPFError) {
    let target = unsafe try findProgram(program)
    guard let link = unsafe bpf_program__attach_iter(target, nil) else {
      throw BPFError(
        "attach", "iterator \(program)", code: errno, remedy: "run `ordinal doctor`")
    }
    defer { _ = unsafe bpf_link__destroy(link) }
    let descriptor = unsafe bpf_iter_create(bpf_link__fd(link))
    guard descriptor >= 0 else {
      throw BPFError("run", "iterator \(program)", code: errno, remedy: "run `ordinal doctor`")
    }
    defer { close(descriptor) }
    var sink: (UInt64, UInt64) = (0, 0)
    while true {
      let got = unsafe read(descriptor, &sink, MemoryLayout.size(ofValue: sink))
      if got > 0 { continue }
      if got == 0 { return }
      if errno == EINTR || errno == EAGAIN { continue }
      throw BPFError("run", "iterator \(program)", code: errno, remedy: "try again")
    }
  }

  /// The names of the object's programs, loaded or not.
  package var programNames: [String] {
    var names: [String] = []
    var iterator = unsafe bpf_object__next_program(handle, nil)
    while let program = unsafe iterator {
      if let name = unsafe bpf_program__name(program) { names.append(unsafe String(cString: name)) }
      unsafe iterator = unsafe bpf_object__next_program(handle, program)
    }
    return names
  }

  /// A loaded program of the object; valid while the object is.
  package func program(_ name: String) throws(BPFError) -> BPFProgram {
    let descriptor = unsafe bpf_program__fd(try findProgram(name))
    guard descriptor >= 0 else {
      throw BPFError("use", "program \(name)", code: descriptor, remedy: "load the object first")
    }
    return BPFProgram(descriptor: descriptor, name: name)
  }

  /// A loaded map of the object; valid while the object is.
  public func map(_ name: String) throws(BPFError) -> BPFMap {
    let target = unsafe try findMap(name)
    let descriptor = unsafe bpf_map__fd(target)
    guard descriptor >= 0 else {
      throw BPFError("use", "map \(name)", code: descriptor, remedy: "load the object first")
    }
    return BPFMap(descriptor: descriptor, name: name)
  }

  private func findMap(_ map: String) throws(BPFError) -> OpaquePointer {
    if let found = unsafe bpf_object__find_map_by_name(handle, map) { return unsafe found }
    throw BPFError(
      "find", "map \(map) in object \(name)", code: ENOENT, remedy: "rebuild the object")
  }

  private func findProgram(_ program: String) throws(BPFError) -> OpaquePointer {
    if let found = unsafe bpf_object__find_program_by_name(handle, program) { return unsafe found }
    throw BPFError(
      "find", "program \(program) in object \(name)", code: ENOENT, remedy: "rebuild the object")
  }
}
