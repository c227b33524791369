import Glibc

/// Memory between two pages that must not be touched: what reads past an end dies at once.
///
/// Of the two ends one lies right at its page; the other may lie up to a page from its own.
@safe final class GuardedMemory {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let mapping: UnsafeMutableRawPointer
  private let mapped: Int

  /// Maps `byteCount` zeros.
  ///
  /// - Parameters:
  ///   - byteCount: a multiple of eight.
  ///   - isAtFront: whether the front lies at its page; else the back does.
  /// - Throws: if there is no memory.
  init(_ byteCount: Int, isAtFront: Bool) throws(Finding) {
    let page = sysconf(Int32(_SC_PAGESIZE))
    let room = (byteCount + page - 1) / page * page
    mapped = room + 2 * page
    guard
      let found = unsafe mmap(
        nil, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      unsafe found != MAP_FAILED, unsafe mprotect(found + page, room, PROT_READ | PROT_WRITE) == 0
    else { throw Finding("no memory for the harness itself") }
    unsafe mapping = unsafe found
    unsafe base = unsafe found + page + (isAtFront ? 0 : room - byteCount)
    self.byteCount = byteCount
  }

  deinit { _ = unsafe munmap(mapping, mapped) }

  func clear() { _ = unsafe memset(base, 0, byteCount) }

  func store(_ value: UInt64, at offset: Int) {
    precondition(offset >= 0 && offset + 8 <= byteCount)
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
  }

  func load(_ offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset + 8 <= byteCount)
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Writes what fits.
  func store(_ bytes: [UInt8], at offset: Int) {
    for (index, byte) in bytes.enumerated() where offset + index < byteCount {
      unsafe base.storeBytes(of: byte, toByteOffset: offset + index, as: UInt8.self)
    }
  }
}
