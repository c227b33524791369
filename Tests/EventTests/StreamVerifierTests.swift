import Causality
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Whole streams: tickets and losses")
struct StreamVerifierTests {
  private func verifier() -> StreamVerifier {
    StreamVerifier(CausalityVerifier(tracingBegan: 10, hasExactClock: true))
  }

  /// A story with its tickets, spans counted.
  private func story(_ seed: UInt64) -> [RecordBuilder] {
    var story = MachineStory(seed: seed)
    story.run(steps: 300)
    var ticket: UInt64 = 40
    return story.records.map { record in
      var record = record
      record.header.sequence = ticket + 1
      ticket += UInt64(record.bytes().count / Slot.size)
      return record
    }
  }

  private func verdict(
    _ records: [RecordBuilder], lost: FamilyCounts? = nil
  ) throws -> StreamVerdict {
    var verifier = verifier()
    for record in records { try decoding(record.bytes()) { verifier.observe($0) } }
    return verifier.finish(lost: lost)
  }

  @Test("a true one is proven", arguments: 0..<5)
  func proven(seed: UInt64) throws {
    let records = story(seed)
    let verdict = try verdict(records, lost: FamilyCounts())
    #expect(verdict.isProven, "\(verdict.lines)")
    #expect(verdict.counts.isEmpty && verdict.lines.isEmpty)
    #expect(verdict.events == UInt64(records.count) && verdict.first == 40)
    #expect(verdict.last == (records.last?.header.sequence).map { $0 - 1 })
  }

  @Test(
    "one record dropped, doubled or swapped with its neighbour is found by its ticket, wherever")
  func mutants() throws {
    let records = story(9)
    for place in records.indices.dropFirst().dropLast() {
      var dropped = records
      dropped.remove(at: place)
      #expect(try verdict(dropped).counts["sequenceHole"] == 1)
      var doubled = records
      doubled.insert(records[place], at: place)
      #expect(try verdict(doubled).counts["sequenceRepeated"] == 1)
      // The first two are only out of place where it is known that one came first.
      if place == 1 { continue }
      var swapped = records
      swapped.swapAt(place, place - 1)
      let verdict = try verdict(swapped)
      #expect(verdict.counts["sequenceHole"] == 1 && verdict.counts["sequenceRepeated"] == 1)
    }
  }

  @Test("a hole names both events and how many tickets it lacks; it explains absent causes")
  func hole() throws {
    var records = story(3)
    let fork = try #require(
      records.firstIndex { $0.header.kind == EventKind.fork.rawValue && $0.header.sequence > 60 })
    records.remove(at: fork)
    let verdict = try verdict(records)
    #expect(verdict.counts == ["sequenceHole": 1])
    let violation = try #require(verdict.sequences.first)
    #expect(violation.tickets == 1)
    #expect(violation.effect.sequence == violation.earlier.sequence + 2)
    #expect(!verdict.isProven && verdict.lines.count == 1)
    #expect(verdict.lines[0].hasPrefix("sequenceHole: 1 tickets are missing: "))
  }

  @Test("gaps are held against headers, their CPU's records, and the account")
  func losses() throws {
    let first = RecordBuilder(kind: .test)
    var second = RecordBuilder(kind: .test, sequence: 2).with(lost: [.file: 2], after: 1)
    var account = FamilyCounts()
    account[.file] = 2
    #expect(try verdict([first, second], lost: account).isProven)
    account[.file] = 3
    let unaccounted = try verdict([first, second], lost: account)
    #expect(unaccounted.counts == ["lossUnaccounted": 1])
    #expect(unaccounted.lines == ["lossUnaccounted: 2 events lost in gaps, 3 by the account"])
    second.header.lostBefore = 1
    #expect(try verdict([first, second]).counts == ["lossMiscounted": 1])
    // Behind an event of another CPU.
    let third = RecordBuilder(kind: .test, sequence: 3).on(cpu: 1)
    let late = RecordBuilder(kind: .test, sequence: 4).with(lost: [.file: 1], after: 3)
    let plain = RecordBuilder(kind: .test, sequence: 2)
    #expect(try verdict([first, plain, third, late]).counts == ["gapOutOfPlace": 1])
  }

  @Test("records that can't be read, or that the source lacks, are no holes and prove nothing")
  func damage() throws {
    var verifier = verifier()
    try decoding(RecordBuilder(kind: .test).bytes()) { verifier.observe($0) }
    var header = RecordHeader()
    header.sequence = 2
    header.span = 3
    verifier.observe(unreadable: header)
    verifier.observe(missing: StreamVerifier.MissingRecords(first: 4, next: 9))
    try decoding(RecordBuilder(kind: .test, sequence: 10).bytes()) { verifier.observe($0) }
    verifier.observe(missing: StreamVerifier.MissingRecords(first: nil, next: nil))
    try decoding(RecordBuilder(kind: .test, sequence: 500).bytes()) { verifier.observe($0) }
    let verdict = verifier.finish()
    #expect(verdict.violations == 0 && !verdict.isProven)
    #expect(verdict.unreadable == 1 && verdict.firstUnreadable?.sequence == 1)
    #expect(verdict.missingPlaces == 2 && verdict.missingTickets == 5)
  }

  @Test("numbers at the end of their range do no harm")
  func extremes() throws {
    var verifier = verifier()
    for sequence: UInt64 in [.max, 1, .max - 1, .max] {
      var record = RecordBuilder(kind: .switched, sequence: sequence)
      record.payload = [UInt8](repeating: 0xFF, count: 64)
      record.header.cpu = .max
      record.header.timestamp = .max
      try decoding(record.with(lost: [.file: .max], after: .max).bytes()) { verifier.observe($0) }
    }
    var header = RecordHeader()
    header.sequence = .max
    header.span = .max
    verifier.observe(unreadable: header)
    verifier.observe(missing: StreamVerifier.MissingRecords(first: .max, next: .max))
    verifier.observe(missing: StreamVerifier.MissingRecords(first: .max, next: 0))
    #expect(!verifier.finish(missed: .max, lost: FamilyCounts()).isProven)
  }
}
