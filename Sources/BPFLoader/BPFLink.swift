import CLibBPF
import Glibc

/// An attachment of a program. Ends it when it goes, unless it is pinned.
@safe public struct BPFLink: ~Copyable {
  private let handle: OpaquePointer
  private let name: String

  init(owning handle: OpaquePointer, name: String) {
    unsafe self.handle = unsafe handle
    self.name = name
  }

  deinit { _ = unsafe bpf_link__destroy(handle) }

  /// Opens a link that an earlier process pinned.
  public init(pinnedAt path: String) throws(BPFError) {
    guard let link = unsafe bpf_link__open(path) else {
      throw BPFError(
        "open", "pinned link \(path)", code: errno, remedy: "remove the pins and start anew")
    }
    unsafe handle = unsafe link
    name = path
    // An opened link remembers its path; only `unpin` may remove it.
  }

  /// Keeps the attachment alive by a file in bpffs.
  public func pin(at path: String) throws(BPFError) {
    let result = unsafe bpf_link__pin(handle, path)
    if result != 0 {
      throw BPFError(
        "pin", "link \(name) at \(path)", code: result,
        remedy: "remove what is left there, and check that the file system is bpffs")
    }
  }

  /// Ends the attachment now.
  public consuming func detach() {}

  /// The id of the program behind the link.
  public func programID() throws(BPFError) -> UInt32 {
    var info = bpf_link_info()
    var size = UInt32(MemoryLayout<bpf_link_info>.size)
    let result = unsafe bpf_obj_get_info_by_fd(bpf_link__fd(handle), &info, &size)
    if result != 0 {
      throw BPFError("query", "link \(name)", code: errno, remedy: "run `ordinal doctor`")
    }
    return info.prog_id
  }
}
