import ArgumentParser
import EventFormats
import Glibc

/// Measures how fast a full ring is drained, and shows that draining and writing allocate nothing.
@main struct RingBenchmark: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "ring-benchmark",
      abstract: "Drain a full ring of one-slot records, and count what that allocates.",
      discussion: """
        Timings mean something in a release build on a quiet machine only; a debug build counts \
        the allocations of the drain alone.
        """)
  }

  @Option(name: .long, help: "Sizes of the ring, MiB.")
  var size: [Int] = [16, 128]

  @Option(name: .long, help: "Rounds for a ring of 16 MiB; a larger one takes fewer.")
  var rounds = 100

  @Flag(name: .long, help: "Only count allocations; exit with 1 if there was one.")
  var checkAllocations = false

  @Flag(name: .long, help: "Only measure what judging the order adds to an event.")
  var verifier = false

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
    if verifier {
      report.verifier = try .measured(rounds: max(1, rounds / 10))
      print(json ? report.json : report.text)
      return
    }
    if !checkAllocations {
      for size in size {
        let wanted = size > 16 ? max(rounds / 4, rounds * 16 / size) : rounds
        report.drains.append(try .measured(ringBytes: size << 20, rounds: max(1, wanted)))
      }
    }
    report.checks.append(try .drain(records: records))
    // Without the optimiser values are boxed that a release build keeps in registers.
    #if !DEBUG
      for format in [OutputFormat.json, .compact, .pretty] {
        report.checks.append(try .format(format, records: min(records, 100_000)))
      }
    #endif
    print(json ? report.json : report.text)
    if report.checks.contains(where: { $0.allocations != 0 }) { throw ExitCode(1) }
  }
}
