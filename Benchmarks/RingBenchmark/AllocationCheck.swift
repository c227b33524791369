import CAllocationCounter
import EventFormats
import KernelEvents
import Sequencer
import SequencerABI
import SequencerCore

/// Counts what the process allocates while records go their way.
struct AllocationCheck {
  let path: String
  let records: Int
  let allocations: UInt64

  /// Drains at least `records` records of one slot.
  static func drain(records: Int) throws -> AllocationCheck {
    var ring = try BenchmarkRing(byteCount: 16 << 20)
    var count = 0
    var allocations: UInt64 = 0
    _ = ring.fill()
    _ = try ring.drain()
    while count < records {
      _ = ring.fill()
      let before = allocation_count()
      count += try ring.drain().records
      allocations += allocation_count() - before
    }
    return AllocationCheck(path: "drain", records: count, allocations: allocations)
  }

  /// Drains at least `records` forks, execs and exits and writes each into a buffer that has grown.
  static func format(_ format: OutputFormat, records: Int) throws -> AllocationCheck {
    var ring = try BenchmarkRing(byteCount: 16 << 20)
    var writer = EventWriter(format)
    var context = FormattingContext.live()
    var buffer = OutputBuffer(capacity: 256 << 10)
    var count = 0
    var allocations: UInt64 = 0
    // Twice the same: the first fills caches and lets every buffer grow.
    for isWarm in [false, true] {
      count = 0
      while count < records {
        ring.fillWithEvents()
        let before = allocation_count()
        var undecoded = 0
        count += try ring.consumer.drain { record throws(Never) in
          do {
            let event = try DecodedEvent(decoding: record)
            if let gap = event.gap { writer.write(gap: gap, into: &buffer) }
            writer.write(event, context: &context, into: &buffer)
          } catch {
            undecoded += 1
          }
          if buffer.count > 128 << 10 { buffer.removeAll() }
        }
        if isWarm { allocations += allocation_count() - before }
        guard undecoded == 0 else { throw SequencerError("\(undecoded) records did not decode") }
      }
    }
    return AllocationCheck(
      path: "\(format.rawValue) format", records: count, allocations: allocations)
  }

  /// Whether an allocation of the Swift runtime's own is counted: what the figures rest on.
  static var countsWhatSwiftAllocates: Bool {
    let before = allocation_count()
    let array = [UInt64](repeating: before, count: Int.random(in: 100...200))
    return allocation_count() > before && array[0] == before && allocation_counter_is_on()
  }

  var text: String {
    "\(path): \(allocations) allocations over \(records) records"
  }
}
