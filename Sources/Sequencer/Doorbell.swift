import CSequencerAtomics
import Glibc

/// The kernel-side wake-up of a parked consumer: a small BPF ringbuf, used only for its poll().
///
/// A producer that finds the consumer parked writes one token with a forced wake-up; poll() returns,
/// and ``silence()`` throws the tokens away.
public struct Doorbell: ~Copyable {
  /// Readable when the bell has rung; a duplicate of its own.
  public let descriptor: Int32
  private let consumerPage: MappedRegion
  private let producerPage: MappedRegion

  /// A doorbell over a BPF ringbuf map. Its first page holds the consumer's position, its second the
  /// producers' (kernel/bpf/ringbuf.c).
  public init(descriptor: Int32) throws(SequencerError) {
    try self.init(polled: descriptor, mapped: descriptor)
  }

  /// A doorbell that is heard by one descriptor and whose positions lie in another's pages: for tests,
  /// as nothing but a BPF ringbuf is both.
  package init(polled: Int32, mapped: Int32) throws(SequencerError) {
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    let consumer = try MappedRegion(descriptor: mapped, byteCount: pageSize)
    let producer = try MappedRegion(
      descriptor: mapped, byteCount: pageSize, page: 1, isWritable: false)
    // A duplicate: the map's owner may close its own.
    let duplicate = fcntl(polled, F_DUPFD_CLOEXEC, 3)
    guard duplicate >= 0 else {
      throw SequencerError(
        "can't keep the doorbell's descriptor: \(describe(errno)); raise `ulimit -n`")
    }
    self.descriptor = duplicate
    consumerPage = consumer
    producerPage = producer
  }

  deinit { close(descriptor) }

  /// Throws away the tokens rung so far.
  public func silence() {
    // Pairs with the kernel's release of the producers' position.
    let produced = unsafe seq_load_acquire_u64(producerPage.base)
    unsafe seq_store_release_u64(consumerPage.base, produced)
  }
}
