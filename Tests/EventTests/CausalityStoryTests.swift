import Causality
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// A story of every family, told truly, and with one record out of place. Tickets are given anew, so that only
/// what events tell can show it.
@Suite("A machine's story, and its mutants")
struct CausalityStoryTests {
  private func story(_ seed: Int, steps: Int = 400) -> [RecordBuilder] {
    var story = MachineStory(seed: UInt64(seed))
    story.run(steps: steps)
    return story.records
  }

  private func kind(_ record: RecordBuilder) -> EventKind? {
    EventKind(rawValue: record.header.kind)
  }

  private func word(_ record: RecordBuilder, _ offset: Int) -> UInt32 {
    record.payload.span.raw.value(at: offset, as: UInt32.self)
  }

  @Test("in order, it is clean", arguments: 0..<40)
  func clean(seed: Int) throws {
    let verifier = try judged(story(seed, steps: 3000))
    #expect(verifier.firstCausalityViolations.prefix(5).map(\.fullDescription) == [])
    #expect(verifier.orderingViolations == 0 && verifier.unjudged == 0)
  }

  @Test("it has what the rules are about")
  func content() {
    let kinds = Set((0..<5).flatMap { story($0) }.map { $0.header.kind })
    let wanted: [EventKind] = [
      .fork, .exit, .switched, .wakeup, .wakeupNew, .migrate, .syscallEnter, .syscallExit,
      .futexEnter, .futexExit, .lockWait, .lockAcquired, .signalGenerate, .signalDeliver,
      .credentials, .namespace,
    ]
    #expect(kinds.isSuperset(of: wanted.map(\.rawValue)))
  }

  @Test("any event delivered twice is found", arguments: 0..<3)
  func doubled(seed: Int) throws {
    let records = story(seed)
    for place in records.indices {
      var mutant = records
      mutant.insert(records[place], at: place + 1)
      #expect(try judged(mutant).causalityViolations > 0, "\(records[place].header)")
    }
  }

  /// Two of one CPU, but for an interrupt that may as well have come while the other was written; or a cause
  /// and the switch on another CPU that it leads to.
  private func mustBeFound(_ first: RecordBuilder, _ second: RecordBuilder) -> Bool {
    if first.header.cpu == second.header.cpu {
      // After the swap `second` stands first, with the later time.
      let canInterrupt: Set<EventKind> = [
        .wakeup, .migrate, .signalGenerate, .lockWait, .lockAcquired,
      ]
      let atomic: Set<EventKind> = [.switched, .wakeup, .wakeupNew, .migrate]
      guard let lower = kind(second), let upper = kind(first) else { return false }
      let looksNested =
        first.header.tid == second.header.tid && canInterrupt.contains(upper)
        && !atomic.contains(lower)
      // And one that really was nested stands in its place by its time.
      return !looksNested && second.header.timestamp > first.header.timestamp
    }
    guard kind(second) == .switched else { return false }
    let next = word(second, 28)
    switch kind(first) {
    case .switched: return next != 0 && first.header.tid == next
    case .wakeup, .wakeupNew, .migrate: return word(first, 20) == next
    default: return false
    }
  }

