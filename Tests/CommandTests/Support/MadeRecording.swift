import Foundation
import KernelEvents
import Recording
import Sequencer
import SequencerABI
import SequencerCore
import TestSupport

/// A recording that no kernel was needed for: a shell that forks, execs and ends a child, again and again.
struct MadeRecording {
  let path: String
  /// Events in it.
  let events: Int
  /// Where each block of records lies in the file.
  let blocks: [Range<Int>]
  /// The sequences that each of them holds.
  let sequences: [Range<UInt64>]

  /// Makes one.
  ///
  /// - Parameters:
  ///   - folder: where.
  ///   - children: children that the shell has.
  ///   - architecture: the recorded machine's.
  ///   - more: records behind them.
  ///   - isEnded: whether its recorder ended it.
  /// - Throws: if it can't be written.
  init(
    _ folder: TemporaryFolder, children: Int = 4, architecture: String = "x86_64",
    more: [RecordBuilder] = [], isEnded: Bool = true
  ) throws {
    path = folder.path("made")
    var start = RecordingStart()
    start.epoch = 4
    start.cpuCount = 4
    start.ringCapacity = 4096
    start.families = EventFamily.process.bit | EventFamily.syscall.bit
    start.facts.architecture = architecture
    start.facts.host = "elsewhere"
    start.facts.kernel = "6.1.0"
    var journal = ConsumerJournal()
    var writer = try RecordingWriter.create(
      RecordingOptions(path: path), start, journal: journal)
    var blocks: [Range<Int>] = []
    var sequences: [Range<UInt64>] = []
    var events = 0
    let shell = ProcessKey(pid: 100, start: 1_000_000_000)
    for number in 0..<children + (more.isEmpty ? 0 : 1) {
      var records = more
      if number < children {
        let time = 5_000_000_000 + UInt64(number) * 1_000_000
        let child = ProcessKey(pid: UInt32(200 + number), start: time)
        records = [
          RecordBuilder.fork(parent: shell, child: child, comm: "shell", childComm: "shell")
            .on(cpu: 1, at: time + 1_000),
          RecordBuilder.exec(process: child).on(cpu: 1, at: time + 2_000),
          RecordBuilder.exit(process: child, comm: "echo").on(cpu: 1, at: time + 3_000),
        ]
        for index in 1...2 { records[index].header.parentPID = shell.pid }
      }
      var bytes: [UInt8] = []
      let first = journal.position
      for record in records {
        var record = record
        record.header.sequence = journal.position + 1
        let made = record.bytes()
        bytes += made
        journal.position += UInt64(made.count / Slot.size)
        journal.records += 1
      }
      try writer.append(
        RecordRun(
          bytes.span.raw, firstPosition: first, endPosition: journal.position,
          count: records.count, journal: journal))
      events += records.count
      let end = Int(writer.bytesWritten)
      blocks.append(end - bytes.count - BlockHeader.size..<end)
      sequences.append(first..<journal.position)
    }
    if isEnded {
      var figures = RecordingFigures()
      figures.offered = UInt64(events)
      figures.isAtRest = true
      try writer.finish(.finished, figures)
    }
    self.events = events
    self.blocks = blocks
    self.sequences = sequences
  }

  /// Changes one byte of a block's content.
  func damage(block: Int) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[blocks[block].lowerBound + BlockHeader.size + 70] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  /// Cuts the file.
  func cut(at length: Int) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
  }
}
