import ArgumentParser
import EventFormats
import Glibc
import KernelEvents
import LivesReport
import ProcessLives

/// `ordinal report`: a recording as one page of HTML.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Make one HTML page of a recording: timeline, rates, losses, failures.",
    discussion: """
      The page is one file that loads nothing, from a network or from elsewhere, and is readable for its \
      owner alone. It has a timeline of lives to zoom, search and select in, events and losses over time, \
      failures, the slowest execs, the longest lives, the busiest parents and what is known of the recording.

      Arguments are in it as they were recorded: hide what others must not see with --redact. Filters are \
      those of replay; a page of filtered events may lack ends and parents.

      The timeline keeps --limit processes, those that ended last; the tables count all.

      Exit status: 0; 1 if a part of the recording is damaged or the page could not be written; 2 for bad \
      input; 64 for a wrong usage.
      """)

  @OptionGroup var recordings: RecordingArguments

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Where to write the page; - for standard output.", valueName: "path"))
  var output = "ordinal-report.html"

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep so many processes at most.", valueName: "N"))
  var limit = 200_000

  @OptionGroup var filters: FilterArguments

  func run() throws {
    try runTellingFailures {
      let request = try ReadingRequest(recordings, filters)
      let target = try PageTarget(output)
      let reading = try LivesReading(request, limit: limit)
      try target.check(isNoneOf: reading.files)
      var page = LivesPage(reading.lives, facts: reading.facts)
      var buffer = OutputBuffer(capacity: 1 << 20)
      page.append(to: &buffer)
      try target.write(buffer.bytes)
      if !recordings.quiet, output != "-" { complain("wrote \(output)") }
      return reading.isDamaged ? 1 : 0
    }
  }
}
