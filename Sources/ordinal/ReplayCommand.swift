import ArgumentParser
import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI

/// `ordinal replay`: a recording as lines, as `trace` would have printed it.
struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Print a recording as trace would have printed it.",
    discussion: """
      All filters and formats of trace, applied to what was recorded: in any number of passes, without \
      privilege, on any machine. Names of users, cgroups and system calls are the recorded machine's.

      What can't be read (a cut file, a damaged block) is said on stderr with its offset and the sequences \
      that are missing; the rest is shown.

      Exit status: 0; 1 if a part of the recording is damaged or output could not be written; 2 for what is \
      no recording; 64 for a wrong usage.
      """)

  @OptionGroup var recordings: RecordingArguments

  @Option(
    name: .shortAndLong,
    help: "pretty (default on a terminal), json (default in a pipe), compact or tree.")
  var output: TraceCommand.Output?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Print at this many times the speed at which it happened (default: as fast as possible).",
      valueName: "factor"))
  var speed: Double?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("End after this many events.", valueName: "N"))
  var count: UInt64?

  @Option(
    help: ArgumentHelp(
      "Write the account as one JSON object there; - for stderr.", valueName: "path"))
  var summary: String?

  @OptionGroup var filters: FilterArguments

  func run() throws {
    try runTellingFailures {
      let request = try ReadingRequest(recordings, filters, limit: count)
      if let speed, !(speed > 0 && speed <= 1e9) {
        throw Failure("--speed \(speed) is no speed; give a factor above 0, e.g. 1 or 0.5")
      }
      let format =
        output.flatMap { OutputFormat(rawValue: $0.rawValue) }
        ?? (isatty(STDOUT_FILENO) == 1 ? .pretty : .json)
      let target = try summary.map { try SummaryTarget($0) }
      // A reader that goes away is told by write().
      _ = signal(SIGPIPE, SIG_IGN)
      var show = try RecordingShow.open(request) { start, _ in
        PacedLines(
          format, families: request.filter?.families ?? EventFamily.families(in: start.families),
          speed: speed)
      }
      var problem: ReplayEnd?
      do { try show.run() } catch let end as ReplayEnd { problem = end }
      do throws(ReplayEnd) { try show.visitor.finish() } catch { problem = problem ?? error }
      return try conclude(show, problem, target)
    }
  }

  private func conclude(
    _ show: borrowing RecordingShow<PacedLines>, _ problem: ReplayEnd?, _ target: SummaryTarget?
  ) throws -> Int32 {
    show.tellDamage()
    let summary = Summary(show)
    if !recordings.quiet && !(target?.isStandardError ?? false) { summary.say() }
    try target?.write(summary)
    show.counts.tellProblems()
    if case .failed(let text) = problem { throw Failure(text, status: 1) }
    return show.isDamaged ? 1 : 0
  }
}

/// Why a replay ended before the recording did.
enum ReplayEnd: Error {
  /// The reader of the output closed its end.
  case readerGone
  /// Writing failed: why, and what to do.
  case failed(String)
}

/// Lines on standard output, at the speed that was asked for.
struct PacedLines: ~Copyable, EventVisitor {
  typealias Failure = ReplayEnd
  private(set) var lines: LineVisitor
  private let speed: Double?
  /// The first event's time, and when it was printed.
  private var origin: (event: UInt64, now: UInt64)?

  init(_ format: OutputFormat, families: Set<EventFamily>, speed: Double?) {
    lines = LineVisitor(format, families: families)
    self.speed = speed
  }

  mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(ReplayEnd) {
    if let speed, let time = event.timestamp { try wait(until: time, speed) }
    lines.visit(event, context: &context)
    if lines.output.isFull { try flush() }
  }

  mutating func visit(_ gap: Gap) throws(ReplayEnd) { lines.visit(gap) }

  /// Writes what is left.
  mutating func finish() throws(ReplayEnd) {
    lines.finish()
    try flush()
  }

  private mutating func wait(until time: UInt64, _ speed: Double) throws(ReplayEnd) {
    guard let origin else {
      self.origin = (time, monotonicNow())
      return
    }
    let passed = time > origin.event ? Double(time - origin.event) / speed : 0
    let due = origin.now &+ UInt64(min(passed, 1e18))
    guard due > monotonicNow() else { return }
    // What is due is seen while the next one is waited for.
    try flush()
    while case let now = monotonicNow(), now < due {
      let left = due - now
      var time = timespec(
        tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
      unsafe nanosleep(&time, nil)
    }
  }

  private mutating func flush() throws(ReplayEnd) {
    switch lines.output.flush(interrupt: -1) {
    case .done, .interrupted: return
    case .closed: throw .readerGone
    case .failed(let text): throw .failed(text)
    }
  }
}

extension Summary {
  /// The account of what was shown of a recording: losses as the recording tells them.
  init(_ show: borrowing RecordingShow<PacedLines>) {
    self.init()
    let last = show.segments.last
    delivered = show.counts.accepted
    lost = show.counts.lost.total &+ show.counts.unreadable
    missed = last?.figures?.missed ?? 0
    offered = delivered &+ lost &+ missed
    filtered = show.counts.filtered &+ (last?.figures?.filtered ?? 0)
    gaps = show.counts.gaps
    lostByFamily = show.counts.lost
    lostByFamily[.process] &+= show.counts.unreadable
    families = EventFamily.families(in: show.start.families).sorted { $0.rawValue < $1.rawValue }
    orderingViolations = show.counts.verifier.orderingViolations
    causalityViolations = show.counts.verifier.causalityViolations
    longestStall = last?.figures?.longestStall ?? 0
    if let first = show.segments.first, let ended = last?.ended, ended > first.began {
      duration = ended - first.began
    }
    forks = show.counts.forks
    execs = show.counts.execs
    exits = show.counts.exits
    reason = show.counts.isComplete ? "\(show.counts.accepted) events" : "the recording's end"
  }

  /// Says the account on stderr.
  func say() {
    var buffer = OutputBuffer(capacity: 1024)
    writeText(into: &buffer)
    let text = buffer.array
    _ = unsafe text.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
