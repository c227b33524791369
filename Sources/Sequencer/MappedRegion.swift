import Glibc

/// Memory shared with the kernel: a mapped BPF map. Unmapped when it goes.
@safe public struct MappedRegion: ~Copyable {
  /// The first byte.
  public let base: UnsafeMutableRawPointer
  /// Bytes mapped, whole pages.
  public let byteCount: Int
  private let isMapped: Bool

  /// Maps `byteCount` bytes (rounded up to pages) of a descriptor, from page `page` on.
  ///
  /// - Parameters:
  ///   - descriptor: a map made with `BPF_F_MMAPABLE`, or a BPF ringbuf; not kept.
  ///   - byteCount: bytes wanted.
  ///   - page: the first page, counted from 0.
  ///   - isWritable: the kernel refuses to map some pages for writing (a ringbuf's data).
  /// - Throws: if the kernel refuses, e.g. for want of address space.
  public init(
    descriptor: Int32, byteCount: Int, page: Int = 0, isWritable: Bool = true
  ) throws(SequencerError) {
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    let rounded = (byteCount + pageSize - 1) / pageSize * pageSize
    let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
    let mapped = unsafe mmap(nil, rounded, protection, MAP_SHARED, descriptor, page * pageSize)
    guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else {
      throw SequencerError(
        "can't map \(rounded) bytes of the ring: \(describe(errno)); use a smaller --ring-size")
    }
    unsafe base = unsafe mapped
    self.byteCount = rounded
    isMapped = true
  }

  /// Memory that the caller owns and keeps for as long as this value lives: for tests that put what
  /// must not be read right behind it.
  package init(lent base: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.base = unsafe base
    self.byteCount = byteCount
    isMapped = false
  }

  deinit { if isMapped { _ = unsafe munmap(base, byteCount) } }
}

/// What the sequencer can't go on with; the text says what to do.
public struct SequencerError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// An error with this text.
  public init(_ description: String) { self.description = description }
}

func describe(_ code: Int32) -> String {
  unsafe String(cString: strerror(code))
}
