import Causality
import KernelEvents
import SequencerABI
import RingStress
import TestSupport
import Testing

/// A small machine that forks, runs, threads and ends at random, always in order.
private struct Machine {
  struct Process {
    var key: ProcessKey
    var threads: [(tid: UInt32, start: UInt64)]
    var leaderGone = false
  }

  var random: RandomNumbers
  var clock: UInt64 = 100
  var freeIDs: [UInt32] = Array(2000..<2400)
  var processes = [Process(key: ancient, threads: [])]
  var records: [RecordBuilder] = []

  init(seed: UInt64) { random = RandomNumbers(seed: seed) }

  private mutating func tick() -> UInt64 {
    clock += UInt64.random(in: 1...9, using: &random)
    return clock
  }

  private mutating func newID() -> UInt32 {
    freeIDs.remove(at: Int.random(in: 0..<freeIDs.count, using: &random))
  }

  private func actor(_ process: Process) -> UInt32 {
    process.leaderGone ? process.threads[0].tid : process.key.pid
  }

  mutating func run(steps: Int) {
    while records.count < steps { step() }
    while processes.count > 1 { end(processes.count - 1) }
  }

  private mutating func step() {
    let index = Int.random(in: 0..<processes.count, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<3 where freeIDs.count > 20:
      let start = tick()
      let key = ProcessKey(pid: newID(), start: start)
      records.append(
        .fork(parent: processes[index].key, parentTID: actor(processes[index]), child: key))
      processes.append(Process(key: key, threads: []))
    case 3..<5 where freeIDs.count > 20:
      let start = tick()
      let tid = newID()
      let key = processes[index].key
      records.append(
        .fork(
          parent: key, parentTID: actor(processes[index]), child: key, childTID: tid,
          threadStart: start))
      processes[index].threads.append((tid, start))
    case 5 where !processes[index].threads.isEmpty: exec(index)
    case 5: records.append(.exec(process: processes[index].key))
    case 6 where index > 0 && !processes[index].leaderGone && !processes[index].threads.isEmpty:
      records.append(.exit(process: processes[index].key, flags: []))
      processes[index].leaderGone = true
    case 7 where processes[index].threads.count > 1:
      let thread = processes[index].threads.removeLast()
      records.append(
        .exit(
          process: processes[index].key, tid: thread.tid, threadStart: thread.start, flags: []))
      freeIDs.append(thread.tid)
    case 8... where index > 0: end(index)
    default: break
    }
  }

  /// Runs a program from a thread: all others exit before.
  private mutating func exec(_ index: Int) {
    let key = processes[index].key
    let caller = processes[index].threads.removeFirst()
    if !processes[index].leaderGone { records.append(.exit(process: key, flags: [])) }
    for thread in processes[index].threads {
      records.append(.exit(process: key, tid: thread.tid, threadStart: thread.start, flags: []))
      freeIDs.append(thread.tid)
    }
    records.append(.exec(process: key, oldTID: caller.tid))
    freeIDs.append(caller.tid)
    processes[index] = Process(key: key, threads: [])
  }

  private mutating func end(_ index: Int) {
    let process = processes.remove(at: index)
    var exits = process.threads.map { ($0.tid, $0.start) }
    if !process.leaderGone { exits.append((process.key.pid, process.key.start)) }
    exits.shuffle(using: &random)
    // The last exit may be overtaken by the others.
    let last = Int.random(in: 0..<exits.count, using: &random)
    for (place, (tid, start)) in exits.enumerated() {
      records.append(
        .exit(
          process: process.key, tid: tid, threadStart: start,
          flags: place == last ? .lastThread : []))
      if tid != process.key.pid { freeIDs.append(tid) }
    }
    freeIDs.append(process.key.pid)
  }
}

@Suite("A machine at random, and its mutants")
struct CausalityMutantTests {
  private func story(_ seed: Int, steps: Int = 600) -> [RecordBuilder] {
    var machine = Machine(seed: UInt64(seed))
    machine.run(steps: steps)
    return machine.records
  }

  private func isFork(_ record: RecordBuilder) -> Bool {
    record.header.kind == EventKind.fork.rawValue
  }

