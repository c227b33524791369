import ArgumentParser
import COrdinalSystem
import EventExports
import EventFormats
import Glibc
import KernelEvents
import Recording
import Sequencer
import SequencerABI

/// `ordinal export`: a recording as a file of another format.
struct ExportCommand: ParsableCommand {
  /// The formats of `--format`.
  enum Format: String, ExpressibleByArgument, CaseIterable { case perfetto, sqlite, csv, json }

  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a recording as a Perfetto trace, a SQLite database, CSV or JSON.",
    discussion: """
      perfetto opens in ui.perfetto.dev: processes as tracks, their lives and what they ran as slices, arrows \
      from forks and wakeups to what they cause, CPUs, losses. sqlite answers questions in plain SQL. csv and \
      json are a line an event; json is what `trace -o json` writes. docs/export.md tells all of it.

      The file comes to be whole or not at all, readable for its owner alone; one that is there is replaced \
      with --force only. A pipe, a device or - (standard output) is written as it comes, but for sqlite.

      Exit status: 0; 1 if a part of the recording is damaged or the file could not be written; 2 for what is \
      no recording or a bad target; 64 for a wrong usage; 128 + n if signal n came before the file was whole.
      """)

  @OptionGroup var recordings: RecordingArguments

  @Option(help: "perfetto, sqlite, csv or json.")
  var format: Format

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - for standard output.", valueName: "file"))
  var output: String

  @Flag(help: "Replace the file if it is there.")
  var force = false

  @OptionGroup var filters: FilterArguments

  func run() throws {
    try runTellingFailures {
      let request = try ReadingRequest(recordings, filters)
      // Writing to a reader that went away, or past a limit, fails instead.
      _ = signal(SIGPIPE, SIG_IGN)
      _ = signal(SIGXFSZ, SIG_IGN)
      ordinal_end_on_signals()
      let target = ExportTarget(path: output, isReplacing: force)
      return switch format {
      case .perfetto: try export(request) { _ in try PerfettoExport(target) }
      case .csv: try export(request) { _ in try CSVExport(target) }
      case .json: try export(request) { _ in try JSONExport(target) }
      case .sqlite: try export(request) { try SQLiteExport(target, information: $0) }
      }
    }
  }

  private func export<Export: EventExport & ~Copyable>(
    _ request: ReadingRequest, _ make: ([(key: String, value: String)]) throws -> Export
  ) throws -> Int32 {
    let began = monotonicNow()
    defer { ordinal_remove_on_end(nil) }
    var show: RecordingShow<Export>
    do {
      show = try RecordingShow.open(request) { start, segments in
        let information = information(start, segments)
        return try holdingSignals {
          let export = try make(information)
          // Copied before the call returns.
          unsafe ordinal_remove_on_end(export.temporaryPath)
          return export
        }
      }
    } catch let error as ExportError { throw Failure(error.description) }
    do {
      try show.run()
      let isShown = !recordings.quiet && isatty(STDERR_FILENO) == 1
      try show.visitor.finish { done, all in
        if isShown { note("index \(done + 1) of \(all)") }
      }
      // It has its own name, and stays.
      ordinal_remove_on_end(nil)
      if isShown { note("") }
    } catch let error as ExportError { throw Failure(error.description, status: 1) }
    show.tellDamage()
    show.counts.tellProblems()
    if !recordings.quiet { tellAccount(show, monotonicNow() &- began) }
    return show.isDamaged ? 1 : 0
  }

  private func tellAccount<Export: EventExport & ~Copyable>(
    _ show: borrowing RecordingShow<Export>, _ time: UInt64
  ) {
    let events = show.counts.accepted
    let rate = Double(events) / max(Double(time) / 1e9, 1e-9)
    let tenths = (time + 50_000_000) / 100_000_000
    let name = output == "-" ? "standard output" : output
    complain(
      "\(events) events and \(show.counts.gaps) gaps in \(name); \(show.counts.filtered) filtered; "
        + "\(tenths / 10).\(tenths % 10) s, \(UInt64(rate)) events/s")
  }

  /// What of the recording a database's `meta` tells.
  private func information(
    _ start: RecordingStart, _ segments: [SegmentSummary]
  ) -> [(key: String, value: String)] {
    let facts = start.facts
    let families = EventFamily.families(in: start.families).map(\.name.description).sorted()
    return [
      ("recorder", "ordinal \(facts.version)"),
      ("exporter", "ordinal \(Ordinal.configuration.version)"),
      ("kernel", facts.kernel), ("architecture", facts.architecture), ("host", facts.host),
      ("boot_id", facts.bootID), ("machine_id", facts.machineID),
      ("cpus", "\(start.cpuCount)"), ("families", families.joined(separator: ",")),
      ("filters", facts.filters.joined(separator: " ")),
      ("command", facts.command.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")),
      ("recordings", segments.map(\.path).joined(separator: "\n")),
    ]
  }
}

/// Does something that no signal may come into the middle of: a file is made, and noted as one to be removed.
private func holdingSignals<Made: ~Copyable>(_ body: () throws -> Made) throws -> Made {
  var all = sigset_t()
  var before = sigset_t()
  unsafe sigfillset(&all)
  unsafe sigprocmask(SIG_BLOCK, &all, &before)
  defer { unsafe sigprocmask(SIG_SETMASK, &before, nil) }
  return try body()
}

/// Writes over the terminal's line.
private func note(_ text: String) {
  let line = "\r\u{1B}[K" + text
  _ = unsafe write(STDERR_FILENO, line, line.utf8.count)
}
