public import AttackCKit

/// Judges a stream by what its records say of themselves, and at the end by what the attacking programs
/// counted. Shares no code with the ring.
///
/// A task's event into which nothing nested ("settled") tells exactly how many attempts and losses its
/// CPU had before it, and how many forks, execs and exits: at each of these the stream up to it must say
/// the same, so each gap's count and place follow from its neighbours. What interrupts another
/// event's attempt can't know what that one has done already; for those bounds hold, and the next
/// settled event of the CPU settles them too.
///
/// Forks, execs and exits say nothing of themselves. Between two settled events their sum is exact, read
/// and lost; whether a loss lies before or behind one of them is known by the gap's own bound alone.
public struct AttackJudge {
  /// What is wrong, the first of it.
  public private(set) var problems: [String] = []
  /// How much is wrong.
  public private(set) var problemCount = 0
  /// Records judged, those of the test's events, of these the tasks' own, and of those the settled ones.
  public private(set) var records: UInt64 = 0
  public private(set) var events: UInt64 = 0
  public private(set) var taskEvents: UInt64 = 0
  public private(set) var settled: UInt64 = 0
  /// Test events that began inside another one's attempt.
  public private(set) var nested: UInt64 = 0
  /// Gaps, those bounded by the very record before them on their CPU, and those by an earlier one.
  public private(set) var gaps: UInt64 = 0
  public private(set) var tightGaps: UInt64 = 0
  public private(set) var looseGaps: UInt64 = 0
  /// Losses that the consumer collected from the counters.
  public private(set) var residual: UInt64 = 0
  /// The ticket that must come next.
  public private(set) var next: UInt64 = 0

  private var cpus: [CPU]
  private let nests: Bool

  private struct CPU {
    var events: UInt64 = 0
    var processes: UInt64 = 0
    var toldTest: UInt64 = 0
    var toldProcess: UInt64 = 0
    /// Losses told ahead of the stream: collected while records behind which they lie were not read.
    var ahead: UInt64 = 0
    var aheadProcess: UInt64 = 0
    /// The last records, the latest at the end.
    var recent: [Recent] = []
    /// The highest number seen.
    var highest: UInt64?
    /// The consumer took losses while producers went on: it may read a bound that is older than the
    /// losses, and leave a part of them under it.
    var isLoose = false
    /// Bounds of collected losses that lie ahead of the stream.
    var futureBounds: [UInt64] = []
  }
  private struct Recent {
    var sequence: UInt64
    var number: UInt64?
    /// Nothing but itself can have happened on its CPU during its attempt.
    var isSettled: Bool
  }
  /// As many as contexts can nest, many times over.
  private static let memory = 64

  /// A judge of a stream from its first ticket on.
  ///
  /// - Parameters:
  ///   - cpuCount: possible CPUs.
  ///   - nests: whether interrupts produce events too. Where they don't, every bound is the very record
  ///     before the losses.
  public init(cpuCount: Int, nests: Bool) {
    cpus = Array(repeating: CPU(), count: cpuCount)
    self.nests = nests
  }

  private mutating func blame(_ text: String) {
    problemCount += 1
    if problems.count < 20 { problems.append(text) }
  }

  /// Judges the next record of the stream.
  public mutating func judge(_ record: ObservedRecord) {
    let place = "sequence \(record.sequence)"
    records += 1
    if record.sequence != next { blame("\(place) comes where \(next) should") }
    next = record.sequence &+ record.span
    if let damage = record.damage { blame("\(place): \(damage)") }
    guard cpus.indices.contains(record.cpu) else {
      blame("\(place): cpu \(record.cpu)")
      return
    }
    let isSettled =
      record.event.map {
        ($0.source == ATTACK_CALL.rawValue || $0.source == ATTACK_STALL.rawValue)
          && $0.attempts_after == $0.number &+ 1
      } ?? false
    if let gap = record.gap { judge(gap, cpu: record.cpu, carrier: (record.sequence, isSettled)) }
    if let event = record.event {
      judge(event, settled: isSettled, cpu: record.cpu, place: place)
    } else {
      cpus[record.cpu].processes += 1
    }
    if let bound = cpus[record.cpu].futureBounds.firstIndex(of: record.sequence) {
      cpus[record.cpu].futureBounds.remove(at: bound)
    }
    cpus[record.cpu].recent.append(
      Recent(sequence: record.sequence, number: record.event?.number, isSettled: isSettled))
    if cpus[record.cpu].recent.count > AttackJudge.memory { cpus[record.cpu].recent.removeFirst() }
  }

  /// Judges losses that the consumer collected from the counters of a CPU.
  ///
  /// - Parameters:
  ///   - gap: what it took.
  ///   - cpu: whose losses they are.
  ///   - isAtRest: no producer runs, and the stream was read to its end.
  public mutating func judge(collected gap: ObservedGap, cpu: Int, isAtRest: Bool) {
    residual += gap.test + gap.process
    guard cpus.indices.contains(cpu) else {
      blame("losses collected of cpu \(cpu)")
      return
    }
    if !isAtRest { cpus[cpu].isLoose = true }
    cpus[cpu].ahead += gap.test
    cpus[cpu].aheadProcess += gap.process
    // The stream may not have come so far: then the bound is kept until it has.
    if let after = gap.after, after >= next {
      gaps += 1
      tightGaps += 1
      tell(gap, cpu)
      cpus[cpu].futureBounds.append(after)
      return
    }
    judge(gap, cpu: cpu, carrier: nil)
  }

  private mutating func tell(_ gap: ObservedGap, _ cpu: Int) {
    if let damage = gap.damage { blame("a gap of cpu \(cpu): \(damage)") }
    cpus[cpu].toldTest += gap.test
    cpus[cpu].toldProcess += gap.process
  }

