import CWakingWorkload
import Capture
import Glibc
import PulseCKit
import Sequencer
import SequencerABI

/// What a traced program pays for each way of waiting: its time, against its time untraced.
struct Cost: Codable {
  enum Work: String, CaseIterable, Codable {
    /// fork(), exit, wait: two events each, by the programs of `ordinal trace`.
    case fork
    /// A byte to another thread and back: two events a round trip.
    case pipe
  }
  let work: Work
  /// nil: not traced.
  let mode: Mode?
  /// ns a loop, by round.
  var times: [Double] = []
  /// Time over that of the same round without tracing.
  var ratios: [Double] = []
  /// Times the consumer slept, for each event.
  var sleeps: [Double] = []

  init(work: Work, mode: Mode?) {
    self.work = work
    self.mode = mode
  }

  /// Runs one round; `base` is the time of the round without tracing.
  mutating func measure(amount: Int, base: Double?, nap: Int?, cpu: Int32) throws {
    let workload = try Workload(work == .fork ? WAKING_FORK : WAKING_PIPE, amount: amount, cpu: cpu)
    let result =
      switch (mode, work) {
      case (nil, _): try untraced(workload)
      case (.some(let mode), .fork): try traced(workload, waiter: mode.waiter(nap: nap))
      case (.some(let mode), .pipe): try pulsed(workload, waiter: mode.waiter(nap: nap))
      }
    guard result.count == amount else { throw Problem("the workload did \(result.count) loops") }
    times.append(result.elapsed / Double(amount))
    if let base { ratios.append(times[times.count - 1] / base) }
  }

  private func untraced(_ workload: consuming Workload) throws -> Workload.Result {
    workload.go()
    return try workload.finish()
  }

  private mutating func traced(
    _ workload: consuming Workload, waiter: consuming Waiter
  ) throws -> Workload.Result {
    var session = try CaptureSession.open(CaptureOptions())
    try session.attach()
    try session.begin()
    workload.go()
    try follow(workload.descriptor, &session.consumer, session.doorbell, &waiter)
    let result = try workload.finish()
    session.end()
    _ = try session.consumer.drain { _ in }
    return result
  }

  private mutating func pulsed(
    _ workload: consuming Workload, waiter: consuming Waiter
  ) throws -> Workload.Result {
    var ring = try ProgramRing.open(
      WakingBenchmark.pulse.bytes(), name: "pulse", programs: ["pulse"])
    try ring.update(
      map: "target", key: UInt32(0),
      value: pulse_target(number: UInt64(waking_pipe_number()), tgid: workload.pid, reserved: 0))
    ring.begin()
    workload.go()
    try follow(workload.descriptor, &ring.consumer, ring.doorbell, &waiter)
    let result = try workload.finish()
    ring.end()
    _ = try ring.consumer.drain { _ in }
    return result
  }

  private mutating func follow(
    _ descriptor: Int32, _ consumer: inout RingConsumer, _ doorbell: borrowing Doorbell,
    _ waiter: inout Waiter
  ) throws {
    let sleepsBefore = waking_thread_sleeps()
    var events = 0
    while true {
      let count = try consumer.drain(limit: 256) { _ in }
      events += count
      if count > 0 {
        waiter.progressed(consumer)
        continue
      }
      let outcome = waiter.wait(
        &consumer, doorbell: doorbell, interrupt: descriptor, deadline: nil)
      if outcome == .interrupted { break }
    }
    sleeps.append(Double(waking_thread_sleeps() - sleepsBefore) / Double(max(1, events)))
  }
}
