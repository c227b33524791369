import BPFLoader
import CEvaluation
import CLibBPF
import EvaluationCKit
import Glibc
import Sequencer

/// A ringbuf for every few CPUs and a merge of them: by time, as Falco's modern probe has it, or by a
/// ticket that all producers draw from one counter, as exact an order as the sequencer's.
final class ShardTransport: EventTransport {
  let transport: Transport
  let source: EventSource
  private var shards: [Shard] = []
  private var merge = Merge()
  private let epoll: Int32

  /// A ringbuf of its own.
  private final class Shard {
    let descriptor: Int32
    let mapping: RingBufMapping

    init(bytes: Int) throws {
      let made = unsafe bpf_map_create(BPF_MAP_TYPE_RINGBUF, "shard", 0, 0, UInt32(bytes), nil)
      guard made >= 0 else {
        throw EvaluationError("can't make a ringbuf of \(bytes) bytes: \(describe(-made))")
      }
      do { mapping = try RingBufMapping(descriptor: made, bytes: bytes) } catch {
        close(made)
        throw error
      }
      descriptor = made
    }
    deinit { close(descriptor) }
  }

  init(_ transport: Transport, _ options: EventOptions) throws {
    self.transport = transport
    // The order's number is in the event's words.
    guard options.payload >= 56 else {
      throw EvaluationError(
        "\(transport.rawValue) needs a payload of 56 bytes or more for its order")
    }
    source = try EventSource.open(transport, options)
    merge.mayBeEarly = options.cpusPerShard > 1
    epoll = evaluation_epoll()
    guard epoll >= 0 else { throw EvaluationError("can't wait for ringbufs: \(describe(errno))") }
    let map = try source.ring.object.map("shards")
    let count = Int(try map.sizes().maxEntries)
    let bytes = ShardTransport.bytesOfShard(options.bytes, shards: count)
    for index in 0..<count {
      let shard = try Shard(bytes: bytes)
      try map.update(key: UInt32(index), value: UInt32(shard.descriptor))
      guard evaluation_epoll_add(epoll, shard.descriptor) == 0 else {
        throw EvaluationError("can't wait for ringbufs: \(describe(errno))")
      }
      shards.append(shard)
      merge.readers.append(RingBufReader(shard.mapping))
    }
  }

  deinit { if epoll >= 0 { close(epoll) } }

  /// The largest power of two of which all shards have together no more than `total`; a page at least.
  static func bytesOfShard(_ total: UInt64, shards: Int) -> Int {
    var bytes = sysconf(Int32(_SC_PAGESIZE))
    while bytes * 2 * shards <= Int(total) { bytes *= 2 }
    return bytes
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    // A value of this drain's own, see RingBufReader.
    var merge = Merge()
    swap(&merge, &self.merge)
    defer { swap(&merge, &self.merge) }
    let count =
      transport == .ringbufTime
      ? try merge.byTime(&sink, limit) : try merge.byTicket(&sink, limit)
    merge.release()
    return count
  }

  func wait(nanoseconds: Int) {
    for index in merge.readers.indices where merge.readers[index].isReadyAfterRelease() { return }
    waitReadable(epoll, nanoseconds)
  }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var losses = Losses()
    losses.counted = source.refused()
    return losses
  }
}
