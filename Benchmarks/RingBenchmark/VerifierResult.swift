import Causality
import KernelEvents
import Sequencer
import SequencerABI

/// How long the judge of a trace takes for an event.
struct VerifierResult {
  /// Events of a round.
  let events: Int
  /// Nanoseconds an event, each round: decoded only.
  var decode: [Double] = []
  /// Nanoseconds an event, each round: decoded and judged.
  var verify: [Double] = []

  /// Judges a stream of every busy family `rounds` times, each round beside one that only decodes.
  static func measured(rounds: Int) throws -> VerifierResult {
    let records = MachineRecords(turns: 60_000, tasks: 400, cpus: 4)
    var result = VerifierResult(events: records.count)
    for round in -1..<rounds {
      var sum: UInt64 = 0
      let decodeBegan = monotonicNow()
      let undecoded = records.forEach { sum &+= $0.sequence }
      let decodeTime = monotonicNow() - decodeBegan
      var verifier = CausalityVerifier(tracingBegan: MachineRecords.began)
      let began = monotonicNow()
      _ = records.forEach { verifier.observe($0) }
      let time = monotonicNow() - began
      verifier.finish()
      guard undecoded == 0, verifier.causalityViolations == 0, sum > 0 else {
        throw SequencerError(
          "the stream is not clean: \(verifier.firstCausalityViolations.first.map { "\($0)" } ?? "")"
        )
      }
      guard round >= 0 else { continue }
      result.decode.append(Double(decodeTime) / Double(records.count))
      result.verify.append(Double(time) / Double(records.count))
    }
    return result
  }

  /// The middle of the rounds' differences: what the judge adds to an event.
  var medianCost: Double { median(zip(verify, decode).map { $0 - $1 }) }
}

/// The records of a machine on which tasks take turns: each runs, calls, wakes another and sleeps.
struct MachineRecords {
  /// Tracing began before all of it.
  static var began: UInt64 { 1_000 }

  private var bytes: [UInt8] = []
  private var cpus: [Int]
  private var clock: UInt64 = 1_000_000
  private(set) var count = 0

  init(turns: Int, tasks: Int, cpus count: Int) {
    cpus = (0..<count).map { _ in 0 }
    bytes.reserveCapacity((turns * 5 + tasks * 2) * Slot.size)
    for task in 1...tasks { fork(task) }
    // Each CPU goes through tasks of its own, so that none runs twice at once.
    for turn in 0..<turns {
      let cpu = turn % count
      let share = tasks / count
      let next = 1 + cpu * share + turn / count % share
      let previous = cpus[cpu]
      if previous != 0 {
        add(.syscallEnter, by: previous, cpu, words: [1, 2, 3, 4, 5, 6], detail: 1)
        add(.syscallExit, by: previous, cpu, words: [7], detail: 1)
      }
      wake(next, by: previous, cpu, isNew: false)
      switchOver(from: previous, to: next, cpu)
      cpus[cpu] = next
    }
  }

  /// Lends every record, decoded; returns how many could not be.
  @inline(never) func forEach(_ body: (DecodedEvent) -> Void) -> Int {
    var undecoded = 0
    let span = bytes.span
    for index in 0..<count {
      let record = RecordView(
        span.extracting(index * Slot.size..<(index + 1) * Slot.size).raw)
      guard let event = try? DecodedEvent(decoding: record) else {
        undecoded += 1
        continue
      }
      body(event)
    }
    return undecoded
  }

  private func start(_ task: Int) -> UInt64 { task == 0 ? 0 : 2_000 + UInt64(task) }
  private func id(_ task: Int) -> UInt64 { task == 0 ? 0 : UInt64(1_000 + task) }
  private func pair(_ task: Int) -> UInt64 { id(task) | id(task) << 32 }

  private mutating func fork(_ task: Int) {
    // Made by process 1, before the CPUs' first switches.
    var header = RecordHeader()
    header.pid = 1
    header.tid = 1
    header.processStart = 10
    add(.fork, header, words: [pair(task), start(task), start(task), 17], before: 0)
    wake(task, by: 0, 0, isNew: true)
  }

  private mutating func wake(_ task: Int, by waker: Int, _ cpu: Int, isNew: Bool) {
    let owner = UInt64(isNew ? (task - 1) * cpus.count / 400 : cpu)
    add(
      isNew ? .wakeupNew : .wakeup, by: waker, cpu,
      words: [pair(task), start(task), owner | 120 << 32])
  }

  private mutating func switchOver(from previous: Int, to next: Int, _ cpu: Int) {
    let state: UInt64 = previous == 0 ? 0 : 1
    add(
      .switched, by: previous, cpu, words: [state | 120 << 32, pair(next), start(next), 120])
  }

  private mutating func add(
    _ kind: EventKind, by task: Int, _ cpu: Int, words: [UInt64], detail: UInt16 = 0
  ) {
    var header = RecordHeader()
    header.pid = UInt32(id(task))
    header.tid = header.pid
    header.processStart = start(task)
    header.cpu = UInt16(cpu)
    header.parentPID = task == 0 ? 0 : 1
    header.flags = RecordFlags.detail(detail).rawValue
    add(kind, header, words: words, before: 16)
  }

  /// Appends a record whose payload is `before` bytes of a name, the words, and zeros.
  private mutating func add(
    _ kind: EventKind, _ header: RecordHeader, words: [UInt64], before: Int
  ) {
    var header = header
    clock += 300
    count += 1
    header.sequence = UInt64(count)
    header.timestamp = clock
    header.kind = kind.rawValue
    header.span = 1
    header.payloadLength = UInt32(Slot.size - Slot.headerSize)
    // Integers without padding, read only.
    unsafe withUnsafeBytes(of: header) { unsafe bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: repeatElement(0, count: before))
    unsafe words.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    bytes.append(
      contentsOf: repeatElement(
        0, count: Slot.size - Slot.headerSize - before - words.count * 8))
  }
}
