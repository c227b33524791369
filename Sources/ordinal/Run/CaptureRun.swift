import COrdinalSystem
import Capture
import Causality
import EventFormats
import Glibc
import KernelEvents
import Sequencer
import SequencerABI
import SequencerCore

/// Runs a capture from load to summary.
///
/// - Parameters:
///   - request: what to capture, and until when.
///   - makeSink: makes what takes the records, once they are being made; the ring keeps them meanwhile.
/// - Returns: the exit status.
/// - Throws: a `Failure` or a `CaptureError` with a line for the user; nothing is left attached.
func captureRun<Sink: RunSink & ~Copyable>(
  _ request: RunRequest, _ makeSink: (inout CaptureSession, RunStart) throws -> Sink
) throws -> Int32 {
  let signals = try Signals()
  // Loaded first: a machine that can't trace is told before the command is forked.
  var session = try CaptureSession.open(request.capture)
  var command: CommandProcess?
  if request.hasCommand {
    command = try CommandProcess(request.command, mask: signals.before)
  }
  let sink = try beginCapture(request, &session, &command, makeSink)
  var run = CaptureRun(request, session: session, signals: signals, command: command, sink: sink)
  return try run.run()
}

private func beginCapture<Sink: RunSink & ~Copyable>(
  _ request: RunRequest, _ session: inout CaptureSession, _ command: inout CommandProcess?,
  _ makeSink: (inout CaptureSession, RunStart) throws -> Sink
) throws -> Sink {
  do {
    if let descriptor = command.descriptor { try session.follow(descriptor) }
    try session.attach()
    try session.begin()
    return try makeSink(&session, RunStart(request, session, commandPID: command.pid))
  } catch {
    // What was left pinned goes on being so.
    session.end(leavesPinned: session.isResumed)
    command.cancel()
    throw error
  }
}

/// What is known of a run when its programs deliver, and nothing has been taken from the ring yet.
struct RunStart {
  /// The command's process, where one is traced.
  let commandPID: Int32?
  /// A reading of the clock since when the stream is whole; nil where it isn't: filters, an unknown
  /// beginning, no events of processes.
  let wholeSince: UInt64?
  /// Processes whose events need no cause.
  let excused: [UInt32]
  /// Whether timestamps are exact; what a resumed capture was started with is not known here.
  let hasExactClock: Bool
  /// Whether the stream is of one process tree.
  var isTree: Bool { commandPID != nil }

  init(_ request: RunRequest, _ session: borrowing CaptureSession, commandPID: Int32?) {
    self.commandPID = commandPID
    // A filtered stream has effects without causes: only contradictions can be judged there.
    let filter = request.capture.filter
    let tellsProcesses = request.capture.families.map { $0.contains(.process) } ?? true
    let isWhole =
      !session.isResumed && tellsProcesses && filter.processes.isEmpty && filter.trees.isEmpty
      && filter.uids.isEmpty && filter.cgroups.isEmpty && filter.comm == nil
    wholeSince = isWhole ? monotonicNow() : nil
    hasExactClock = !session.isResumed && request.capture.timestamps ?? .precise == .precise
    var excused: [UInt32] = []
    if let commandPID { excused.append(UInt32(commandPID)) }
    if !request.capture.includesSelf { excused.append(UInt32(getpid())) }
    self.excused = excused
  }

  /// The judge of the run's order.
  var verifier: CausalityVerifier {
    var verifier = CausalityVerifier(
      tracingBegan: wholeSince, isTree: isTree, hasExactClock: hasExactClock)
    for pid in excused { verifier.excuse(pid: pid) }
    return verifier
  }
}

extension Optional where Wrapped == CommandProcess, Wrapped: ~Copyable {
  fileprivate var descriptor: Int32? {
    switch self {
    case .some(let command): command.descriptor
    case .none: nil
    }
  }
  fileprivate mutating func cancel() { self?.cancel() }
}

