import CLibBPF
import Glibc

/// The running kernel's type information (BTF), for as long as this value lives.
///
/// Field offsets differ from kernel to kernel; programs get them from here before they are loaded.
/// Needs no privilege. Nothing changes after creation, so a borrowed value may be asked from several
/// threads. After libbpf's `btf__*` API and the kernel's Documentation/bpf/btf.rst.
@safe
public struct KernelBTF: ~Copyable {
  /// Where the kernel shows its types.
  public static let path = "/sys/kernel/btf/vmlinux"

  let handle: OpaquePointer
  private let index: BTFNameIndex

  /// Reads the running kernel's types.
  ///
  /// - Throws: ``BTFError/unavailable(path:errno:)`` if the kernel shows none or the file can't be read,
  ///   ``BTFError/unreadable(path:errno:)`` if libbpf can't parse it.
  public init() throws(BTFError) {
    // What libbpf says of a file it can't read is no line of ours.
    _ = LibBPFLog.installed
    guard unsafe access(KernelBTF.path, R_OK) == 0 else {
      throw .unavailable(path: KernelBTF.path, errno: errno)
    }
    guard let loaded = unsafe btf__load_vmlinux_btf() else {
      throw .unreadable(path: KernelBTF.path, errno: errno)
    }
    unsafe handle = loaded
    index = unsafe BTFNameIndex(loaded)
  }

  /// Reads raw BTF from a file: another kernel's types, saved.
  package init(contentsOf file: String) throws(BTFError) {
    guard unsafe access(file, R_OK) == 0 else { throw .unavailable(path: file, errno: errno) }
    guard let loaded = unsafe btf__parse_raw(file) else {
      throw .unreadable(path: file, errno: errno)
    }
    unsafe handle = loaded
    index = unsafe BTFNameIndex(loaded)
  }

  deinit { unsafe btf__free(handle) }

  // MARK: Structures

  /// Finds a field's byte offset and size.
  ///
  /// - Parameters:
  ///   - path: member names joined by dots, e.g. `comm` or `f_path.dentry`. Anonymous structures and
  ///     unions on the way need not be named. Pointers are not followed.
  ///   - structName: a structure's or union's name without the keyword, or a typedef of one.
  /// - Returns: bytes from the structure's start, and the field's size.
  /// - Throws: a ``BTFError`` that names the structure, the path and the component at fault.
  public func offset(
    of path: String, in structName: String
  ) throws(BTFError) -> FieldOffset {
    guard var current = compositeID(structName) else { throw .unknownStructure(structName) }
    let components = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard components.allSatisfy({ !$0.isEmpty }) else { throw .malformedPath(path) }
    var bits = 0
    for (position, component) in components.enumerated() {
      guard let found = member(component, of: current) else {
        throw .unknownField(component: component, path: path, structure: structName)
      }
      bits += found.bitOffset
      if found.bitfieldSize != 0 || bits % 8 != 0 {
        throw .bitfield(path: path, structure: structName, bits: found.bitfieldSize)
      }
      if position == components.count - 1 {
        let size = unsafe btf__resolve_size(handle, found.type)
        guard size >= 0 else { throw .unknownSize(path: path, structure: structName) }
        return FieldOffset(byteOffset: bits / 8, byteCount: Int(size))
      }
      guard let inner = unqualified(found.type), isComposite(inner) else {
        throw .notAStructure(
          component: component, path: path, structure: structName, type: describe(found.type))
      }
      current = inner
    }
    throw .malformedPath(path)
  }

  /// Finds the size of a structure or union in bytes.
  ///
  /// - Throws: ``BTFError/unknownStructure(_:)``.
  public func byteCount(of structName: String) throws(BTFError) -> Int {
    guard let id = compositeID(structName) else { throw .unknownStructure(structName) }
    return Int(unsafe btf__resolve_size(handle, id))
  }

  /// Tells whether the kernel has a structure, union, enumeration or typedef of this name.
  public func hasType(_ name: String) -> Bool {
    unsafe index.find(name, in: handle) { _ in true } != nil
  }

  // MARK: Tracepoints and enumerations

