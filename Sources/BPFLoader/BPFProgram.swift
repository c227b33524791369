import CLibBPF
import Glibc

/// A loaded program by its descriptor, borrowed from a ``BPFObject``.
public struct BPFProgram: Sendable {
  /// The descriptor; not owned.
  public let descriptor: Int32
  /// The name, for errors.
  public let name: String

  /// Runs that the kernel skipped because the program was already running on that CPU
  /// (`recursion_misses` of `bpf_prog_info`); monotonic.
  public func missed() throws(BPFError) -> UInt64 {
    var info = bpf_prog_info()
    var size = UInt32(MemoryLayout<bpf_prog_info>.size)
    if unsafe bpf_obj_get_info_by_fd(descriptor, &info, &size) != 0 {
      throw BPFError("query", "program \(name)", code: errno, remedy: "run `ordinal doctor`")
    }
    return info.recursion_misses
  }
}
