import CLibBPF
import Glibc

/// An attachment of a program. Ends it when it goes, unless it is pinned.
@safe public struct BPFLink: ~Copyable {
  private let handle: OpaquePointer
  private let name: String
  private let program: Int32

  init(owning handle: OpaquePointer, name: String, program: Int32) {
    unsafe self.handle = unsafe handle
    self.name = name
    self.program = fcntl(program, F_DUPFD_CLOEXEC, 3)
  }

  deinit {
    _ = unsafe bpf_link__destroy(handle)
    if program >= 0 { close(program) }
  }

  /// Opens a link that an earlier process pinned.
  public init(pinnedAt path: String) throws(BPFError) {
    guard let link = unsafe bpf_link__open(path) else {
      throw BPFError(
        "open", "pinned link \(path)", code: errno, remedy: "remove the pins and start anew")
    }
    unsafe handle = unsafe link
    name = path
    var info = bpf_link_info()
    var size = UInt32(MemoryLayout<bpf_link_info>.size)
    let result = unsafe bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size)
    program = result == 0 ? bpf_prog_get_fd_by_id(info.prog_id) : -1
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

  /// Runs that the kernel skipped because the program was already running on that CPU
  /// (`recursion_misses` of `bpf_prog_info`); monotonic.
  public func missed() throws(BPFError) -> UInt64 {
    guard program >= 0 else {
      throw BPFError("query", "program of \(name)", code: EBADF, remedy: "run as root")
    }
    return try BPFProgram(descriptor: program, name: name).missed()
  }

  /// As ``BPFProgram/runs()``.
  package func runs() throws(BPFError) -> BPFRuns {
    try BPFProgram(descriptor: program, name: name).runs()
  }
}