  /// Finds what a tracepoint hands to a `tp_btf` program; nil if this kernel has no such tracepoint.
  ///
  /// - Parameter name: the tracepoint's name without its group, e.g. `sched_process_exit`.
  /// - Returns: the arguments without the kernel's own first one, or nil.
  public func tracepoint(_ name: String) -> TracepointSignature? {
    // typedef btf_trace_<name> → pointer → prototype; the first parameter is the kernel's own.
    guard let id = tracepointID(name), let pointerID = unqualified(id),
      let pointer = unsafe btf__type_by_id(handle, pointerID), unsafe btf_is_ptr(pointer),
      let prototypeID = unqualified(unsafe pointer.pointee.type),
      let prototype = unsafe btf__type_by_id(handle, prototypeID),
      unsafe btf_is_func_proto(prototype), let parameters = unsafe btf_params(prototype)
    else { return nil }
    let count = Int(unsafe btf_vlen(prototype))
    let types = (0..<count).dropFirst().map { describe(unsafe parameters[$0].type) }
    return TracepointSignature(name: name, argumentTypes: types)
  }

  /// Finds what a function of the kernel is called with; nil if this kernel has none of this name.
  ///
  /// - Parameter name: a function that is not inlined away; several static ones may share a name, and BTF
  ///   tells of none of them then.
  /// - Returns: the types of its arguments, in C's words.
  public func function(_ name: String) -> [String]? {
    guard let id = functionID(name), let type = unsafe btf__type_by_id(handle, id),
      let prototype = unsafe btf__type_by_id(handle, type.pointee.type),
      unsafe btf_is_func_proto(prototype), let parameters = unsafe btf_params(prototype)
    else { return nil }
    return (0..<Int(unsafe btf_vlen(prototype))).map { describe(unsafe parameters[$0].type) }
  }

  /// The id of a function's type, which the kernel wants at load.
  ///
  /// By libbpf's walk over all types: few functions are asked for, and they are too many to index.
  func functionID(_ name: String) -> UInt32? {
    let kind: Int = BTF_KIND_FUNC
    let id = unsafe btf__find_by_name_kind(handle, name, UInt32(kind))
    return id > 0 ? UInt32(id) : nil
  }

  /// Finds an enumerator's value; nil if this kernel has none of this name.
  ///
  /// - Parameters:
  ///   - name: the enumerator, e.g. `BPF_FUNC_ringbuf_output`.
  ///   - enumeration: the enumeration it is in, e.g. `bpf_func_id`. Without it all enumerations are
  ///     searched, which takes a pass over all types.
  /// - Returns: the value, or nil.
  public func enumValue(_ name: String, in enumeration: String? = nil) -> Int64? {
    if let enumeration {
      guard
        let id = unsafe index.find(
          enumeration, in: handle, where: { unsafe btf_is_any_enum($0) })
      else { return nil }
      return enumerator(name, of: id)
    }
    for id in 1..<max(unsafe btf__type_cnt(handle), 1) {
      if let value = enumerator(name, of: id) { return value }
    }
    return nil
  }

  /// The id of a tracepoint's `btf_trace_` typedef, which the kernel wants at load.
  func tracepointID(_ name: String) -> UInt32? {
    unsafe index.find("btf_trace_" + name, in: handle) { unsafe btf_is_typedef($0) }
  }

  // MARK: Walking

  private func compositeID(_ name: String) -> UInt32? {
    if let id = unsafe index.find(name, in: handle, where: { unsafe btf_is_composite($0) }) {
      return id
    }
    guard let alias = unsafe index.find(name, in: handle, where: { unsafe btf_is_typedef($0) }),
      let target = unqualified(alias), isComposite(target)
    else { return nil }
    return target
  }

  /// The type behind typedefs, qualifiers and type tags.
  private func unqualified(_ id: UInt32) -> UInt32? {
    var id = id
    // BTF that loops is refused by libbpf at dedup only; a bound keeps damaged data harmless.
    for _ in 0..<32 {
      guard let type = unsafe btf__type_by_id(handle, id) else { return nil }
      guard unsafe btf_is_mod(type) || btf_is_typedef(type) else { return id }
      id = unsafe type.pointee.type
    }
    return nil
  }

  private func isComposite(_ id: UInt32) -> Bool {
    guard let type = unsafe btf__type_by_id(handle, id) else { return false }
    return unsafe btf_is_composite(type)
  }

