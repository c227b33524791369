/// A transport and its consumer, ready to deliver events.
///
/// One consumer: used by one thread at a time; its ``source``'s loop by any.
package protocol EventTransport: AnyObject {
  /// Which one it is.
  var transport: Transport { get }
  /// Where its events come from.
  var source: EventSource { get }

  /// Hands every event that is ready to `sink`, up to about `limit` of them.
  ///
  /// - Returns: the number handed over.
  /// - Throws: if what was read can't be what the kernel wrote.
  func drain(_ sink: inout EventSink, limit: Int) throws -> Int

  /// Sleeps until an event is ready or `nanoseconds` are over, in the way that is meant for the transport:
  /// parked on the doorbell, or in epoll_wait. To be called when a drain delivered nothing.
  func wait(nanoseconds: Int)

  /// Begins delivery.
  func begin()
  /// Ends delivery: what was sent before is still to be drained.
  func end()

  /// What is lost so far, as far as the transport itself tells: to be called when all is drained.
  func losses() throws -> Losses
}

/// What a transport says of the events that it did not deliver.
package struct Losses: Equatable, Sendable {
  /// Events that it counted as lost.
  package var counted: UInt64 = 0
  /// Of these, told as places in the stream, with the CPU they were lost on.
  package var placed: UInt64 = 0
  /// None.
  package init() {}
}

extension Transport {
  /// Loads the evaluation's object and opens the transport's consumer.
  ///
  /// - Throws: one line that says what to do next; nothing is left attached.
  package func open(_ options: EventOptions) throws -> any EventTransport {
    switch self {
    case .sequencer: try SequencerTransport(options)
    case .ringbuf: try RingBufTransport(options)
    case .ringbufBatched: try RingBufBatchTransport(options)
    case .ringbufTime: try ShardTransport(.ringbufTime, options)
    case .ringbufTicket: try ShardTransport(.ringbufTicket, options)
    case .perf, .perfEvery, .perf8K, .perf64K: try PerfTransport(self, options)
    }
  }
}
