import ArgumentParser
import EventFormats
import Glibc

/// Measures how fast a full ring is drained, and shows that draining and writing allocate nothing.
@main struct RingBenchmark: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "ring-benchmark",
      abstract: "Drain a full ring of one-slot records, and count what that allocates.",
      discussion: "Timings mean something in a release build on a quiet machine only.")
  }

  @Option(name: .long, help: "Rounds for the 16 MiB ring; the 128 MiB ring takes a quarter.")
  var rounds = 100

  @Flag(name: .long, help: "Only count allocations; exit with 1 if there was one.")
  var checkAllocations = false

  @Flag(name: .long, help: "Print one JSON object.")
  var json = false

  @Option(name: .long, help: "The commit measured, for the result.")
  var commit = "unknown"

  @Option(name: .long, help: "Records that the allocation check drains.")
  var records = 3_000_000

  mutating func run() throws {
    guard AllocationCheck.countsWhatSwiftAllocates else {
      print("allocations can't be counted in this build")
      throw ExitCode(2)
    }
    var report = Report(commit: commit)
    if !checkAllocations {
      report.drains.append(try .measured(ringBytes: 16 << 20, rounds: max(1, rounds)))
      report.drains.append(try .measured(ringBytes: 128 << 20, rounds: max(1, rounds / 4)))
    }
    report.checks.append(try .drain(records: records))
    for format in [OutputFormat.json, .compact, .pretty] {
      report.checks.append(try .format(format, records: min(records, 100_000)))
    }
    print(json ? report.json : report.text)
    if report.checks.contains(where: { $0.allocations != 0 }) { throw ExitCode(1) }
  }
}