  private struct Member {
    let type: UInt32
    /// From the start of the structure that was searched.
    var bitOffset: Int
    /// 0 for an ordinary member.
    let bitfieldSize: Int
  }

  /// Looks a member up in a structure and, through its anonymous members, below it.
  private func member(_ name: String, of composite: UInt32, depth: Int = 0) -> Member? {
    guard depth < 16, let type = unsafe btf__type_by_id(handle, composite),
      let members = unsafe btf_members(type)
    else { return nil }
    for place in 0..<UInt32(unsafe btf_vlen(type)) {
      let entry = unsafe members[Int(place)]
      let bitOffset = Int(unsafe btf_member_bit_offset(type, place))
      guard let text = unsafe btf__name_by_offset(handle, entry.name_off) else { continue }
      if unsafe text.pointee == 0 {
        guard let inner = unqualified(entry.type), isComposite(inner),
          var found = member(name, of: inner, depth: depth + 1)
        else { continue }
        found.bitOffset += bitOffset
        return found
      }
      guard unsafe strcmp(text, name) == 0 else { continue }
      let size = Int(unsafe btf_member_bitfield_size(type, place))
      return Member(type: entry.type, bitOffset: bitOffset, bitfieldSize: size)
    }
    return nil
  }

  private func enumerator(_ name: String, of id: UInt32) -> Int64? {
    guard let type = unsafe btf__type_by_id(handle, id) else { return nil }
    let count = Int(unsafe btf_vlen(type))
    if unsafe btf_is_enum(type), let values = unsafe btf_enum(type) {
      for place in 0..<count where has(name, at: unsafe values[place].name_off) {
        let value = unsafe values[place].val
        // Without the kind flag an enumeration of four bytes is unsigned.
        return unsafe btf_kflag(type) ? Int64(value) : Int64(UInt32(bitPattern: value))
      }
    } else if unsafe btf_is_enum64(type), let values = unsafe btf_enum64(type) {
      for place in 0..<count where has(name, at: unsafe values[place].name_off) {
        return Int64(bitPattern: unsafe btf_enum64_value(values + place))
      }
    }
    return nil
  }

  private func has(_ name: String, at offset: UInt32) -> Bool {
    guard let text = unsafe btf__name_by_offset(handle, offset) else { return false }
    return unsafe strcmp(text, name) == 0
  }

  /// A type in C's words, as far as messages and signatures need it.
  private func describe(_ id: UInt32, depth: Int = 0) -> String {
    guard id != 0 else { return "void" }
    guard depth < 16, let type = unsafe btf__type_by_id(handle, id) else { return "?" }
    let raw = unsafe btf__name_by_offset(handle, type.pointee.name_off)
    var name = ""
    if let raw = unsafe raw { name = unsafe String(cString: raw) }
    let inner = unsafe type.pointee.type
    switch Int(unsafe btf_kind(type)) {
    case BTF_KIND_PTR:
      let target = describe(inner, depth: depth + 1)
      return target.hasSuffix("*") ? target + "*" : target + " *"
    case BTF_KIND_STRUCT: return "struct " + (name.isEmpty ? "(anonymous)" : name)
    case BTF_KIND_UNION: return "union " + (name.isEmpty ? "(anonymous)" : name)
    case BTF_KIND_ENUM, BTF_KIND_ENUM64: return "enum " + name
    case BTF_KIND_FWD: return (unsafe btf_kflag(type) ? "union " : "struct ") + name
    case BTF_KIND_CONST: return "const " + describe(inner, depth: depth + 1)
    case BTF_KIND_VOLATILE: return "volatile " + describe(inner, depth: depth + 1)
    case BTF_KIND_RESTRICT, BTF_KIND_TYPE_TAG: return describe(inner, depth: depth + 1)
    case BTF_KIND_FUNC_PROTO: return "function"
    case BTF_KIND_ARRAY:
      guard let array = unsafe btf_array(type) else { return "?" }
      return describe(unsafe array.pointee.type, depth: depth + 1)
        + "[\(unsafe array.pointee.nelems)]"
    default: return name
    }
  }
}

// Read only after creation: libbpf's lookups don't write to the object.
extension KernelBTF: @unchecked Sendable {}