/// How much and how often.
enum CaptureLimits {
  /// Nanoseconds between two looks for losses of quiet CPUs while records come.
  static let collectionInterval: UInt64 = 100_000_000
  /// Records of a drain below which nothing more was ready.
  static let batch = 256
}

/// A capture that has begun.
struct CaptureRun<Sink: RunSink & ~Copyable>: ~Copyable {
  private let request: RunRequest
  private var session: CaptureSession
  private let signals: Signals
  private var command: CommandProcess?
  private var sink: Sink
  private var waiter: Waiter
  private let began = monotonicNow()
  /// Why the run ends; nil while it goes on.
  private var reason: String?
  private var stops = 0
  private var stopSignal: Int32?
  /// Set when nothing more can be written: nothing more is taken from the ring for the output.
  private var outputError: FlushResult?
  /// The sequence of which was said that the trace waits for it.
  private var toldStall: UInt64?
  private var nextCollection: UInt64 = 0

  init(
    _ request: RunRequest, session: consuming CaptureSession, signals: consuming Signals,
    command: consuming CommandProcess?, sink: consuming Sink
  ) {
    self.request = request
    self.sink = sink
    waiter = Waiter(request.wait)
    self.session = session
    self.signals = signals
    self.command = command
  }

  /// Traces until something ends the run, and tells its account.
  mutating func run() throws -> Int32 {
    if let problem = command.release() { return try concludeUnrun(problem) }
    limitPrivileges()
    announce()
    do { try loop() } catch {
      session.end()
      throw error
    }
    session.end(leavesPinned: leavesPinned)
    try drainRest()
    return try conclude()
  }

  // MARK: The loop

  private mutating func loop() throws {
    let deadline = request.duration.map { began &+ $0 }
    while reason == nil {
      letGather(deadline)
      if reason != nil { break }
      let count = try drain()
      // Where more is waiting lines gather; else what there is goes out at once.
      if sink.isFlushDue || count < CaptureLimits.batch { flush() }
      // A stream that never pauses must not keep the end from being seen; one that pauses comes to
      // the wait below, which listens to signals itself.
      if count > 0 { handleSignals() }
      checkEnds(deadline)
      if reason != nil { break }
      if count > 0 {
        progressed()
        collectResidualNowAndThen()
        continue
      }
      collectResidual()
      flush()
      tellStall()
      if reason != nil { break }
      let outcome = waiter.wait(
        &session.consumer, doorbell: session.doorbell, interrupt: signals.descriptor,
        deadline: deadline)
      if outcome == .interrupted { handleSignals() }
    }
  }

  /// Where the sink would rather take more at once.
  private mutating func letGather(_ deadline: UInt64?) {
    while reason == nil, case let pause = sink.pause(before: session.consumer), pause > 0 {
      if ordinal_nap(signals.descriptor, Int64(pause)) != 0 { handleSignals() }
      checkEnds(deadline)
    }
  }

  private mutating func drain() throws -> Int {
    do { return try sink.drain(&session.consumer) } catch {
      throw Failure(error.description, status: 1)
    }
  }

  /// While the ring is never empty, the losses of a CPU that went quiet must not wait for ever.
  private mutating func collectResidualNowAndThen() {
    let now = monotonicNow()
    if now < nextCollection { return }
    nextCollection = now &+ CaptureLimits.collectionInterval
    collectResidual()
  }

  private mutating func collectResidual(at moment: ResidualLosses.Moment = .running) {
    sink.collectLosses(&session.consumer, at: moment)
  }

  private mutating func checkEnds(_ deadline: UInt64?) {
    // A reader that went away closes the sink too, and has said why.
    if reason == nil && sink.isComplete { reason = "\(request.count ?? 0) events" }
    if let deadline, monotonicNow() >= deadline { reason = "time" }
    guard let followed = session.followedTasks, followed == 0 || request.endsWithCommand else {
      return
    }
    // What the ended tasks published lies in the ring by now, and is drained behind this.
    if request.hasCommand {
      // Its end comes as a signal: no system call for each turn.
      if command.isReaped && request.endsWithCommand { reason = "the command ended" }
      if command.isReaped && followed == 0 { reason = "the command's last process ended" }
    } else if followed == 0 {
      reason = "the last process followed has ended"
    }
  }

