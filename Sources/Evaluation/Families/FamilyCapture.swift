import BPFLoader
import CEvaluation
import Capture
import EvaluationTransports
import Glibc
import Sequencer
import SequencerABI

/// Something that traces a family and consumes what comes of it.
protocol FamilyTracer: AnyObject {
  /// Begins delivery; losses and deliveries are counted from here.
  func begin() throws
  /// Ends it.
  func end()
  /// Takes what is there, up to about `limit`.
  func drain(limit: Int) throws -> Int
  /// Sleeps until there is something, or the time is over.
  func wait(nanoseconds: Int)
  /// Events told as lost since it was opened.
  func lost() throws -> UInt64
}

/// The product's own capture, as `ordinal trace` runs it, without output.
final class FamilyCapture: FamilyTracer {
  private var session: CaptureSession
  private var waiter = Waiter(.park)
  /// The payloads' first words: proof that they were read.
  private(set) var sum: UInt64 = 0

  /// Loads and attaches a family's programs.
  ///
  /// - Throws: one line that says what to do next; nothing is left attached.
  init(_ family: EventFamily, timestamps: TimestampSource, bytes: UInt64) throws {
    var options = CaptureOptions()
    options.families = [family]
    options.timestamps = timestamps
    options.ringBytes = bytes
    session = try CaptureSession.open(options)
    try session.attach()
  }

  // By the switch, as one that ended can't begin again.
  func begin() { session.consumer.setControlSwitch(ControlLayout.enabled, 1) }
  func end() {
    session.consumer.setControlSwitch(ControlLayout.enabled, 0)
    usleep(1000)
  }

  func drain(limit: Int) throws -> Int {
    let count = try FamilyCapture.drain(&session, limit, &sum)
    if count > 0 { waiter.progressed(session.consumer) }
    return count
  }

  private static func drain(
    _ session: inout CaptureSession, _ limit: Int, _ sum: inout UInt64
  ) throws -> Int {
    var read: UInt64 = 0
    defer { sum &+= read }
    return try session.consumer.drain(limit: limit) { record in
      unsafe record.bytes.withUnsafeBytes { raw in
        unsafe read &+= raw.loadUnaligned(fromByteOffset: Slot.headerSize, as: UInt64.self)
      }
    }
  }

  func wait(nanoseconds: Int) {
    FamilyCapture.wait(&session, &waiter, monotonicNow() &+ UInt64(nanoseconds))
  }

  private static func wait(
    _ session: inout CaptureSession, _ waiter: inout Waiter, _ deadline: UInt64
  ) {
    _ = waiter.wait(
      &session.consumer, doorbell: session.doorbell, interrupt: -1, deadline: deadline)
  }

  func lost() -> UInt64 { session.consumer.account.totals().lost.reduce(0, &+) }

  /// Events that came to the gate since it was opened.
  func offered() -> UInt64 { session.consumer.account.totals().offered.reduce(0, &+) }

  /// Runs of its programs and their time.
  func runs() throws -> [(program: String, runs: BPFRuns)] { try session.runs() }
}

/// The evaluation's programs and one of its transports.
final class FamilyTransport: FamilyTracer {
  private let transport: any EventTransport
  private var sink = EventSink(.count)

  init(_ transport: any EventTransport) {
    self.transport = transport
    transport.source.excludeSelf()
  }

  func begin() { transport.begin() }
  func end() { transport.end() }
  func drain(limit: Int) throws -> Int { try transport.drain(&sink, limit: limit) }
  func wait(nanoseconds: Int) { transport.wait(nanoseconds: nanoseconds) }
  func lost() throws -> UInt64 { try transport.losses().counted }
}

/// Programs that do all but send.
final class FamilyNull: FamilyTracer {
  private let source: EventSource

  init(_ source: EventSource) {
    self.source = source
    source.excludeSelf()
  }

  func begin() { source.ring.begin() }
  func end() { source.ring.end() }
  func drain(limit: Int) -> Int { 0 }
  func wait(nanoseconds: Int) { usleep(UInt32(nanoseconds / 1000)) }
  func lost() -> UInt64 { 0 }
}

/// A run of some work under a tracer.
struct FamilyRun {
  var work: FamilyProcesses.Outcome
  var delivered = 0
  var lost: UInt64 = 0
  /// Of one CPU.
  var consumerShare = 0.0

  /// Runs the work, and consumes in this thread.
  ///
  /// - Parameters:
  ///   - kind: the work.
  ///   - cpus: where it runs.
  ///   - nanoseconds: for how long.
  ///   - rate: turns a second; 0: at full speed.
  ///   - tracer: nil: nobody traces.
  /// - Throws: if the work fails, or bytes can't be what the kernel wrote.
  init(
    _ kind: evaluation_family_kind, on cpus: [Int], nanoseconds: UInt64, rate: Double = 0,
    by tracer: (any FamilyTracer)?
  ) throws {
    var processes = try FamilyProcesses(kind, on: cpus, nanoseconds: nanoseconds, rate: rate)
    guard let tracer else {
      processes.begin()
      work = try processes.finish()
      return
    }
    let lostBefore = try tracer.lost()
    try tracer.begin()
    let began = monotonicNow()
    let cpu = evaluation_thread_time()
    processes.begin()
    var nextLook = began
    var count = 0
    while true {
      // A system call: not at each turn of a consumer that looks again and again.
      let now = monotonicNow()
      if now >= nextLook {
        if processes.isOver { break }
        nextLook = now + 100_000
      }
      let taken = try tracer.drain(limit: 1024)
      count += taken
      // Not for long: nothing rings when the work is over.
      if taken == 0 { tracer.wait(nanoseconds: 2_000_000) }
    }
    consumerShare = Double(evaluation_thread_time() - cpu) / Double(monotonicNow() - began)
    work = try processes.finish()
    func takeRest() throws {
      while case let taken = try tracer.drain(limit: .max), taken > 0 { count += taken }
    }
    try takeRest()
    // perf tells of a loss only before the next event of that CPU.
    var last = try FamilyProcesses(kind, on: cpus, nanoseconds: 100_000)
    last.begin()
    _ = try last.finish()
    tracer.end()
    try takeRest()
    delivered = count
    lost = try tracer.lost() - lostBefore
  }
}