  @Test("in order, it is clean", arguments: 0..<30)
  func clean(seed: Int) throws {
    let verifier = try verified(story(seed))
    #expect(verifier.causalityViolations == 0, "\(verifier.firstCausalityViolations)")
    #expect(verifier.orderingViolations == 0)
  }

  @Test("in order, with a small horizon, it is clean too", arguments: 0..<5)
  func cleanSmallHorizon(seed: Int) throws {
    let verifier = try verified(story(seed, steps: 6000), horizon: 2048)
    #expect(verifier.causalityViolations == 0, "\(verifier.firstCausalityViolations)")
  }

  @Test("with a horizon too small for the living, nothing false is reported", arguments: 0..<5)
  func forgetting(seed: Int) throws {
    let verifier = try verified(story(seed, steps: 6000), horizon: 16)
    #expect(verifier.causalityViolations == 0, "\(verifier.firstCausalityViolations)")
    #expect(verifier.unjudged > 0)
  }

  @Test("events that are lost and told leave it clean", arguments: 0..<30)
  func lossy(seed: Int) throws {
    var random = RandomNumbers(seed: UInt64(seed) + 1000)
    var kept: [RecordBuilder] = []
    var lost: UInt64 = 0
    for record in story(seed) {
      if Int.random(in: 0..<20, using: &random) == 0 { lost += 1 } else { kept.append(record) }
    }
    let verifier = try verified(kept, gaps: [loss(lost)])
    #expect(verifier.causalityViolations == 0, "\(verifier.firstCausalityViolations)")
  }

  @Test("a fork that is dropped in silence is found", arguments: 0..<30)
  func silentLoss(seed: Int) throws {
    var records = story(seed)
    var random = RandomNumbers(seed: UInt64(seed) + 3000)
    // A thread of a process from before tracing shows its age by its exit only, and an exec spares
    // it that: such a fork may go unnoticed.
    let forks = records.indices.filter {
      let payload = records[$0].payload
      return isFork(records[$0]) && payload.span.raw.value(at: 8, as: UInt64.self) > ancient.start
    }
    let place = try #require(forks.randomElement(using: &random))
    records.remove(at: place)
    #expect(try verified(records).causalityViolations > 0)
  }

  @Test("any event delivered twice is found", arguments: 0..<30)
  func doubled(seed: Int) throws {
    var records = story(seed)
    var random = RandomNumbers(seed: UInt64(seed) + 2000)
    let changes = records.indices.filter {
      records[$0].header.kind != EventKind.exec.rawValue
    }
    let place = try #require(changes.randomElement(using: &random))
    records.insert(records[place], at: place + 1)
    #expect(try verified(records).causalityViolations > 0)
  }

  @Test("a fork delivered behind the first event of its task is found", arguments: 0..<30)
  func delayedFork(seed: Int) throws {
    let records = story(seed)
    var found = 0
    for place in records.indices.filter({ isFork(records[$0]) }).prefix(20) {
      guard let effect = firstEffect(of: records[place], in: records, from: place + 1)
      else { continue }
      var mutant = records
      let fork = mutant.remove(at: place)
      mutant.insert(fork, at: effect)
      let verifier = try verified(mutant)
      #expect(verifier.causalityViolations > 0)
      found += 1
    }
    #expect(found > 5)
  }

  @Test("two neighbours of one process that changed places are found", arguments: 0..<10)
  func reversed(seed: Int) throws {
    let records = story(seed)
    let verifier = try verified(records.reversed())
    #expect(verifier.causalityViolations > UInt64(records.count / 10))
  }

  /// The place of the first event whose header names the task that `fork` made.
  private func firstEffect(
    of fork: RecordBuilder, in records: [RecordBuilder], from start: Int
  ) -> Int? {
    let made = fork.payload
    let pid = made.span.raw.value(at: 0, as: UInt32.self)
    let tid = made.span.raw.value(at: 4, as: UInt32.self)
    let processStart = made.span.raw.value(at: 8, as: UInt64.self)
    return records.indices[start...].first {
      let header = records[$0].header
      return header.pid == pid && header.processStart == processStart && header.tid == tid
    }
  }
}
