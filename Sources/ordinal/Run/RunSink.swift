import Capture
import EventFormats
import Sequencer
import SequencerCore

/// What becomes of a running capture's records: lines, a recording, a verdict.
protocol RunSink: ~Copyable {
  /// How long to let records gather before the next drain, ns; 0: not at all.
  ///
  /// Asked before each drain: whoever doesn't gather leaves the producers' line alone.
  mutating func pause(before consumer: borrowing RingConsumer) -> Int
  /// Takes records that are ready.
  ///
  /// - Returns: how many; 0 where none was ready.
  /// - Throws: if the ring can't be trusted.
  mutating func drain(_ consumer: inout RingConsumer) throws(SequencerError) -> Int
  /// Takes the losses that no record tells of.
  mutating func collectLosses(_ consumer: inout RingConsumer, at moment: ResidualLosses.Moment)
  /// Whether a flush is due, though more records wait.
  var isFlushDue: Bool { get }
  /// Writes what is buffered; returns early if `interrupt` becomes readable.
  mutating func flush(interrupt: Int32) -> FlushResult
  /// Capabilities that it needs while it runs, as bits; all others are dropped.
  var capabilities: UInt64 { get }
  /// Whether all that was asked for is taken.
  var isComplete: Bool { get }
  /// Whether what could not be written is kept in the ring, for a successor where there will be one.
  var keepsUnwritten: Bool { get }
  /// No more events are wanted: what still comes counts as filtered.
  mutating func close()
  /// Events can't be written any more: what still comes counts as lost.
  mutating func discard()
  /// Takes note of the end: all records and losses have been taken. A flush follows.
  mutating func finish()
  /// The account of the run.
  ///
  /// - Parameters:
  ///   - figures: the kernel's side.
  ///   - isReaderGone: the output's reader closed its end.
  /// - Returns: both sides together.
  mutating func summary(_ figures: CaptureFigures, isReaderGone: Bool) -> Summary
  /// Says on stderr what was wrong with the stream.
  func tellProblems()
  /// Writes what is written after the account is known, e.g. a footer.
  ///
  /// - Throws: a line, if it could not be.
  mutating func seal(_ summary: Summary, _ figures: CaptureFigures, isLeft: Bool) throws(Failure)
  /// The exit status where nothing else decides it.
  var exitStatus: Int32 { get }
}

/// How a flush ended.
enum FlushResult: Equatable {
  case done
  /// A signal waits; what is left stays in the buffer.
  case interrupted
  /// The reader closed its end.
  case closed
  /// Writing failed: why, and what to do.
  case failed(String)
}
