public import SequencerCore

/// Where a recording's file ends, for a recorder that goes on behind it.
public struct RecordingTail: Sendable {
  /// What had been handed out and told by its last whole block.
  public let journal: ConsumerJournal
  /// The ring and the run, as its header tells them.
  public let start: RecordingStart

  /// Finds the end of a segment by its blocks' headers; only the last content is read.
  ///
  /// - Parameter path: the file.
  /// - Throws: if it can't be read or is no recording.
  public init(of path: String) throws(RecordingError) {
    var reader = try SegmentReader(opening: path)
    start = RecordingStart(reader)
    journal = try reader.tail()
  }
}

extension SegmentReader {
  /// The journal as of the last whole block.
  mutating func tail() throws(RecordingError) -> ConsumerJournal {
    var journal = ConsumerJournal()
    journal.position = header.firstPosition
    journal.records = header.recordsBefore
    var before = journal
    var last: BlockHeader?
    while let block = try skim() {
      last = block
      before = journal
      journal.position = block.endPosition
      journal.records = block.recordsTotal
      journal.lostTold = block.lostTold
    }
    if let last, try !isSound(last, before: offset) { return before }
    return journal
  }
}
