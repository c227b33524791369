import BPFLoader
import Capture
import Causality
import Foundation
import KernelEvents
import Sequencer
import SequencerABI
import TestSupport
import Testing

/// What a capture of the whole machine in this process gave, between two moments at which nobody
/// made a task: all independent counts are of exactly the same interval.
struct MachineCapture {
  /// What is kept of an event.
  struct Kept {
    let sequence: UInt64
    let kind: EventKind
    let pid, tid, childPID, childTID: Int32
    let waitStatus: Int32
    let isLast: Bool
  }

  var kept: [Kept] = []
  var forks: UInt64 = 0
  var execs: UInt64 = 0
  var exits: UInt64 = 0
  var gaps: UInt64 = 0
  var lostInGaps: UInt64 = 0
  var undecodable: UInt64 = 0
  var orderingViolations: UInt64 = 0
  var causalityViolations: UInt64 = 0
  var firstViolations: [String] = []
  var figures: CaptureFigures
  /// The rise of `processes` of /proc/stat.
  var tasksMade: UInt64 = 0
  /// What an independent BPF program counted.
  var counted = EventCounter.Counts()

  var delivered: UInt64 { forks + execs + exits }
}

private struct Disturbed: Error {}

/// Captures the machine while the process runs that `start` makes.
///
/// Where the rest of the machine made or ended tasks at the moment of beginning or ending, the
/// interval is not known exactly and it is all done again, at most eight times; so where the kernel skipped an event.
func captureMachine(
  _ options: CaptureOptions, keeps: Bool = false, _ start: () throws -> ChildProcess
) throws -> MachineCapture {
  for _ in 0..<8 {
    do { return try captureOnce(options, keeps: keeps, start) } catch is Disturbed { continue }
  }
  throw SupportError("the machine is too busy: others made tasks at every beginning and end")
}

/// Runs `body` at a moment at which no task is made or ended; false if one was.
private func atRest(_ counter: borrowing EventCounter, _ body: () throws -> Void) throws
  -> (tasks: UInt64, counts: EventCounter.Counts)?
{
  // A task counted just before may still be on its way to the tracepoint; and a busy machine has its
  // moments of quiet.
  var early = try taskCount()
  usleep(5000)
  var tasks = try taskCount()
  for _ in 0..<400 where tasks != early {
    early = tasks
    usleep(5000)
    tasks = try taskCount()
  }
  let counts = try counter.counts()
  try body()
  let isSame = try taskCount() == tasks && counter.counts() == counts
  return early == tasks && isSame ? (tasks, counts) : nil
}

private func captureOnce(
  _ options: CaptureOptions, keeps: Bool, _ start: () throws -> ChildProcess
) throws -> MachineCapture {
  var options = options
  options.includesSelf = true
  let counter = try EventCounter.start()
  var session = try CaptureSession.open(options)
  try session.attach()
  // At that moment and not when the wait for it began: others make tasks meanwhile.
  var began: UInt64 = 0
  let rest = try atRest(counter) {
    try session.begin()
    began = monotonicNow()
  }
  guard let first = rest else {
    session.end()
    throw Disturbed()
  }
  var verifier = CausalityVerifier(tracingBegan: began)
  var result = MachineCapture(figures: try session.figures())
  let child = try start()
  let limit = ContinuousClock.now + .seconds(240)
  while !child.hasEnded {
    if try result.drain(&session, &verifier, keeps: keeps) == 0 { usleep(500) }
    guard ContinuousClock.now < limit else { throw SupportError("the load did not end") }
  }
  let last: (tasks: UInt64, counts: EventCounter.Counts)?
  // The switch itself, so that nothing but it lies between the two looks.
  last = try atRest(counter) { session.consumer.setControlSwitch(ControlLayout.enabled, 0) }
  session.end()
  while try result.drain(&session, &verifier, keeps: keeps) > 0 {}
  guard let last else { throw Disturbed() }
  result.figures = try session.figures()
  // Nobody knows what was skipped, so that counts can't agree.
  if ProgramPreemption.isPossible && result.figures.missedTotal > 0 { throw Disturbed() }
  var gaps: [Gap] = []
  session.consumer.collectResidualLoss { cpu, block in
    result.lostInGaps += block.total
    gaps.append(Gap(cpu: UInt32(cpu), lost: FamilyCounts()))
  }
  result.gaps += UInt64(gaps.count)
  verifier.finish(missed: result.figures.missedTotal)
  result.orderingViolations = verifier.orderingViolations
  result.causalityViolations = verifier.causalityViolations
  result.firstViolations =
    verifier.firstOrderingViolations.map { "\($0)" }
    + verifier.firstCausalityViolations.map { "\($0)" }
  result.tasksMade = last.tasks - first.tasks
  result.counted.forks = last.counts.forks - first.counts.forks
  result.counted.execs = last.counts.execs - first.counts.execs
  result.counted.exits = last.counts.exits - first.counts.exits
  return result
}

extension MachineCapture {
  fileprivate mutating func drain(
    _ session: inout CaptureSession, _ verifier: inout CausalityVerifier, keeps: Bool
  ) throws -> Int {
    try session.consumer.drain { record throws(Never) in
      take(record, &verifier, keeps: keeps)
    }
  }

  private mutating func take(
    _ record: RecordView, _ verifier: inout CausalityVerifier, keeps: Bool
  ) {
    guard let event = try? DecodedEvent(decoding: record) else {
      undecodable += 1
      return
    }
    if let gap = event.gap {
      gaps += 1
      lostInGaps += gap.total
      verifier.observe(gap)
    }
    verifier.observe(event)
    switch event.kind {
    case .fork: forks += 1
    case .exec: execs += 1
    case .exit: exits += 1
    default: break
    }
    guard keeps else { return }
    kept.append(
      Kept(
        sequence: event.sequence, kind: event.kind, pid: Int32(event.header.pid),
        tid: Int32(event.header.tid), childPID: Int32(event.fork?.childPID ?? 0),
        childTID: Int32(event.fork?.childTID ?? 0),
        waitStatus: Int32(bitPattern: event.exit?.waitStatus ?? 0),
        isLast: event.exit?.flags.contains(.lastThread) ?? false))
  }
}

/// What holds for every capture of the machine that lost nothing.
func expectExact(_ capture: MachineCapture) {
  #expect(capture.forks == capture.tasksMade)
  #expect(capture.forks == capture.counted.forks)
  #expect(capture.execs == capture.counted.execs)
  #expect(capture.exits == capture.counted.exits)
  #expect(capture.figures.lost == 0 && capture.figures.missedTotal == 0)
  #expect(capture.gaps == 0 && capture.undecodable == 0)
  #expect(capture.figures.offered == capture.delivered)
  #expect(capture.figures.filtered == 0)
  #expect(capture.orderingViolations == 0 && capture.causalityViolations == 0)
  for violation in capture.firstViolations.prefix(3) { Issue.record("\(violation)") }
}