  // MARK: Signals

  private mutating func handleSignals() {
    while let signal = signals.next() {
      switch signal {
      case .child: _ = command.hasEnded()
      case .forward(let signal):
        if request.hasCommand {
          command.forward(signal)
        } else {
          stop(signal)
        }
      case .stop(let signal, let isFromTerminal):
        guard request.hasCommand else {
          stop(signal)
          continue
        }
        // The terminal has told the command already; its end is the run's end. A second signal
        // ends the run without it.
        if !isFromTerminal { command.forward(signal) }
        stops += 1
        if stops > 1 || command.hasEnded() { stop(signal) }
      }
    }
  }

  private mutating func stop(_ signal: Int32) {
    stopSignal = signal
    stops += 1
    reason = reason ?? "signal \(signal)"
  }

  // MARK: Output

  /// Writes what is in the buffer. A first signal ends the run and the flush goes on, so that what
  /// was published is delivered; a second one leaves the rest.
  private mutating func flush() {
    if outputError != nil { return }
    while true {
      let result = sink.flush(interrupt: signals.descriptor)
      switch result {
      case .done:
        // A pinned ring keeps what is not written: a successor reads it again.
        if !session.consumer.releasesWhileDraining { session.consumer.release() }
        return
      case .interrupted:
        let before = stops
        handleSignals()
        if stops > before {
          if reason == nil { continue }
          // The ring stops filling while the reader takes its time.
          session.end(leavesPinned: leavesPinned)
          if stops > 1 + (request.hasCommand ? 1 : 0) {
            outputError = .interrupted
            sink.discard()
            return
          }
        }
      case .closed:
        outputError = result
        reason = reason ?? "the reader closed the output"
        sink.close()
        return
      case .failed(let problem):
        outputError = result
        sink.discard()
        reason = reason ?? "the output failed"
        complain(
          problem
            + (leavesPinned
              ? "; '\(request.capture.pinName ?? "")' is left pinned with all that is not written"
              : "; what is not written counts as lost"))
        return
      }
    }
  }

  /// Whether ring and programs are left to a successor: where that was asked for, and where what is in the
  /// ring could not be kept.
  private var leavesPinned: Bool {
    if request.leavesPinned { return true }
    if case .failed = outputError { return request.capture.pinName != nil && sink.keepsUnwritten }
    return false
  }

  // MARK: The end

  private mutating func drainRest() throws {
    let patience = monotonicNow() &+ 10_000_000_000
    while true {
      let count = try drain()
      if sink.isFlushDue { flush() }
      if count > 0 {
        progressed()
        continue
      }
      if session.consumer.backlog == 0 || leavesPinned { break }
      if monotonicNow() > patience {
        complain(
          "sequence \(session.consumer.position) was claimed and never published; "
            + "\(session.consumer.backlog) slots behind it are lost")
        break
      }
      sched_yield()
    }
    collectResidual(at: leavesPinned ? .leaving : .ended)
    sink.finish()
    flush()
  }

  /// The command could not be run: one line is all there is to say, and a summary where one was asked
  /// for.
  private mutating func concludeUnrun(_ problem: String) throws -> Int32 {
    complain(problem)
    sink.close()
    session.end()
    reason = "the command could not be run"
    try drainRest()
    let figures = try session.figures()
    let summary = account(figures)
    try sink.seal(summary, figures, isLeft: false)
    if let target = request.summary { try target.write(summary) }
    return command.exitStatus ?? 126
  }

