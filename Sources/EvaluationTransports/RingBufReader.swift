import BPFLoader
import CSequencerAtomics
import Sequencer

/// Reads one BPF ringbuf in place and gives its position back when told to: the layout of
/// kernel/bpf/ringbuf.c. libbpf's consumer gives it back after each record.
///
/// A page with the consumer's position, a page with the producers', then the data twice in a row, so that
/// a record that wraps is contiguous.
struct RingBufReader: ~Copyable {
  private let own: MappedRegion
  private let kernel: MappedRegion
  private let mask: UInt64
  private let page: Int
  /// Where the next record begins.
  private(set) var position: UInt64
  private var released: UInt64
  /// How far the producers were when last looked.
  private var end: UInt64

  /// BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT of a record's header word.
  private static var busy: UInt32 { 1 << 31 }
  private static var discarded: UInt32 { 1 << 30 }

  init(descriptor: Int32, bytes: Int, pageSize: Int) throws {
    let own = try MappedRegion(descriptor: descriptor, byteCount: pageSize)
    let kernel = try MappedRegion(
      descriptor: descriptor, byteCount: pageSize + 2 * bytes, page: 1, isWritable: false)
    self.own = own
    self.kernel = kernel
    mask = UInt64(bytes - 1)
    page = pageSize
    position = unsafe seq_load_u64(self.own.base)
    released = position
    end = position
  }

  /// The next record's payload; nil if none is ready. Stays as it is until ``release()``.
  ///
  /// - Throws: if the kernel can't have written what lies there.
  @inline(__always)
  mutating func next() throws -> UnsafeRawPointer? {
    while true {
      if position == end {
        end = unsafe seq_load_acquire_u64(kernel.base)
        if position == end { return nil }
      }
      let header = unsafe kernel.base + page + Int(position & mask)
      let word = unsafe seq_load_acquire_u32(header)
      if word & RingBufReader.busy != 0 { return nil }
      if word & RingBufReader.discarded == 0 { return unsafe UnsafeRawPointer(header) + 8 }
      try step(word)
    }
  }

  /// Steps over the record that ``next()`` returned.
  @inline(__always)
  mutating func advance() throws {
    try step(unsafe seq_load_u32(kernel.base + page + Int(position & mask)))
  }

  @inline(__always)
  private mutating func step(_ word: UInt32) throws {
    let length = UInt64(word & ~(RingBufReader.busy | RingBufReader.discarded))
    let size = (length + 8 + 7) & ~7
    guard size <= end &- position else {
      throw EvaluationError("the ringbuf is damaged: a record is longer than what was written")
    }
    position &+= size
  }

  /// Gives what was read back to the producers.
  @inline(__always)
  mutating func release() {
    if position == released { return }
    unsafe seq_store_release_u64(own.base, position)
    released = position
  }

  /// Whether a record came that the producers may not have rung for, because the position that they saw
  /// was an older one: to be asked after ``release()`` and before sleep.
  mutating func isReadyAfterRelease() -> Bool {
    release()
    seq_full_barrier()
    end = unsafe seq_load_acquire_u64(kernel.base)
    if position == end { return false }
    return unsafe seq_load_acquire_u32(kernel.base + page + Int(position & mask))
      & RingBufReader.busy == 0
  }
}
