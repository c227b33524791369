import Capture
import Causality
import EventFormats
import KernelEvents
import Sequencer
import SequencerABI
import SequencerCore

/// A capture's events as lines on standard output.
struct LineSink: ~Copyable, RunSink {
  private var intake: EventIntake<LineVisitor>
  private var context = FormattingContext.live()

  /// Records taken from the ring before the output is looked at again.
  private static let batch = 256

  init(_ request: RunRequest, _ output: OutputFormat, verifier: CausalityVerifier) {
    intake = EventIntake(
      LineVisitor(output, families: request.capture.families ?? [.process]), verifier: verifier,
      filter: request.globFilter, redactions: request.redactions, limit: request.count)
  }

  func pause(before consumer: borrowing RingConsumer) -> Int { 0 }

  mutating func drain(_ consumer: inout RingConsumer) throws(SequencerError) -> Int {
    do {
      return try consumer.drain(limit: LineSink.batch) { record throws(Never) in
        intake.take(record, context: &context)
      }
    } catch {
      switch error {
      case .ring(let error): throw error
      }
    }
  }

  mutating func collectLosses(_ consumer: inout RingConsumer, at moment: ResidualLosses.Moment) {
    consumer.collectResidualLoss(at: moment) { cpu, gap in
      intake.take(Gap(told: gap, cpu: UInt32(cpu)))
    }
  }

  var isFlushDue: Bool { intake.visitor.output.isFull }
  var isComplete: Bool { intake.isComplete }
  var keepsUnwritten: Bool { false }
  var capabilities: UInt64 { 0 }
  mutating func close() { intake.close() }
  mutating func discard() { intake.visitor.discard() }
  mutating func finish() { intake.visitor.finish() }

  mutating func flush(interrupt: Int32) -> FlushResult {
    intake.visitor.output.flush(interrupt: interrupt)
  }

  mutating func summary(_ figures: CaptureFigures, isReaderGone: Bool) -> Summary {
    intake.verifier.finish(missed: figures.missedTotal)
    return Summary(figures, intake: intake, isReaderGone: isReaderGone)
  }

  func tellProblems() { intake.tellProblems() }

  func seal(_ summary: Summary, _ figures: CaptureFigures, isLeft: Bool) {}

  var exitStatus: Int32 { 0 }
}

extension EventIntake where Visitor: ~Copyable {
  /// Says on stderr what was wrong with the stream.
  func tellProblems() {
    if let error = firstUnreadable {
      complain("\(unreadable) records could not be read; the first: \(error)")
    }
    for violation in verifier.firstOrderingViolations.prefix(5) {
      complain("ordering violation: \(violation)")
    }
    for violation in verifier.firstCausalityViolations.prefix(5) {
      complain("causality violation: \(violation)")
    }
  }
}