  private mutating func judge(
    _ gap: ObservedGap, cpu: Int, carrier: (sequence: UInt64, isSettled: Bool)?
  ) {
    gaps += 1
    tell(gap, cpu)
    let place = carrier.map { "the gap before \($0.sequence)" } ?? "the gap collected of cpu \(cpu)"
    let recent = cpus[cpu].recent
    if gap.after == recent.last?.sequence {
      tightGaps += 1
      return
    }
    looseGaps += 1
    if cpus[cpu].isLoose { return }
    // An earlier bound is true as well, but only what nests makes one: something that is not known to
    // have been alone must lie between.
    let index = gap.after.map { after in recent.firstIndex { $0.sequence == after } } ?? -1
    guard let index else {
      blame("\(place) is bounded by \(gap.after ?? 0), no recent record of cpu \(cpu)")
      return
    }
    if index < 0 && recent.count == AttackJudge.memory {
      blame("\(place) has no bound, in the middle of the stream")
    }
    let between = recent[(index + 1)...]
    if !nests || (between.allSatisfy(\.isSettled) && carrier?.isSettled ?? true) {
      blame(
        "\(place) is bounded by \(gap.after.map { "\($0)" } ?? "nothing"), and the last of cpu \(cpu) "
          + "before it is \(recent.last?.sequence ?? 0)")
    }
  }

  private mutating func judge(
    _ event: attack_event, settled isSettled: Bool, cpu: Int, place: String
  ) {
    events += 1
    let known = cpus[cpu]
    let number = event.number
    if event.source >= ATTACK_SOURCES.rawValue { blame("\(place): source \(event.source)") }
    let isTask = event.source == ATTACK_CALL.rawValue || event.source == ATTACK_STALL.rawValue
    if event.depth > 3 || (isTask && event.depth != 0) {
      blame("\(place): \(event.depth) contexts below")
    }
    if isTask { taskEvents += 1 }
    if event.depth > 0 { nested += 1 }
    if event.attempts_after <= number || event.lost_after < event.lost {
      blame("\(place): its own counts fell")
    }
    if known.recent.contains(where: { $0.number == number }) {
      blame("\(place): number \(number) of cpu \(cpu) comes twice")
    }
    if let highest = known.highest, number < highest {
      // Whatever came out of turn began while this one was on its way to its claim.
      if isSettled || event.attempts_after <= highest {
        blame("\(place): number \(number) of cpu \(cpu) comes after \(highest)")
      }
    }
    cpus[cpu].highest = max(known.highest ?? 0, number)
    if isSettled {
      settled += 1
      judgeSettled(event, cpu: cpu, place: place)
    } else if known.toldTest > event.lost_after + event.depth + known.ahead {
      blame("\(place): \(known.toldTest) losses told, \(event.lost_after) had happened")
    }
    cpus[cpu].events += 1
  }

  private mutating func judgeSettled(_ event: attack_event, cpu: Int, place: String) {
    let known = cpus[cpu]
    if event.lost_after != event.lost { blame("\(place): it lost what it did not try") }
    // Every number below its own was delivered before it or lost: these are the holes.
    if known.events + event.lost != event.number {
      blame(
        "\(place): number \(event.number) of cpu \(cpu), after \(known.events) events and "
          + "\(event.lost) losses")
    }
    // And every loss below was told up to here, none from above but what was collected ahead.
    let ahead = known.toldTest &- event.lost
    if known.toldTest < event.lost || ahead > known.ahead {
      blame("\(place): \(known.toldTest) losses of cpu \(cpu) told, \(event.lost) had happened")
    }
    let seen = known.processes + known.toldProcess
    let aheadProcess = seen &- event.processes
    if seen < event.processes || aheadProcess > known.aheadProcess {
      blame(
        "\(place): \(known.processes) forks, execs and exits of cpu \(cpu) read and "
          + "\(known.toldProcess) told as lost, \(event.processes) had happened")
    }
    cpus[cpu].ahead = min(known.ahead, ahead)
    cpus[cpu].aheadProcess = min(known.aheadProcess, aheadProcess)
  }

  /// Judges the whole at rest, when everything was read and every loss collected.
  ///
  /// - Parameters:
  ///   - counts: what the attacking programs counted, by CPU.
  ///   - ring: what the ring counted, by CPU and for the two families.
  public mutating func judgeTheEnd(
    _ counts: [attack_cpu],
    ring: [(offered: (test: UInt64, process: UInt64), lost: (test: UInt64, process: UInt64))]
  ) {
    guard counts.count == cpus.count, ring.count == cpus.count else {
      blame("counts of \(counts.count) CPUs, a stream of \(cpus.count)")
      return
    }
    for cpu in cpus.indices {
      let (known, own, account) = (cpus[cpu], counts[cpu], ring[cpu])
      let pairs: [(String, UInt64, UInt64)] = [
        ("offered against attempts", account.offered.test, own.attempts),
        ("lost against refusals", account.lost.test, own.lost),
        ("delivered and lost against attempts", known.events + own.lost, own.attempts),
        ("told as lost", known.toldTest, own.lost),
        ("processes offered against the witness", account.offered.process, own.processes),
        ("processes delivered and lost", known.processes + account.lost.process, own.processes),
        ("processes told as lost", known.toldProcess, account.lost.process),
        ("contexts in progress", own.depth + own.holding, 0),
        ("bounds that never came", UInt64(known.futureBounds.count), 0),
      ]
      for (name, left, right) in pairs where left != right {
        blame("cpu \(cpu), \(name): \(left), not \(right)")
      }
    }
  }
}
