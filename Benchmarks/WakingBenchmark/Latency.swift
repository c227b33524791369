import CWakingWorkload
import Capture
import Glibc
import PulseCKit
import Sequencer
import SequencerABI

/// One way of waiting at one rate, over all rounds.
struct Latency: Codable {
  let mode: Mode
  /// Events a second that were asked for.
  let rate: Int
  /// Events a second that came about, by round.
  var offered: [Double] = []
  /// The consumer's CPU time over the wall clock's, by round.
  var cpu: [Double] = []
  /// Times the consumer slept, a second, by round.
  var sleeps: [Double] = []
  var lost = 0
  /// Publish to delivery, ns, of all rounds.
  var samples: [UInt32] = []
  /// Medians of the rounds, ns.
  var medians: [Double] = []

  init(mode: Mode, rate: Int) {
    self.mode = mode
    self.rate = rate
  }

  /// Runs one round of `milliseconds` on `ring` and adds what it showed.
  mutating func measure(
    _ ring: inout ProgramRing, milliseconds: Int, nap: Int?, producerCPU: Int32
  ) throws {
    let workload = try Workload(
      WAKING_PULSE, amount: milliseconds, rate: Double(rate), cpu: producerCPU)
    try ring.update(
      map: "target", key: UInt32(0),
      value: pulse_target(
        number: UInt64(waking_pulse_number()), tgid: workload.pid, reserved: 0))
    // Reserved ahead: a growing array would be measured as well.
    var round: [UInt32] = []
    round.reserveCapacity(rate * milliseconds / 1000 * 5 / 4 + 1000)
    var waiter = mode.waiter(nap: nap)
    let before = ring.consumer.account.totals()
    ring.begin()
    let sleepsBefore = waking_thread_sleeps()
    let cpuBefore = waking_thread_time()
    let began = monotonicNow()
    workload.go()
    var delivered = 0
    func take(_ record: RecordView) {
      // The payload of `pulse`: when it was published. A test program's record has its full size.
      let published = unsafe record.bytes.unsafeLoadUnaligned(
        fromByteOffset: Slot.headerSize, as: UInt64.self)
      let age = monotonicNow() &- published
      delivered += 1
      if round.count < round.capacity { round.append(UInt32(clamping: age)) }
    }
    while true {
      if try ring.consumer.drain(limit: 256, take) > 0 {
        waiter.progressed(ring.consumer)
        continue
      }
      let outcome = waiter.wait(
        &ring.consumer, doorbell: ring.doorbell, interrupt: workload.descriptor, deadline: nil)
      if outcome == .interrupted { break }
    }
    let elapsed = Double(monotonicNow() - began)
    cpu.append(Double(waking_thread_time() - cpuBefore) / elapsed)
    sleeps.append(Double(waking_thread_sleeps() - sleepsBefore) / elapsed * 1e9)
    ring.end()
    _ = try ring.consumer.drain(take)
    ring.consumer.collectResidualLoss { _, _ in }
    let result = try workload.finish()
    let after = ring.consumer.account.totals()
    let family = Int(EventFamily.test.rawValue)
    let count = Int(after.offered[family] - before.offered[family])
    let gone = Int(after.lost[family] - before.lost[family])
    guard count == result.count, delivered + gone == count else {
      throw Problem(
        "\(result.count) calls, \(count) events offered, \(delivered) delivered, \(gone) lost: "
          + "the account does not add up")
    }
    lost += gone
    offered.append(Double(count) / result.elapsed * 1e9)
    samples += round
    round.sort()
    if !round.isEmpty { medians.append(Double(round[round.count / 2])) }
  }

  /// A quantile of all samples, ns; nil where there are fewer than twice what it takes to see it.
  func quantile(_ part: Double, sorted: [UInt32]) -> Double? {
    guard Double(sorted.count) * (1 - part) >= 2 else { return nil }
    return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))])
  }
}