  private mutating func conclude() throws -> Int32 {
    let figures = try session.figures()
    let summary = account(figures)
    var failure: Failure?
    do { try sink.seal(summary, figures, isLeft: leavesPinned) } catch { failure = error }
    if !request.isQuiet && !(request.summary?.isStandardError ?? false) { summary.say() }
    // Told last, and the command is still waited for.
    if let target = request.summary {
      do { try target.write(summary) } catch { failure = failure ?? error }
    }
    sink.tellProblems()
    let commandStatus = waitForCommand()
    if let failure { throw failure }
    if let commandStatus { return commandStatus }
    if request.hasCommand { return 128 + (stopSignal ?? 0) }
    if case .failed = outputError { return 1 }
    return sink.exitStatus
  }

  /// Waits for a command that goes on after the trace (`--count`, `--duration`, a reader that went
  /// away): its status is ours. A stop that ended the trace without it ends the wait.
  private mutating func waitForCommand() -> Int32? {
    guard request.hasCommand else { return nil }
    if !command.hasEnded() && stopSignal == nil && !request.isQuiet {
      complain("waiting for the command, process \(command.pid ?? 0), which is no longer traced")
    }
    while !command.hasEnded() && stopSignal == nil {
      var waiting = pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)
      _ = unsafe poll(&waiting, 1, -1)
      handleSignals()
    }
    return command.exitStatus
  }

  private mutating func account(_ figures: CaptureFigures) -> Summary {
    var summary = sink.summary(figures, isReaderGone: outputError == .closed)
    summary.longestStall = waiter.longestStall
    summary.longestStallCPU = waiter.longestStallCPU
    // The counters of a CPU don't tell this run's losses from a predecessor's or a successor's.
    if session.isResumed || leavesPinned {
      summary.lostByCPU = nil
      summary.lostByCPUAndFamily = nil
    }
    summary.reason = reason
    return summary
  }

  // MARK: Words

  private func announce() {
    guard !request.isQuiet, !request.hasCommand else { return }
    let ring = RingSize.text(session.geometry.capacity * UInt64(Slot.size))
    complain(
      (session.isResumed ? "going on with '\(request.capture.pinName ?? "")'" : "tracing")
        + " (ring \(ring)); Ctrl-C ends")
  }

  private mutating func tellStall() {
    let age = waiter.stallAge()
    let position = session.consumer.position
    if age < 1_000_000_000 || toldStall == position { return }
    toldStall = position
    let holder = waiter.stallCPU.map { "cpu \($0)" } ?? "some CPU"
    complain(
      "waiting for sequence \(position) since \(age / 1_000_000) ms: \(holder) claimed it and has "
        + "not published it yet (a stalled CPU?); later events wait for it")
  }

  /// Notes that records came; tells of a stall that was told before how long it was.
  private mutating func progressed() {
    let age = waiter.stallAge()
    waiter.progressed(session.consumer)
    if let sequence = toldStall, sequence < session.consumer.position {
      toldStall = nil
      complain("sequence \(sequence) came after \(age / 1_000_000) ms")
    }
  }

  /// What a running capture needs: to resolve cgroups by handle, to signal its command, and what its sink
  /// asks for.
  private func limitPrivileges() {
    let readSearch: UInt64 = 1 << 2
    let kill: UInt64 = 1 << 5
    if ordinal_limit_capabilities(readSearch | kill | sink.capabilities) != 0 {
      complain("can't drop capabilities: \(unsafe String(cString: strerror(errno)))")
    }
  }
}

extension Optional where Wrapped == CommandProcess, Wrapped: ~Copyable {
  fileprivate var pid: Int32? {
    switch self {
    case .some(let command): command.pid
    case .none: nil
    }
  }
  fileprivate mutating func release() -> String? {
    switch consume self {
    case .some(var command):
      let problem = command.release()
      self = .some(command)
      return problem
    case .none:
      self = .none
      return nil
    }
  }
  fileprivate func forward(_ signal: Int32) { self?.forward(signal) }
  fileprivate mutating func hasEnded() -> Bool { self?.hasEnded() ?? true }
  fileprivate var isReaped: Bool {
    switch self {
    case .some(let command): command.isReaped
    case .none: true
    }
  }
  fileprivate var exitStatus: Int32? {
    switch self {
    case .some(let command): command.exitStatus
    case .none: nil
    }
  }
}
