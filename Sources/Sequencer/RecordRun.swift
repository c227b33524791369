import SequencerABI
public import SequencerCore

/// Published records that lie behind one another in memory, lent by ``RingConsumer`` for the time of a
/// call: what a recorder writes to a file as it is.
public struct RecordRun: ~Escapable {
  /// The records, slot by slot.
  public let bytes: RawSpan
  /// The ticket of the first record.
  public let firstPosition: UInt64
  /// The ticket behind the last record.
  public let endPosition: UInt64
  /// Records in the run.
  public let count: Int
  /// What was handed out and told since the ring was made, this run included.
  public let journal: ConsumerJournal

  /// Lends `bytes` as a run; the parameters are the properties.
  ///
  /// - Precondition: `bytes` holds `count` records one behind the other, whose spans make `endPosition`.
  @_lifetime(copy bytes)
  public init(
    _ bytes: RawSpan, firstPosition: UInt64, endPosition: UInt64, count: Int,
    journal: ConsumerJournal
  ) {
    self.bytes = bytes
    self.firstPosition = firstPosition
    self.endPosition = endPosition
    self.count = count
    self.journal = journal
  }

  /// Lends each record in turn.
  public func forEach(_ body: (RecordView) -> Void) {
    var offset = 0
    for _ in 0..<count {
      let rest = bytes.extracting(offset..<bytes.byteCount)
      let byteCount = Int(RecordView(rest).header.span) * Slot.size
      body(RecordView(bytes.extracting(offset..<offset + byteCount)))
      offset += byteCount
    }
  }
}

extension RingConsumer {
  /// Hands the ready records that lie behind one another to `body`, all at once, in ticket order.
  ///
  /// The run is lent for the call only, and ends at the ring's end at the latest. If `body` throws, its
  /// records count as not read and are handed out again.
  ///
  /// - Parameters:
  ///   - slots: slots of a run, about: the last record may go beyond.
  ///   - records: records of a run, at most.
  ///   - body: takes the run; not called where no record is ready.
  /// - Returns: the number of records handed out.
  /// - Throws: what `body` throws, or that the ring can't be trusted.
  public mutating func drainRun<Failure: Error>(
    slots: Int = 4096, records: Int = .max, _ body: (RecordRun) throws(Failure) -> Void
  ) throws(DrainError<Failure>) -> Int {
    let first = core.position
    let journal = core.journal
    guard records > 0, let start = unsafe core.next() else {
      if records > 0 && core.isPoisoned { throw .ring(damaged()) }
      return 0
    }
    var count = 0
    var end = unsafe start.bytes
    while count < records, core.position &- first < UInt64(slots),
      // Behind the ring's end the next record lies at its beginning.
      let record = unsafe core.next(), unsafe record.bytes == end
    {
      guard unsafe record.span != 0 && record.span <= RingGeometry.maxSpan else {
        // What came before it is handed out; the next call comes here again.
        if count == 0 { throw .ring(damaged()) }
        break
      }
      core.prefetch()
      unsafe core.advance(over: record.bytes, span: record.span)
      unsafe end += Int(record.span) &* Slot.size
      count += 1
    }
    // The slots stay the consumer's until they are released.
    let bytes = unsafe UnsafeRawBufferPointer(start: start.bytes, count: end - start.bytes)
    do {
      try body(
        RecordRun(
          unsafe bytes.bytes, firstPosition: first, endPosition: core.position, count: count,
          journal: self.journal))
    } catch {
      core.position = first
      core.journal = journal
      throw .body(error)
    }
    if releasesWhileDraining { core.release() }
    return count
  }

  /// Steps over records that an earlier consumer has kept already and not yet given back.
  ///
  /// - Parameter kept: what that consumer had done; its position is that of a record, or the next one's.
  /// - Throws: if the ring holds no such position; nothing has been given back then.
  public mutating func skip(to kept: ConsumerJournal) throws(SequencerError) {
    let first = core.position
    let before = core.journal
    while core.position < kept.position, let record = unsafe core.next(),
      unsafe record.span != 0 && record.span <= RingGeometry.maxSpan
    {
      unsafe core.advance(over: record.bytes, span: record.span)
    }
    guard core.position == kept.position, core.journal.records == kept.records else {
      core.position = first
      core.journal = before
      throw SequencerError(
        "what is recorded up to sequence \(kept.position) does not fit to the ring, which goes on at "
          + "\(first)")
    }
    // Told, also where no record tells of it. A file without a block yet tells of none; the ring does.
    var told = kept.lostTold
    for family in 0..<EventFamily.count {
      told[family] = max(told[family], core.journal.lostTold[family])
    }
    core.journal.adopt(lostTold: told)
    core.release()
  }
}
