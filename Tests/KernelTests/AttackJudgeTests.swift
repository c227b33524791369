import AttackCKit
import AttackObjects
import Foundation
import RingAttack
import Sequencer
import SequencerABI
import TestSupport
import Testing

/// The judge of the attacks lets an honest stream pass and finds what is changed in it: else the tests on
/// the live kernel would show nothing. Needs no root.
struct AttackJudgeTests {
  @Test("An honest stream passes", arguments: UInt64(1)...20)
  func honest(seed: UInt64) {
    let stream = HonestStream(seed: seed)
    let judge = stream.judged()
    #expect(judge.problems.isEmpty)
    #expect(judge.gaps > 5 && judge.looseGaps == 0 && judge.residual > 0)
    #expect(judge.events > 200 && judge.settled == judge.events)
  }

  @Test("The programs count and write where this test reads")
  func layouts() {
    typealias Counts = MemoryLayout<attack_cpu>
    #expect(Counts.size == 128 && MemoryLayout<attack_event>.size == Slot.headerSize)
    #expect(Counts.offset(of: \.attempts) == 0 && Counts.offset(of: \.lost) == 8)
    #expect(Counts.offset(of: \.processes) == 16 && Counts.offset(of: \.depth) == 24)
    #expect(Counts.offset(of: \.holding) == 32 && Counts.offset(of: \.by_source) == 40)
    #expect(Counts.offset(of: \.nested) == 72 && Counts.offset(of: \.release) == 104)
    typealias Event = MemoryLayout<attack_event>
    #expect(Event.offset(of: \.number) == 0 && Event.offset(of: \.source) == 8)
    #expect(Event.offset(of: \.slots) == 12 && Event.offset(of: \.cpu) == 14)
    #expect(Event.offset(of: \.lost) == 16 && Event.offset(of: \.attempts_after) == 24)
    #expect(Event.offset(of: \.lost_after) == 32 && Event.offset(of: \.processes) == 40)
    #expect(Event.offset(of: \.depth) == 48 && Event.offset(of: \.checksum) == 56)
  }

  @Test("The program that is installed has no part of the attack")
  func notEmbedded() throws {
    // As the plugin writes an object into the program: base64. A piece from within the code.
    let text = Data(AttackObjects.attack.bytes()).base64EncodedData()
    let piece = text.dropFirst(4000).prefix(64)
    func holds(_ program: String) throws -> Bool {
      let path = try BuildFolder.program(program)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
      return bytes.range(of: piece) != nil
    }
    #expect(try holds("ring-attack"))
    #expect(try !holds("ordinal"))
  }

  /// Ways in which a ring could go wrong.
  enum Mutation: CaseIterable {
    case recordLeftOut, recordTwice, recordsSwapped, eventLostUntold, processLostUntold
    case gapLeftOut, gapTooLarge, gapTooSmall, gapOfTheOtherFamily, gapOneRecordLate,
      gapOneRecordEarly
    case boundTooEarly, boundTooLate, boundMissing, boundOfAnotherCPU
    case residualLeftOut, residualTooLarge, residualOfAnotherCPU
    case wrongCPU, wrongSpan, offeredTooLow, lostTooHigh, witnessSawMore
  }

  @Test("Whatever is changed is found, wherever it is", arguments: Mutation.allCases)
  func mutants(_ mutation: Mutation) {
    var made = 0
    for seed in UInt64(1)...60 {
      var stream = HonestStream(seed: seed)
      var random = SeededNumbers(seed: seed + 1000)
      guard stream.mutate(mutation, &random) else { continue }
      made += 1
      #expect(stream.judged().problemCount > 0, "\(mutation), seed \(seed)")
    }
    #expect(made > 20, "\(mutation) was made \(made) times")
  }

  @Test("A byte of an event that is not as it was written is found", arguments: [0, 3, 6])
  func torn(number: UInt64) throws {
    let bytes = eventBytes(number: number, cpu: 2)
    #expect(damage(bytes) == nil)
    for index in Slot.headerSize..<bytes.count {
      var torn = bytes
      torn[index] ^= 0x10
      #expect(damage(torn) != nil, "byte \(index)")
    }
  }

