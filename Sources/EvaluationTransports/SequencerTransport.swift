import SequencerABI
import Sequencer

/// The product's ring, read by the product's consumer.
final class SequencerTransport: EventTransport {
  let transport = Transport.sequencer
  let source: EventSource
  private var waiter: Waiter
  private var placed: UInt64 = 0

  init(_ options: EventOptions) throws {
    source = try EventSource.open(.sequencer, options)
    var pace = Waiter.Pace()
    if let nap = options.nap {
      pace.nap = nap
      pace.shortestNap = nap
    }
    waiter = Waiter(.park, pace: pace)
  }

  func drain(_ sink: inout EventSink, limit: Int) throws -> Int {
    var placed: UInt64 = 0
    let count = try source.ring.consumer.drain(limit: limit) { record in
      unsafe record.bytes.withUnsafeBytes { raw in
        unsafe sink.take(raw.baseAddress.unsafelyUnwrapped + Slot.headerSize)
      }
      let header = record.header
      if header.flags & RecordFlags.gap.rawValue != 0 { placed &+= UInt64(header.lostBefore) }
    }
    self.placed &+= placed
    if count > 0 { waiter.progressed(source.ring.consumer) }
    return count
  }

  func wait(nanoseconds: Int) {
    source.ring.wait(&waiter, deadline: monotonicNow() &+ UInt64(nanoseconds))
  }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }

  func losses() throws -> Losses {
    var placed = self.placed
    source.ring.consumer.collectResidualLoss(at: .ended) { _, gap in placed &+= gap.total }
    self.placed = placed
    var losses = Losses()
    losses.counted = source.ring.consumer.account.totals().lost[Int(EventFamily.test.rawValue)]
    losses.placed = placed
    return losses
  }
}
