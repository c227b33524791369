package import SequencerABI
package import SequencerCore

/// A record that tells whether it was torn: every word of its payload follows from its producer's
/// number and its place among that producer's records, and the last one is a checksum of the others
/// and of the record's ticket.
package struct TestRecord: Equatable {
  package var producer: UInt64
  package var number: UInt64

  package init(producer: UInt64, number: UInt64) {
    self.producer = producer
    self.number = number
  }

  /// Word `index` of the payload.
  package func word(_ index: Int) -> UInt64 {
    switch index {
    case 0: return producer
    case 1: return number
    default:
      var mixed = (number &* 0x9E37_79B9_7F4A_7C15) ^ (producer << 48) ^ UInt64(index)
      mixed = (mixed ^ (mixed >> 29)) &* 0xBF58_476D_1CE4_E5B9
      // Never zero, so that no word that was cleared or never written passes.
      return mixed | 1
    }
  }

  /// Words of the payload of a record of `slots` slots, the gap block not counted.
  package static func wordCount(slots: UInt64) -> Int {
    (Int(slots) * Slot.size - Slot.headerSize) / 8
  }

  /// The payload's last word, for the words before it.
  package static func checksum(
    ticket: UInt64, count: Int, _ word: (Int) -> UInt64
  ) -> UInt64 {
    // FNV-1a, a word at a time.
    var sum = (0xCBF2_9CE4_8422_2325 ^ ticket) &* 0x0000_0100_0000_01B3
    for index in 0..<count - 1 {
      sum = (sum ^ word(index)) &* 0x0000_0100_0000_01B3
      sum ^= sum >> 32
    }
    // Never zero, so that no word that was cleared or never written passes.
    return sum | 1
  }

  /// Publishes the record, or counts its loss.
  ///
  /// - Returns: its ticket; nil if it was lost.
  @discardableResult
  package func produce(
    _ producer: Producer<HostMemory>, slots: UInt64 = 1, family: EventFamily = .test
  ) -> UInt64? {
    guard let claim = producer.claim(slots: slots, family: family) else { return nil }
    let ticket = claim.ticket
    let count = TestRecord.wordCount(slots: slots)
    for index in 0..<count - 1 {
      unsafe claim.payload.storeBytes(of: word(index), toByteOffset: 8 * index, as: UInt64.self)
    }
    unsafe claim.payload.storeBytes(
      of: TestRecord.checksum(ticket: ticket, count: count, word), toByteOffset: 8 * (count - 1),
      as: UInt64.self)
    producer.publish(
      claim, kind: .test, cpu: UInt32(producer.memory.cpu), flags: [],
      payloadLength: UInt32(8 * count))
    return ticket
  }
}

/// What a consumer found in the ring, copied and checked.
package struct Delivered: Equatable {
  package var ticket: UInt64
  package var cpu: Int
  package var span: UInt64
  package var record: TestRecord
  package var lostBefore: UInt64
  package var gap: DeliveredGap?
  /// Whether every word was as its producer wrote it.
  package var isWhole: Bool
}

/// A gap block, copied.
package struct DeliveredGap: Equatable {
  /// Sequences as tickets + 1; 0: none.
  package var after: UInt64
  package var total: UInt64
  package var byFamily: [UInt64]

  package init(_ block: GapBlock) {
    after = block.afterSequence
    total = block.total
    // A tuple of sixteen equal elements is laid out as an array of them.
    byFamily = unsafe withUnsafeBytes(of: block.lost) { raw in
      (0..<EventFamily.count).map {
        unsafe UInt64(raw.load(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
  }
}

extension Delivered {
  /// Copies and checks the record at `bytes`.
  package init(_ bytes: UnsafeRawPointer, span: UInt64) {
    let header = unsafe bytes.load(as: RecordHeader.self)
    let hasGap = RecordFlags(rawValue: header.flags).contains(.gap)
    let word = { (index: Int) in
      unsafe bytes.load(fromByteOffset: Slot.headerSize + 8 * index, as: UInt64.self)
    }
    record = TestRecord(producer: word(0), number: word(1))
    ticket = header.sequence &- 1
    cpu = Int(header.cpu)
    self.span = span
    lostBefore = UInt64(header.lostBefore)
    let count = TestRecord.wordCount(slots: span - (hasGap ? 1 : 0))
    isWhole =
      header.span == UInt16(span) && header.kind == EventKind.test.rawValue
      && header.payloadLength == UInt32(8 * count)
    for index in 0..<count - 1 where word(index) != record.word(index) { isWhole = false }
    if word(count - 1) != TestRecord.checksum(ticket: ticket, count: count, word) {
      isWhole = false
    }
    if hasGap {
      gap = unsafe DeliveredGap(
        bytes.load(fromByteOffset: Int(span - 1) * Slot.size, as: GapBlock.self))
    }
  }
}

extension Consumer where Memory == HostMemory {
  /// Reads everything that is ready, and releases it.
  package mutating func readAll(limit: Int = .max) -> [Delivered] {
    var all: [Delivered] = []
    while all.count < limit, let next = unsafe next() {
      all.append(unsafe Delivered(next.bytes, span: next.span))
      unsafe advance(over: next.bytes, span: next.span)
    }
    release()
    return all
  }
}

/// Admission refused what a test counts on.
package struct NotAdmitted: Error {
  package init() {}
}

extension Producer where Memory == HostMemory {
  /// Claims, where the test has left room.
  package func admitted(slots: UInt64) throws -> Claim {
    guard let claim = claim(slots: slots, family: .test) else { throw NotAdmitted() }
    return claim
  }
}
