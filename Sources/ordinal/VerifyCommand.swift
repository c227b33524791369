import ArgumentParser
import Capture
import Causality
import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore

/// `ordinal verify`: proves a recording, or the running stream.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Prove that a recording is whole and its order can have happened.",
    usage: """
      ordinal verify FILE …
      ordinal verify --live [filters] [--duration S] [-- COMMAND …]
      """,
    discussion: """
      Checks every checksum; that each sequence follows the one before, or that what is missing is \
      declared; that the losses told add up to the kernel's count; and the order, by rules that know \
      nothing of sequences: fork before the child's first event, nothing after a process's last exit but the \
      tail of dying, wakeup before the switch it causes, and so on (docs/verify.md). A violation is listed \
      with both events.

      A recording that was cut at its end is proved up to there, and what is missing is said.

      Exit status: 0 if it is proved; 1 on any violation, or if a part of it can't be read; 2 for what is no \
      recording; 64 for a wrong usage.
      """)

  @Argument(
    help: ArgumentHelp(
      "What `ordinal record -o` wrote; of several, segments of the same capture in any order.",
      valueName: "file"))
  var files: [String] = []

  @Flag(help: "Judge the running stream instead of a recording.")
  var live = false

  @Flag(help: "Give the verdict as one JSON object.")
  var json = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("List this many violations at most (default 100).", valueName: "N"))
  var list: Int = 100

  @OptionGroup var filters: FilterArguments
  @OptionGroup var running: RunArguments

  func run() throws {
    try runTellingFailures {
      guard list >= 0 else { throw Failure("--list \(list): give 0 or more") }
      return live ? try verifyLive() : try verifyFiles()
    }
  }

  private func verifyLive() throws -> Int32 {
    let words = processArguments()
    // What stands behind "--" is the command, and parsed as files; nothing else may be.
    let behind = words.firstIndex(of: Array("--".utf8)).map { words.count - $0 - 1 } ?? 0
    guard files.count == behind else {
      throw Failure(
        "--live judges the running stream; leave the files out (a command goes behind '--')",
        status: 64)
    }
    if unsafe StandardDescriptors.isOutputClosed {
      throw Failure("standard output is closed; send the verdict to a file or a pipe")
    }
    let request = try RunRequest(filters, running, command: files, words: words)
    let (kept, isJSON) = (list, json)
    return try captureRun(request) { session, start in
      VerdictSink(request, start.verifier, kept: kept, isJSON: isJSON)
    }
  }

  private func verifyFiles() throws -> Int32 {
    guard !files.isEmpty else {
      throw Failure("name a recording to verify, or --live for the running stream", status: 64)
    }
    guard filters.words.isEmpty, running.pin == nil else {
      throw Failure(
        "a recording is proved as a whole; filters and commands go with --live", status: 64)
    }
    let reader = try RecordingReader(opening: files)
    SyscallABI.setRecorded(architecture: reader.start.facts.architecture)
    var proof = RecordingProof(
      reader.start, kept: list, bytes: reader.byteCount, isQuiet: running.quiet)
    let report = try proof.run(reader)
    try writeOut(json ? report.json : report.text)
    return report.isProven ? 0 : 1
  }
}

/// Judges every record of a recording.
struct RecordingProof: ~Copyable, RecordingVisitor {
  typealias Failure = Never
  private var verifier: StreamVerifier
  private var damage: [RecordingDamage] = []
  private var damageCount: UInt64 = 0
  private var progress: ProgressBar
  private var blocks: UInt64 = 0
  private let kept: Int

  init(_ start: RecordingStart, kept: Int, bytes: UInt64, isQuiet: Bool) {
    verifier = StreamVerifier(start.verifier, kept: kept)
    self.kept = kept
    progress = ProgressBar(total: bytes, isQuiet: isQuiet)
  }

  /// Reads all of it.
  mutating func run(
    _ reader: consuming RecordingReader
  ) throws(RecordingError) -> VerificationReport {
    var reader = reader
    defer { progress.clear() }
    do throws(ReadingError<Never>) { try reader.read(into: &self) } catch {
      switch error {
      case .recording(let error): throw error
      }
    }
    let last = reader.segments.last?.figures
    // Only a ring that was read from its first record to its last can be held against its counters.
    let isWhole = last?.isAtRest == true && reader.segments.first?.recordsBefore == 0
    let verdict = verifier.finish(
      missed: last?.missed ?? 0,
      lost: isWhole ? last.map { FamilyCounts(recorded: $0.lost) } : nil)
    return VerificationReport(
      verdict: verdict, segments: reader.segments, start: reader.start, blocks: blocks,
      damage: damage, damageCount: damageCount, offered: isWhole ? last?.offered : nil, kept: kept)
  }

