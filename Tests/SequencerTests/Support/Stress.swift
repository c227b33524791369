import CSequencerAtomics
import Glibc
import SequencerABI
import SequencerCore
import TestSupport
import Testing

/// Threads that hammer a small ring while one reads it.
struct Stress: CustomTestStringConvertible, Sendable {
  var threads: Int
  /// Slots of the longest claim, its gap block included.
  var longest: UInt64
  var events: UInt64
  var collectsResiduals = false
  var testDescription: String {
    "\(threads) threads, spans up to \(longest)\(collectsResiduals ? ", collecting" : "")"
  }

  /// Two claims for each thread, as each is one context.
  var reserve: UInt64 { 2 * UInt64(threads) * longest }
  /// As small as leaves a little to use.
  var capacity: UInt64 {
    var capacity: UInt64 = 16
    while capacity < reserve + 4 * longest + 8 { capacity *= 2 }
    return capacity
  }

  struct Result {
    var offered: UInt64
    var lost: UInt64
    var checker: StressChecker
    var isPoisoned: Bool
  }

  /// Offers ``events`` events on each thread and reads until all are accounted for.
  func run() -> Result {
    let ring = HostRing(capacity: capacity, reserve: reserve, cpuCount: threads)
    // Counts the producers that are through; a word of the control area that nothing else uses.
    let finished = 2048
    let checker = Box(StressChecker(cpuCount: threads))
    onThreads(threads + 1) { index in
      if index == threads {
        checker.value = consume(ring, finished: finished)
      } else {
        produce(ring, cpu: index)
        _ = unsafe seq_fetch_add_u64(ring.control + finished, 1)
      }
    }
    var result = Result(
      offered: 0, lost: 0, checker: checker.value,
      isPoisoned: ring.controlSwitch(ControlLayout.poisoned) != 0)
    for cpu in 0..<threads {
      result.offered += ring.offered(cpu: cpu)
      result.lost += ring.lost(cpu: cpu)
    }
    return result
  }

  private func produce(_ ring: HostRing, cpu: Int) {
    var random = RandomNumbers(seed: UInt64(cpu + 1))
    let stalls = Box(RandomNumbers(seed: UInt64(cpu + 100)))
    let producer = Producer(
      ring.memory(cpu: cpu) { _ in
        let number = stalls.value.next()
        if number & 0x3FFF == 0 { usleep(UInt32(number >> 40) & 63) }
        if number & 0x3FF == 1 { sched_yield() }
        if number & 0xFF == 2 { for _ in 0..<(number >> 50) & 511 { seq_spin_hint() } }
      })
    for number in 0..<events {
      // Mostly short ones, as events are; one less than the longest leaves room for a gap block.
      let slots = random.oneIn(4) ? random.next() % (longest - 1) + 1 : 1
      let ticket = TestRecord(producer: UInt64(cpu), number: number)
        .produce(producer, slots: slots)
      // Lets the consumer come, so that the gate opens and closes again and again.
      if ticket == nil, random.oneIn(8) { usleep(1) }
    }
  }

  private func consume(_ ring: HostRing, finished: Int) -> StressChecker {
    var checker = StressChecker(cpuCount: threads)
    var consumer = ring.consumer()
    var random = RandomNumbers(seed: 99)
    while true {
      // Before the look at the ring: what they published is then seen.
      let isOver = unsafe seq_load_acquire_u64(ring.control + finished) == UInt64(threads)
      var count = 0
      let limit = Int(random.next() % 64) + 1
      while count < limit, let next = unsafe consumer.next() {
        checker.check(
          unsafe Delivered(next.bytes, span: next.span), isExact: !collectsResiduals)
        unsafe consumer.advance(over: next.bytes, span: next.span)
        count += 1
      }
      consumer.release()
      if count == 0, collectsResiduals || isOver { collect(ring, &checker) }
      if checker.complaint != nil && isOver { return checker }
      if count == 0 {
        if isOver { return checker }
        sched_yield()
      }
      if random.oneIn(512) { usleep(100) }
    }
  }

  private func collect(_ ring: HostRing, _ checker: inout StressChecker) {
    for cpu in 0..<threads {
      let state = unsafe ring.cpuStates + cpu * CPUStateLayout.size
      guard unsafe hasPendingLoss(state) else { continue }
      var gap = GapBlock.none
      unsafe gap.take(from: state)
      checker.addResidual(gap.total, cpu: cpu)
    }
  }
}

/// A value that one thread at a time changes.
final class Box<Value>: @unchecked Sendable {
  var value: Value
  init(_ value: Value) { self.value = value }
}