  private func damage(_ bytes: [UInt8]) -> String? {
    let view = unsafe RecordView(bytes.span.bytes)
    return ObservedRecord(view).damage
  }

  /// The bytes of an event as the program writes them.
  private func eventBytes(number: UInt64, cpu: UInt16) -> [UInt8] {
    let slots = attack_slots(number)
    var words = [UInt64](repeating: 0, count: Int(slots) * 16)
    words[0] = 1
    words[2] = UInt64(EventKind.test.rawValue) | slots << 16 | UInt64(cpu) << 32
    words[3] = UInt64(Int(slots) * Slot.size - Slot.headerSize) << 32
    words[8] = number
    words[9] = slots << 32 | UInt64(cpu) << 48
    words[11] = number + 1
    for index in 16..<max(16, words.count) {
      words[index] = attack_word(number, UInt64(cpu), UInt64(index))
    }
    for (index, word) in words.enumerated() where index > 7 && index != 15 {
      words[15] = attack_sum(words[15], word)
    }
    return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }
}

/// What two CPUs would write without interrupts, and what they would count.
private struct HonestStream {
  var records: [ObservedRecord] = []
  var collected: [(cpu: Int, gap: ObservedGap)] = []
  var counts = [attack_cpu](repeating: attack_cpu(), count: 2)
  var ring = [(offered: (test: UInt64, process: UInt64), lost: (test: UInt64, process: UInt64))](
    repeating: ((0, 0), (0, 0)), count: 2)

  init(seed: UInt64) {
    var random = SeededNumbers(seed: seed)
    var next: UInt64 = 0
    var last: [UInt64?] = [nil, nil]
    var pending: [ObservedGap?] = [nil, nil]
    var isFull = false
    for step in 0..<800 {
      if random.next() % 20 == 0 { isFull.toggle() }
      // So that something waits to be collected at the end.
      if step > 790 { isFull = true }
      let cpu = Int(random.next() % 2)
      let isProcess = random.next() % 5 == 0
      let own = counts[cpu]
      if isProcess {
        counts[cpu].processes += 1
        ring[cpu].offered.process += 1
      } else {
        counts[cpu].attempts += 1
        ring[cpu].offered.test += 1
      }
      if isFull {
        var gap = pending[cpu] ?? ObservedGap(after: last[cpu], test: 0)
        if isProcess {
          gap.process += 1
          ring[cpu].lost.process += 1
        } else {
          gap.test += 1
          ring[cpu].lost.test += 1
          counts[cpu].lost += 1
        }
        pending[cpu] = gap
        continue
      }
      var event: attack_event?
      var span: UInt64 = pending[cpu] == nil ? 1 : 2
      if !isProcess {
        let slots = attack_slots(own.attempts)
        span += slots - 1
        var told = attack_event()
        told.number = own.attempts
        told.slots = UInt16(slots)
        told.cpu = UInt16(cpu)
        told.lost = own.lost
        told.lost_after = own.lost
        told.attempts_after = own.attempts + 1
        told.processes = own.processes
        event = told
      }
      records.append(
        ObservedRecord(sequence: next, span: span, cpu: cpu, event: event, gap: pending[cpu]))
      pending[cpu] = nil
      last[cpu] = next
      next += span
    }
    for cpu in 0..<2 { if let gap = pending[cpu] { collected.append((cpu, gap)) } }
  }

  func judged() -> AttackJudge {
    var judge = AttackJudge(cpuCount: 2, nests: false)
    for record in records { judge.judge(record) }
    for (cpu, gap) in collected { judge.judge(collected: gap, cpu: cpu, isAtRest: true) }
    judge.judgeTheEnd(counts, ring: ring)
    return judge
  }

  /// Takes a record out so that the tickets have no hole: what a ring would look like that had lost it.
  private mutating func remove(at index: Int) {
    let span = records[index].span
    records.remove(at: index)
    for later in index..<records.count { records[later].sequence -= span }
    for later in index..<records.count {
      guard let after = records[later].gap?.after, after >= span else { continue }
      if index < records.count, after > records[index].sequence {
        records[later].gap?.after = after - span
      }
    }
  }

