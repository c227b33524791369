/// What can go wrong when the kernel's type information is opened or asked.
public enum BTFError: Error, Hashable, Sendable {
  /// The file with the kernel's types can't be read.
  case unavailable(path: String, errno: Int32)
  /// The file is there, and libbpf can't make sense of it.
  case unreadable(path: String, errno: Int32)
  /// The kernel has no structure or union of this name.
  case unknownStructure(String)
  /// A path is empty or has an empty component.
  case malformedPath(String)
  /// The structure has no such member, neither directly nor in its anonymous members.
  case unknownField(component: String, path: String, structure: String)
  /// A component in the middle of a path is a pointer, an array or a number.
  case notAStructure(component: String, path: String, structure: String, type: String)
  /// The field is a bitfield, or doesn't start at a byte.
  case bitfield(path: String, structure: String, bits: Int)
  /// BTF doesn't say how large the field is (an incomplete type).
  case unknownSize(path: String, structure: String)
}

extension BTFError: CustomStringConvertible {
  /// The operation, the object, the reason and what to do next.
  public var description: String {
    switch self {
    case .unavailable(let path, let code):
      "can't read the kernel's types from \(path): \(ErrnoText.describe(code)); "
        + "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and check that /sys is mounted"
    case .unreadable(let path, let code):
      "can't parse the kernel's types in \(path): \(ErrnoText.describe(code)); "
        + "a newer libbpf may know this kernel's format"
    case .unknownStructure(let name):
      "the kernel's BTF has no structure '\(name)'; check the name against this kernel's version"
    case .malformedPath(let path):
      "'\(path)' is not a field path; write member names joined by dots, e.g. 'f_path.dentry'"
    case .unknownField(let component, let path, let structure):
      "can't find '\(component)' of '\(path)' in struct \(structure); "
        + "the field has another name in this kernel, or is not built into it"
    case .notAStructure(let component, let path, let structure, let type):
      "can't follow '\(path)' in struct \(structure): '\(component)' is '\(type)', "
        + "not an embedded structure; ask for what lies behind it by its own structure"
    case .bitfield(let path, let structure, let bits):
      "'\(path)' in struct \(structure) is a bitfield of \(bits) bit\(bits == 1 ? "" : "s"), "
        + "which has no byte offset; read the bytes around it by a neighbouring field"
    case .unknownSize(let path, let structure):
      "the kernel's BTF doesn't give the size of '\(path)' in struct \(structure); "
        + "its type is incomplete there"
    }
  }
}
