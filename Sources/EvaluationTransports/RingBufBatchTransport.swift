import Glibc

/// One BPF ringbuf, read by a consumer that gives its position back once a batch: what is left of the
/// ringbuf's cost when its consumer is as good as the sequencer's.
final class RingBufBatchTransport: EventTransport {
  let transport = Transport.ringbufBatched
  let source: EventSource
  private var reader: RingBufReader
  private let descriptor: Int32
  /// Records between two releases; as many slots as the sequencer's consumer takes.
  private static let batch = 512

  init(_ options: EventOptions) throws {
    source = try EventSource.open(.ringbufBatched, options)
    descriptor = try source.ring.object.map("ringbuf").descriptor
    reader = try RingBufReader(
      descriptor: descriptor, bytes: Int(options.bytes), pageSize: sysconf(Int32(_SC_PAGESIZE)))
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    var count = 0
    while count < limit, let record = unsafe try reader.next() {
      unsafe sink.take(record)
      try reader.advance()
      count += 1
      if count % RingBufBatchTransport.batch == 0 { reader.release() }
    }
    reader.release()
    return count
  }

  func wait(nanoseconds: Int) {
    if reader.isReadyAfterRelease() { return }
    waitReadable(descriptor, nanoseconds)
  }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var losses = Losses()
    losses.counted = source.refused()
    return losses
  }
}