  /// Changes something; false if this stream has nothing to change in that way.
  mutating func mutate(
    _ mutation: AttackJudgeTests.Mutation, _ random: inout SeededNumbers
  ) -> Bool {
    let gaps = records.indices.filter { records[$0].gap != nil }
    func pick(_ indices: [Int], _ random: inout SeededNumbers) -> Int? {
      indices.randomElement(using: &random)
    }
    let any = Int.random(in: 1..<records.count - 1, using: &random)
    let cpu = records[any].cpu
    switch mutation {
    case .recordLeftOut: records.remove(at: any)
    case .recordTwice: records.insert(records[any], at: any)
    case .recordsSwapped: records.swapAt(any, any + 1)
    case .eventLostUntold:
      let plain = records.indices.filter { records[$0].event != nil && records[$0].gap == nil }
      guard let index = pick(plain, &random) else { return false }
      remove(at: index)
    case .processLostUntold:
      let plain = records.indices.filter { records[$0].event == nil && records[$0].gap == nil }
      guard let index = pick(plain, &random) else { return false }
      remove(at: index)
    case .gapLeftOut:
      guard let index = pick(gaps, &random) else { return false }
      records[index].gap = nil
    case .gapTooLarge, .gapTooSmall:
      let some = gaps.filter { records[$0].gap!.test > 0 }
      guard let index = pick(some, &random) else { return false }
      records[index].gap!.test =
        mutation == .gapTooLarge ? records[index].gap!.test + 1 : records[index].gap!.test - 1
    case .gapOfTheOtherFamily:
      let some = gaps.filter { records[$0].gap!.test > 0 }
      guard let index = pick(some, &random) else { return false }
      records[index].gap!.test -= 1
      records[index].gap!.process += 1
    case .gapOneRecordLate, .gapOneRecordEarly:
      let isLate = mutation == .gapOneRecordLate
      guard let index = pick(gaps, &random) else { return false }
      let neighbour =
        isLate
        ? records[(index + 1)...].firstIndex { $0.cpu == records[index].cpu }
        : records[..<index].lastIndex { $0.cpu == records[index].cpu }
      // The one that the losses came before or after must be able to say so.
      guard let neighbour, records[neighbour].gap == nil,
        records[isLate ? index : neighbour].event != nil
      else { return false }
      records[neighbour].gap = records[index].gap
      records[index].gap = nil
      // As the records' bounds would then be.
      records[neighbour].gap!.after =
        records[..<neighbour].last { $0.cpu == records[neighbour].cpu }?.sequence
    case .boundTooEarly, .boundOfAnotherCPU, .boundTooLate, .boundMissing:
      let some = gaps.filter { index in
        records[..<index].filter { $0.cpu == records[index].cpu }.count > 2
      }
      guard let index = pick(some, &random) else { return false }
      let own = records[..<index].filter { $0.cpu == records[index].cpu }
      switch mutation {
      case .boundTooEarly: records[index].gap!.after = own[own.count - 2].sequence
      case .boundTooLate: records[index].gap!.after = records[index].sequence
      case .boundMissing: records[index].gap!.after = nil
      default:
        let other = records[..<index].last { $0.cpu != records[index].cpu }
        guard let other else { return false }
        records[index].gap!.after = other.sequence
      }
    case .residualLeftOut:
      guard !collected.isEmpty else { return false }
      collected.removeLast()
    case .residualTooLarge:
      guard !collected.isEmpty else { return false }
      collected[0].gap.test += 1
    case .residualOfAnotherCPU:
      guard !collected.isEmpty else { return false }
      collected[0].cpu = 1 - collected[0].cpu
    case .wrongCPU: records[any].cpu = 1 - cpu
    case .wrongSpan: records[any].span += 1
    case .offeredTooLow: ring[cpu].offered.test -= 1
    case .lostTooHigh: ring[cpu].lost.test += 1
    case .witnessSawMore: counts[cpu].processes += 1
    }
    return true
  }
}
