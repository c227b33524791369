import CLibBPF
import COrdinalSystem
import Glibc

/// One BPF ringbuf and libbpf's consumer of it.
@safe final class RingBufTransport: EventTransport {
  let transport = Transport.ringbuf
  let source: EventSource
  private let consumer: OpaquePointer
  // libbpf keeps its address for as long as the consumer lives.
  private let lent: UnsafeMutablePointer<LentSink>

  init(_ options: EventOptions) throws {
    source = try EventSource.open(.ringbuf, options)
    unsafe lent = .allocate(capacity: 1)
    unsafe lent.initialize(to: LentSink())
    let map = try source.ring.object.map("ringbuf").descriptor
    guard let consumer = unsafe ring_buffer__new(map, takeRecord, lent, nil) else {
      unsafe lent.deallocate()
      throw EvaluationError("libbpf can't read the ringbuf: \(describe(errno))")
    }
    unsafe self.consumer = unsafe consumer
  }

  deinit {
    unsafe ring_buffer__free(consumer)
    unsafe lent.deallocate()
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    let before = sink.count
    let result = unsafe withUnsafeMutablePointer(to: &sink) { sink in
      unsafe lent.pointee.sink = sink
      unsafe lent.pointee.rest = limit
      defer { unsafe lent.pointee.sink = nil }
      return unsafe ring_buffer__consume(consumer)
    }
    // The callback ends a drain at its limit by an error; libbpf has given the position back by then.
    if result < 0 && result != -ECANCELED {
      throw EvaluationError("libbpf can't read the ringbuf: \(describe(-result))")
    }
    return Int(sink.count &- before)
  }

  func wait(nanoseconds: Int) { waitReadable(unsafe ring_buffer__epoll_fd(consumer), nanoseconds) }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var losses = Losses()
    losses.counted = source.refused()
    return losses
  }
}

/// The sink of the drain in progress, for a callback of libbpf.
@safe struct LentSink {
  var sink: UnsafeMutablePointer<EventSink>?
  var rest = 0
}

/// `ring_buffer_sample_fn`: an error ends the drain after this record.
private func takeRecord(
  _ context: UnsafeMutableRawPointer?, _ record: UnsafeMutableRawPointer?, _ length: Int
) -> Int32 {
  guard let lent = unsafe context?.assumingMemoryBound(to: LentSink.self),
    let sink = unsafe lent.pointee.sink, let record = unsafe record
  else { return -EINVAL }
  unsafe sink.pointee.take(record)
  unsafe lent.pointee.rest -= 1
  return unsafe lent.pointee.rest > 0 ? 0 : -ECANCELED
}

/// Sleeps on a ringbuf, or on the epoll descriptor that libbpf would wait for, with a limit in nanoseconds
/// where its own functions know milliseconds.
func waitReadable(_ descriptor: Int32, _ nanoseconds: Int) {
  _ = ordinal_wait_readable(descriptor, -1, Int64(nanoseconds))
}

func describe(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
