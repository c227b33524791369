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
  private let epoll: Int32
  /// The ticket that comes next.
  private var expected: UInt64 = 0
  /// Records that came before their turn, by ticket: of two CPUs of one shard the one that reserved
  /// first may draw its ticket last.
  private var early: [UInt64: eval_event] = [:]
  private static let batch = 512

  /// An array holds no value that can't be copied.
  private final class Shard {
    let descriptor: Int32
    var reader: RingBufReader

    init(bytes: Int) throws {
      let made = unsafe bpf_map_create(
        BPF_MAP_TYPE_RINGBUF, "shard", 0, 0, UInt32(bytes), nil)
      guard made >= 0 else {
        throw EvaluationError("can't make a ringbuf of \(bytes) bytes: \(describe(-made))")
      }
      do {
        reader = try RingBufReader(
          descriptor: made, bytes: bytes, pageSize: sysconf(Int32(_SC_PAGESIZE)))
      } catch {
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
    let count =
      transport == .ringbufTime
      ? try mergeByTime(&sink, limit) : try mergeByTicket(&sink, limit)
    for shard in shards { shard.reader.release() }
    return count
  }

  /// The earliest of those that are there: an empty ringbuf is not waited for, as nothing says whether
  /// something earlier is still to come.
  private func mergeByTime(_ sink: inout EventSink, _ limit: Int) throws -> Int {
    var count = 0
    while count < limit {
      var first: (shard: Shard, record: UnsafeRawPointer, time: UInt64)?
      for shard in shards {
        guard let record = unsafe try shard.reader.next() else { continue }
        let time = unsafe record.load(fromByteOffset: Offset.stamp, as: UInt64.self)
        if unsafe first == nil || time < first!.time { unsafe first = (shard, record, time) }
      }
      guard let first = unsafe first else { break }
      unsafe sink.take(first.record)
      try unsafe first.shard.reader.advance()
      count += 1
      if count % ShardTransport.batch == 0 {
        for shard in shards { shard.reader.release() }
      }
    }
    return count
  }

  private func mergeByTicket(_ sink: inout EventSink, _ limit: Int) throws -> Int {
    var count = 0
    var isStuck = false
    while count < limit, !isStuck {
      isStuck = true
      if !early.isEmpty, let event = early.removeValue(forKey: expected) {
        unsafe withUnsafeBytes(of: event) { unsafe sink.take($0.baseAddress.unsafelyUnwrapped) }
        expected &+= 1
        count += 1
        isStuck = false
        continue
      }
      for shard in shards {
        // As long as it is its turn, one shard is read without a look at the others.
        while count < limit, let record = unsafe try shard.reader.next() {
          let ticket = unsafe record.load(fromByteOffset: Offset.ticket, as: UInt64.self)
          if ticket != expected { break }
          unsafe sink.take(record)
          try shard.reader.advance()
          expected &+= 1
          count += 1
          isStuck = false
          if count % ShardTransport.batch == 0 { shard.reader.release() }
        }
      }
      if isStuck && source.options.cpusPerShard > 1 { isStuck = try !keepEarly() }
    }
    return count
  }

  /// Takes heads out of the way that are not yet due, and may hide one that is.
  private func keepEarly() throws -> Bool {
    guard early.count < 64 * shards.count else { return false }
    var found = false
    for shard in shards {
      guard let record = unsafe try shard.reader.next() else { continue }
      let event = unsafe record.load(as: eval_event.self)
      early[event.ticket] = event
      try shard.reader.advance()
      found = true
    }
    return found
  }

  func wait(nanoseconds: Int) {
    for shard in shards where shard.reader.isReadyAfterRelease() { return }
    waitReadable(epoll, nanoseconds)
  }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var losses = Losses()
    losses.counted = source.refused()
    return losses
  }

  /// Bytes of `struct eval_event`.
  private enum Offset {
    static var stamp: Int { 8 }
    static var ticket: Int { 48 }
  }
}
