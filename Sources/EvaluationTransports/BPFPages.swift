import BPFLoader
import CEvaluation
import CLibBPF
import Glibc
import Sequencer

/// What pages memory that programs and user space share is mapped in, and what the advice that the white
/// paper's program gives (`madvise(MADV_HUGEPAGE)`) makes of it.
package struct BPFPages: Sendable {
  /// Kinds of such memory: all that a BPF program can write to and a process can map.
  package enum Kind: String, CaseIterable, Sendable {
    /// A mappable array, as the ring is.
    case array
    /// An arena (Linux 6.9 and newer): pages come when either side touches them.
    case arena
    /// A BPF ringbuf.
    case ringbuf
  }

  /// Bytes of a page, as `smaps` has it.
  package var page: UInt64 = 0
  /// KiB that are in huge pages: at first, and after the advice.
  package var huge: (before: Int64, after: Int64) = (0, 0)
  /// The advice's errno; 0: it was accepted.
  package var answer: Int32 = 0

  /// BPF_MAP_TYPE_ARENA, include/uapi/linux/bpf.h; libbpf's own headers are older than it in Debian 12.
  private static let arenaType = bpf_map_type(rawValue: 33)

  /// Makes such memory, touches every page of it, advises, and touches it again.
  ///
  /// - Parameters:
  ///   - kind: what memory.
  ///   - bytes: how much: a power of two.
  /// - Throws: if the kernel has no such memory, or refuses it; the text says which.
  package init(_ kind: Kind, bytes: Int) throws {
    let size = sysconf(Int32(_SC_PAGESIZE))
    var options = bpf_map_create_opts()
    options.sz = MemoryLayout<bpf_map_create_opts>.size
    options.map_flags = kind == .ringbuf ? 0 : UInt32(BPF_F_MMAPABLE)
    let descriptor =
      switch kind {
      case .array:
        unsafe bpf_map_create(BPF_MAP_TYPE_ARRAY, "pages", 4, UInt32(bytes), 1, &options)
      case .arena:
        unsafe bpf_map_create(
          BPFPages.arenaType, "pages", 0, 0, UInt32(bytes / size), &options)
      case .ringbuf:
        unsafe bpf_map_create(BPF_MAP_TYPE_RINGBUF, "pages", 0, 0, UInt32(bytes), &options)
      }
    guard descriptor >= 0 else {
      throw EvaluationError("no \(kind.rawValue) of \(bytes >> 20) MiB: \(describe(-descriptor))")
    }
    defer { close(descriptor) }
    // A ringbuf's data lie behind two pages of positions.
    let region = try MappedRegion(
      descriptor: descriptor, byteCount: kind == .ringbuf ? bytes + size : bytes,
      page: kind == .ringbuf ? 1 : 0, isWritable: kind != .ringbuf)
    func touch() {
      for offset in stride(from: 0, to: region.byteCount, by: size) {
        _ = unsafe region.base.load(fromByteOffset: offset, as: UInt8.self)
      }
    }
    touch()
    huge.before = unsafe evaluation_huge_kilobytes(region.base, &page)
    answer = unsafe evaluation_advise_huge(region.base, region.byteCount)
    touch()
    huge.after = unsafe evaluation_huge_kilobytes(region.base, &page)
    guard huge.before >= 0, huge.after >= 0 else {
      throw EvaluationError("the mapping is not in /proc/self/smaps; check that /proc is mounted")
    }
  }
}
