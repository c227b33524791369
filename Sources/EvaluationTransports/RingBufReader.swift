import BPFLoader
import CSequencerAtomics
import Glibc
import Sequencer

/// Reads one BPF ringbuf in place and gives its position back when told to: the layout of
/// kernel/bpf/ringbuf.c. libbpf's consumer gives it back after each record.
///
/// A page with the consumer's position, a page with the producers', then the data twice in a row, so that
/// a record that wraps is contiguous.
///
/// Borrows the mapping: whoever has one keeps its ``RingBufMapping``. A value type, so that a drain works on
/// a copy of its own: what lies in a class is checked for overlapping access at each step, which costs more
/// than the step.
@safe struct RingBufReader {
  private let own: UnsafeMutableRawPointer
  private let kernel: UnsafeMutableRawPointer
  private let data: UnsafeMutableRawPointer
  private let mask: UInt64
  /// Where the next record begins.
  private(set) var position: UInt64
  private var released: UInt64
  /// How far the producers were when last looked.
  private var end: UInt64

  /// BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT of a record's header word.
  private static var busy: UInt32 { 1 << 31 }
  private static var discarded: UInt32 { 1 << 30 }

  init(_ mapping: RingBufMapping) {
    unsafe own = mapping.own.base
    unsafe kernel = mapping.kernel.base
    unsafe data = mapping.kernel.base + mapping.pageSize
    mask = UInt64(mapping.bytes - 1)
    position = unsafe seq_load_u64(own)
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
        end = unsafe seq_load_acquire_u64(kernel)
        if position == end { return nil }
      }
      let header = unsafe data + Int(position & mask)
      let word = unsafe seq_load_acquire_u32(header)
      if word & RingBufReader.busy != 0 { return nil }
      if word & RingBufReader.discarded == 0 { return unsafe UnsafeRawPointer(header) + 8 }
      try step(word)
    }
  }

  /// Steps over the record that ``next()`` returned.
  @inline(__always)
  mutating func advance() throws {
    try step(unsafe seq_load_u32(data + Int(position & mask)))
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

  /// Hands every ready record to `sink`, up to `limit`, and gives them back once a batch and at the end.
  ///
  /// - Returns: the number of records.
  /// - Throws: if the kernel can't have written what lies there.
  mutating func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    var count = 0
    while count < limit, let record = unsafe try next() {
      unsafe sink.take(record)
      try advance()
      count += 1
      if count % RingBufReader.batch == 0 { release() }
    }
    release()
    return count
  }

  /// Records between two releases; as many slots as the sequencer's consumer takes.
  static let batch = 512

  /// Gives what was read back to the producers.
  @inline(__always)
  mutating func release() {
    if position == released { return }
    unsafe seq_store_release_u64(own, position)
    released = position
  }

  /// Whether a record came that the producers may not have rung for, because the position that they saw
  /// was an older one: to be asked after ``release()`` and before sleep.
  mutating func isReadyAfterRelease() -> Bool {
    release()
    seq_full_barrier()
    end = unsafe seq_load_acquire_u64(kernel)
    if position == end { return false }
    return unsafe seq_load_acquire_u32(data + Int(position & mask))
      & RingBufReader.busy == 0
  }
}

/// The pages of a BPF ringbuf, mapped for a ``RingBufReader``.
final class RingBufMapping {
  let own: MappedRegion
  let kernel: MappedRegion
  let bytes: Int
  let pageSize: Int

  init(descriptor: Int32, bytes: Int) throws {
    pageSize = sysconf(Int32(_SC_PAGESIZE))
    own = try MappedRegion(descriptor: descriptor, byteCount: pageSize)
    kernel = try MappedRegion(
      descriptor: descriptor, byteCount: pageSize + 2 * bytes, page: 1, isWritable: false)
    self.bytes = bytes
  }
}