  var isDone: Bool { false }

  mutating func visit(_ record: RecordView, context: inout FormattingContext) {
    verifier.observe(record)
  }

  mutating func visit(_ gap: Gap) { verifier.observe(gap) }

  mutating func visit(_ damage: RecordingDamage) {
    damageCount += 1
    if self.damage.count < 100 { self.damage.append(damage) }
    switch damage.cause {
    // Nothing follows.
    case .cut, .unfinished: return
    case .content, .records, .header, .missing:
      let known = damage.positions.flatMap { $0.isEmpty ? nil : $0 }
      verifier.observe(
        missing: .init(first: known?.lowerBound, next: damage.positions?.upperBound))
    case .repeated, .footer: return
    }
  }

  mutating func hasRead(_ bytes: UInt64) {
    blocks += 1
    progress.update(bytes)
  }
}

extension StreamVerifier {
  /// Takes in a record, whether it can be decoded or not.
  fileprivate mutating func observe(_ record: RecordView) {
    let event: DecodedEvent
    do { event = try DecodedEvent(decoding: record) } catch {
      return observe(unreadable: record.header)
    }
    observe(event)
  }
}

extension FamilyCounts {
  /// The counts of a recording's footer.
  init(recorded lost: InlineArray<16, UInt64>) {
    self.init()
    for index in 0..<EventFamily.count { self[index: index] = lost[index] }
  }
}

/// Judges a running capture's stream.
struct VerdictSink: ~Copyable, RunSink {
  private var verifier: StreamVerifier
  private var verdict: StreamVerdict?
  private let kept: Int
  private let isJSON: Bool
  private let limit: UInt64
  private var taken: UInt64 = 0
  private var isClosed = false
  private var isProven = false
  private let isPinned: Bool

  init(_ request: RunRequest, _ judge: CausalityVerifier, kept: Int, isJSON: Bool) {
    verifier = StreamVerifier(judge, kept: kept)
    self.kept = kept
    self.isJSON = isJSON
    limit = request.count ?? .max
    isPinned = request.capture.pinName != nil
  }

  func pause(before consumer: borrowing RingConsumer) -> Int { 0 }

  mutating func drain(_ consumer: inout RingConsumer) throws(SequencerError) -> Int {
    do {
      return try consumer.drain(limit: CaptureLimits.batch) { record throws(Never) in take(record) }
    } catch {
      switch error {
      case .ring(let error): throw error
      }
    }
  }

  private mutating func take(_ record: RecordView) {
    taken += 1
    verifier.observe(record)
  }

  mutating func collectLosses(_ consumer: inout RingConsumer, at moment: ResidualLosses.Moment) {
    consumer.collectResidualLoss(at: moment) { cpu, gap in
      verifier.observe(Gap(told: gap, cpu: UInt32(cpu)))
    }
  }

  var isFlushDue: Bool { false }
  func flush(interrupt: Int32) -> FlushResult { .done }
  var isComplete: Bool { isClosed || taken >= limit }
  var keepsUnwritten: Bool { false }
  var capabilities: UInt64 { 0 }
  mutating func close() { isClosed = true }
  mutating func discard() {}
  mutating func finish() {}

  mutating func summary(_ figures: CaptureFigures, isReaderGone: Bool) -> Summary {
    var lost = FamilyCounts()
    for index in 0..<EventFamily.count { lost[index: index] = figures.totals.lost[index] }
    let verdict = verifier.finish(missed: figures.missedTotal, lost: isPinned ? nil : lost)
    self.verdict = verdict
    var summary = Summary(
      figures, delivered: taken, notWanted: 0, unwritten: 0, unreadable: verdict.unreadable)
    summary.delivered = verdict.events
    summary.gaps = verdict.gaps
    summary.orderingViolations =
      verdict.counts.reduce(0) { $0 &+ ($1.key.hasPrefix("sequence") ? $1.value : 0) }
    summary.causalityViolations = verdict.violations &- summary.orderingViolations
    return summary
  }

  func tellProblems() {}

  mutating func seal(
    _ summary: Summary, _ figures: CaptureFigures, isLeft: Bool
  ) throws(Failure) {
    guard let verdict else { return }
    let report = VerificationReport(
      verdict: verdict, segments: [], start: nil, blocks: 0, damage: [], damageCount: 0,
      offered: isPinned ? nil : summary.offered &- summary.missed, kept: kept)
    isProven = report.isProven
    try writeOut(isJSON ? report.json : report.text)
  }

  var exitStatus: Int32 { isProven ? 0 : 1 }
}
