import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore
import TestSupport

extension LifeStream {
  /// Writes the stream as a recording, as a recorder does.
  func record(to path: String, isPacked: Bool = false) throws {
    var options = RecordingOptions(path: path)
    options.isPacked = isPacked
    var start = RecordingStart()
    start.epoch = 77
    start.cpuCount = 8
    start.families = EventFamily.process.bit
    start.facts.host = "ci-7"
    start.facts.kernel = "6.18.0"
    start.facts.architecture = "x86_64"
    start.facts.filters = ["--uid 1000"]
    var writer = try RecordingWriter.create(options, start, journal: ConsumerJournal())
    var journal = ConsumerJournal()
    var index = 0
    while index < records.count {
      var bytes: [UInt8] = []
      let first = index
      while index < records.count, bytes.count < 1 << 20 {
        bytes += records[index]
        index += 1
      }
      let begin = journal.position
      journal.position += UInt64(bytes.count / Slot.size)
      journal.records += UInt64(index - first)
      try writer.append(
        RecordRun(
          bytes.span.raw, firstPosition: begin, endPosition: journal.position,
          count: index - first, journal: journal))
    }
    try writer.finish(.finished, RecordingFigures())
  }
}

/// Runs the built program to its end; its streams apart.
func ordinal(
  _ arguments: [String], environment: [String: String] = [:]
) throws -> (status: Int32, output: String, errors: String) {
  let folder = try TemporaryFolder()
  let child = try ChildProcess(
    BuildFolder.program("ordinal"), arguments, output: .file(folder.file("out")),
    errors: .file(folder.file("err")), environment: environment)
  let status = try child.wait(seconds: 120)
  return (status, try readFile(folder.file("out")), try readFile(folder.file("err")))
}
