import Glibc

/// One BPF ringbuf, read by a consumer that gives its position back once a batch: what is left of the
/// ringbuf's cost when its consumer is as good as the sequencer's.
final class RingBufBatchTransport: EventTransport {
  let transport = Transport.ringbufBatched
  let source: EventSource
  private let mapping: RingBufMapping
  private var reader: RingBufReader
  private let descriptor: Int32

  init(_ options: EventOptions) throws {
    source = try EventSource.open(.ringbufBatched, options)
    descriptor = try source.ring.object.map("ringbuf").descriptor
    mapping = try RingBufMapping(descriptor: descriptor, bytes: Int(options.bytes))
    reader = RingBufReader(mapping)
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    var reader = reader
    defer { self.reader = reader }
    return try reader.drain(&sink, limit: limit)
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