  @Test(
    "two neighbours that changed places are found, unless nothing told them apart", arguments: 0..<4
  )
  func swapped(seed: Int) throws {
    let records = story(seed)
    var found = (sameCPU: 0, others: 0)
    for place in records.indices.dropLast() {
      guard mustBeFound(records[place], records[place + 1]) else { continue }
      var mutant = records
      mutant.swapAt(place, place + 1)
      #expect(
        try judged(mutant).causalityViolations > 0,
        "\(records[place].header) \(records[place + 1].header)")
      if records[place].header.cpu == records[place + 1].header.cpu {
        found.sameCPU += 1
      } else {
        found.others += 1
      }
    }
    #expect(found.sameCPU > 60)
  }

  @Test(
    "without times, neighbours of one CPU that changed places around a switch are found",
    arguments: 0..<3)
  func swappedUntimed(seed: Int) throws {
    let records = story(seed).map { $0.on(cpu: $0.header.cpu, at: 0) }
    var found = 0
    for place in records.indices.dropLast() {
      let (first, second) = (records[place], records[place + 1])
      guard first.header.cpu == second.header.cpu,
        kind(first) == .switched || kind(second) == .switched
      else { continue }
      // Between a switch's tracepoint and the switch there are locks; a thread and its leader may change ids;
      // and what a CPU runs is known from its first switch on.
      let isKnown = records[..<place].contains {
        $0.header.cpu == first.header.cpu && kind($0) == .switched
      }
      if !isKnown || isOneFamily(first, second) || isLock(first) || isLock(second) { continue }
      var mutant = records
      mutant.swapAt(place, place + 1)
      #expect(
        try judged(mutant).causalityViolations > 0, "\(first.header) \(second.header)")
      found += 1
    }
    #expect(found > 10)
  }

  private func isLock(_ record: RecordBuilder) -> Bool { kind(record)?.family == .lock }

  /// Whether a switch goes from a leader to its thread, or back.
  private func isOneFamily(_ first: RecordBuilder, _ second: RecordBuilder) -> Bool {
    [first, second].contains { kind($0) == .switched && word($0, 24) == $0.header.pid }
  }

  @Test("one that is dropped is found, where what follows needs it", arguments: 0..<3)
  func dropped(seed: Int) throws {
    let records = story(seed)
    var found: [EventKind: Int] = [:]
    for place in records.indices where isNeeded(place, in: records) {
      var mutant = records
      mutant.remove(at: place)
      let verifier = try judged(mutant)
      #expect(verifier.causalityViolations > 0, "\(records[place].header)")
      if let kind = kind(records[place]) { found[kind, default: 0] += 1 }
    }
    for kind in [
      EventKind.fork, .exit, .switched, .wakeup, .wakeupNew, .migrate, .syscallExit, .futexExit,
      .lockWait,
    ] {
      #expect(found[kind, default: 0] > 0, "\(kind)")
    }
  }

  /// Whether the story says later what the record at `place` leads to.
  private func isNeeded(_ place: Int, in records: [RecordBuilder]) -> Bool {
    let record = records[place]
    let rest = records[(place + 1)...]
    let own = rest.filter {
      $0.header.tid == record.header.tid && $0.header.processStart == record.header.processStart
    }
    func runs(_ tid: UInt32) -> Bool {
      rest.contains { kind($0) == .switched && word($0, 28) == tid }
    }
    switch kind(record) {
    // A process of which nothing else is told can't be told from one that the kernel is silent about.
    case .switched:
      let next = word(record, 28)
      // And which task a CPU runs is known from its first switch on.
      let isKnown = records[..<place].contains {
        kind($0) == .switched && $0.header.cpu == record.header.cpu
      }
      let acts =
        isKnown
        && records.indices.contains {
          $0 != place && records[$0].header.processStart == record.header.processStart
            && records[$0].header.pid == record.header.pid
        }
      return acts && word(record, 24) != record.header.pid
        && rest.first { $0.header.cpu == record.header.cpu }.map { $0.header.tid == next } ?? false
    case .fork: return true
    case .wakeup, .wakeupNew: return word(record, 20) != ancient.pid && runs(word(record, 20))
    case .migrate:
      let moved = word(record, 20)
      let next = rest.first {
        kind($0) == .migrate && word($0, 20) == moved
          || kind($0) == .switched && word($0, 28) == moved
      }
      return next.map { kind($0) == .switched } ?? false
    case .exit:
      return record.header.processStart > ancient.start
        && own.contains { kind($0) == .switched }
    case .syscallExit: return own.contains { kind($0) == .syscallEnter }
    case .futexExit: return own.contains { kind($0) == .futexEnter }
    case .lockWait:
      return record.header.pid != ancient.pid && own.contains { kind($0) == .lockAcquired }
    case .credentials, .namespace:
      return record.header.pid != 0 && own.contains { kind($0) == kind(record) }
        && records[..<place].contains {
          kind($0) == kind(record) && $0.header.tid == record.header.tid
            && $0.header.processStart == record.header.processStart
        }
    default: return false
    }
  }

  @Test("what is lost and told leaves it clean", arguments: 0..<40)
  func lossy(seed: Int) throws {
    var kept: [RecordBuilder] = []
    var pending: [UInt16: (after: UInt64, lost: [EventFamily: UInt32])] = [:]
    var lastOfCPU: [UInt16: UInt64] = [:]
    for (index, record) in story(seed, steps: 3000).enumerated() {
      let cpu = record.header.cpu
      // In runs, as a ring that is full loses them.
      if index % 97 >= 80, index > 10, let family = kind(record)?.family {
        pending[cpu, default: (lastOfCPU[cpu] ?? 0, [:])].lost[family, default: 0] += 1
        continue
      }
      var record = record
      if let (after, lost) = pending.removeValue(forKey: cpu) {
        record = record.with(lost: lost, after: after)
      }
      kept.append(record)
      lastOfCPU[cpu] = UInt64(kept.count)
    }
    let gaps = pending.map { cpu, told in
      var lost = FamilyCounts()
      for (family, count) in told.lost { lost[family] = UInt64(count) }
      return Gap(
        cpu: UInt32(cpu), lost: lost, afterSequence: told.after == 0 ? nil : told.after - 1)
    }
    let verifier = try judged(kept, gaps: gaps)
    #expect(verifier.firstCausalityViolations.prefix(3).map(\.fullDescription) == [])
  }
}
