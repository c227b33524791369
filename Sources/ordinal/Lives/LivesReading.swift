import EventFormats
import Glibc
import KernelEvents
import ProcessLives
import Recording
import SequencerABI

/// Reads a recording into the lives of its processes: what tree and report begin with.
struct LivesReading {
  /// The lives, finished.
  let lives: ProcessLives
  /// The recording beside its events.
  let facts: RecordingFacts
  /// The recording's files.
  let files: [String]
  /// Whether a part of what was recorded can't be read.
  let isDamaged: Bool

  /// Processes kept at most, where nothing else is asked for.
  static let defaultLimit = 262_144
  /// The most that may be asked for.
  static let highestLimit = 16_777_216

  /// Reads the recording to its end, and says on stderr what of it can't be read.
  ///
  /// - Parameters:
  ///   - request: which recording, and what of it.
  ///   - limit: processes kept at most, as given.
  /// - Throws: a `Failure` or a `RecordingError`, one line for the user.
  init(_ request: ReadingRequest, limit: Int) throws {
    guard limit >= 2, limit <= LivesReading.highestLimit else {
      throw Failure(
        "--limit \(limit) is out of range; give a number from 2 to \(LivesReading.highestLimit)")
    }
    // A reader that goes away is told by write().
    _ = signal(SIGPIPE, SIG_IGN)
    var show = try RecordingShow.open(request) { _, _ in ProcessLives(limit: limit) }
    try show.run()
    show.visitor.finish()
    if !request.isQuiet { show.tellDamage() }
    show.counts.tellProblems()
    facts = RecordingFacts(show, request)
    lives = show.visitor
    files = show.segments.map(\.path)
    isDamaged = show.isDamaged
  }
}

extension RecordingFacts {
  /// What the headers and footers of a recording's segments tell.
  fileprivate init(_ show: borrowing RecordingShow<ProcessLives>, _ request: ReadingRequest) {
    self.init()
    let start = show.start
    let first = show.segments.first
    let last = show.segments.last
    name = request.files.map { String($0.split(separator: "/").last ?? "") }
      .joined(separator: ", ")
    machine = start.facts.host
    kernel = start.facts.kernel.isEmpty ? "" : "Linux \(start.facts.kernel)"
    architecture = start.facts.architecture
    cpus = start.cpuCount
    begin = first?.began
    end = last?.ended
    clock = first.map { ClockOffset(nanoseconds: $0.clockOffset) }
    families = EventFamily.families(in: start.families).sorted { $0.rawValue < $1.rawValue }
    filters = start.facts.filters
    missed = last?.figures?.missed ?? 0
    faults = show.damage.prefix(10).map { "\($0)" }
    if show.damageCount > 10 { faults.append("\(show.damageCount - 10) more places can't be read") }
    if show.counts.unreadable > 0 {
      faults.append("\(show.counts.unreadable) records could not be read")
    }
    if !start.facts.command.isEmpty {
      let words = start.facts.command.map { String(decoding: $0, as: UTF8.self) }
      details.append(("Command", words.joined(separator: " ")))
    }
    if show.counts.filtered > 0 {
      details.append(("Not shown", "\(show.counts.filtered) events, by this report's filters"))
    }
    let bytes = show.segments.reduce(0) { $0 &+ $1.byteCount }
    details.append(("Files", "\(show.segments.count), \(bytes) bytes"))
    details.append(
      ("Recorder", start.facts.version.isEmpty ? "" : "ordinal \(start.facts.version)"))
    details.append(("Machine's id", start.facts.machineID))
    details.append(("Boot's id", start.facts.bootID))
  }
}
