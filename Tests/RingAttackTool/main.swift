import AttackCKit
import BPFLoader
import COrdinalSystem
import Capture
import Glibc
import RingAttack
import Sequencer
import SequencerABI

// A consumer under attack: captures with the user's library, attacks its own ring, judges every record
// as it comes, and prints what it found when it is told to end (SIGTERM).
//
//   nests     softirqs and timers are events as well, on top of the tasks'
//   collects  losses are collected whenever the ring is empty, as `ordinal trace` does, not at the end
//   stalls    the lingering call is an event that stays in its slot for a second

func say(_ text: String) {
  let line = text + "\n"
  _ = unsafe write(STDERR_FILENO, line, line.utf8.count)
}

func interruptDescriptor() -> Int32 {
  var set = sigset_t()
  unsafe sigemptyset(&set)
  unsafe sigaddset(&set, SIGTERM)
  _ = unsafe sigprocmask(SIG_BLOCK, &set, nil)
  return unsafe ordinal_signalfd(&set)
}

struct UnderAttack: ~Copyable {
  var session: CaptureSession
  let attack: RingAttack
  let interrupt: Int32
  let laps: UInt64
  let collects: Bool
  var judge: AttackJudge
  var report = AttackReport()
  private var waiter = Waiter(.park)
  private var toldLaps = false

  init(ringBytes: UInt64, laps: UInt64, nests: Bool, collects: Bool, stalls: Bool) throws {
    let interrupt = interruptDescriptor()
    var settings = AttackSettings()
    settings.nests = nests
    if stalls { settings.linger = 1_000_000_000 }
    var options = CaptureOptions()
    options.ringBytes = ringBytes
    options.filter.uids = [settings.uid]
    var session = try CaptureSession.open(options)
    try session.attach()
    let attack = try RingAttack(on: getpid(), settings)
    judge = AttackJudge(cpuCount: attack.cpuCount, nests: nests)
    self.interrupt = interrupt
    self.session = session
    self.attack = attack
    self.laps = laps
    self.collects = collects
  }

  mutating func drain() throws -> Int {
    try session.consumer.drain(limit: 256) { record throws(Never) in
      judge.judge(ObservedRecord(record))
    }
  }

  mutating func collect(isAtRest: Bool) {
    session.consumer.collectResidualLoss { cpu, gap in
      judge.judge(collected: ObservedGap(gap), cpu: cpu, isAtRest: isAtRest)
    }
  }

  var isToldToEnd: Bool {
    var waiting = pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&waiting, 1, 0) > 0
  }

  mutating func run() throws {
    try session.begin()
    say("begun")
    var batches = 0
    while true {
      let count = try drain()
      batches += 1
      if count > 0 {
        waiter.progressed(session.consumer)
        tellLaps()
        if batches % 16 == 0, isToldToEnd { break }
        continue
      }
      if collects, session.consumer.backlog == 0 { collect(isAtRest: false) }
      if waiter.wait(
        &session.consumer, doorbell: session.doorbell, interrupt: interrupt, deadline: nil)
        == .interrupted
      {
        break
      }
    }
    session.end()
    while session.consumer.backlog != 0 { _ = try drain() }
    collect(isAtRest: true)
  }

  private mutating func tellLaps() {
    if toldLaps || session.consumer.position / attack.capacity < laps { return }
    toldLaps = true
    say("laps reached")
  }

  mutating func finish() throws {
    let figures = try session.figures()
    var counts: [attack_cpu] = []
    var ring: [(offered: (test: UInt64, process: UInt64), lost: (test: UInt64, process: UInt64))] =
      []
    for cpu in 0..<attack.cpuCount {
      let own = attack.counts(cpu: cpu)
      counts.append(own)
      ring.append(
        (
          (
            session.consumer.account.offered(cpu: cpu, family: .test),
            session.consumer.account.offered(cpu: cpu, family: .process)
          ),
          (
            session.consumer.account.lost(cpu: cpu, family: .test),
            session.consumer.account.lost(cpu: cpu, family: .process)
          )
        ))
      report.attempts.append(own.attempts)
      report.insideSlot += own.nested.1 + own.nested.2
      report.processes += own.processes
    }
    judge.judgeTheEnd(counts, ring: ring)
    report.problems = judge.problems
    report.problemCount = judge.problemCount
    report.records = judge.records
    report.events = judge.events
    report.taskEvents = judge.taskEvents
    report.settled = judge.settled
    report.nested = judge.nested
    report.gaps = judge.gaps
    report.tightGaps = judge.tightGaps
    report.looseGaps = judge.looseGaps
    report.residual = judge.residual
    report.laps = session.consumer.position / attack.capacity
    report.offered = figures.offered
    report.delivered = session.consumer.journal.records
    report.lost = figures.lost
    report.missed = try figures.missedTotal + attack.missed()
    report.longestStall = waiter.longestStall
    report.longestStallCPU = waiter.longestStallCPU
  }
}

let words = CommandLine.arguments
guard words.count >= 3, let bytes = UInt64(words[1]), let laps = UInt64(words[2]) else {
  say("usage: ring-attack RING_BYTES LAPS [nests] [collects] [stalls]")
  exit(2)
}
do {
  var consumer = try UnderAttack(
    ringBytes: bytes, laps: laps, nests: words.contains("nests"),
    collects: words.contains("collects"), stalls: words.contains("stalls"))
  do { try consumer.run() } catch {
    consumer.report.failure = "\(error)"
    consumer.session.end()
  }
  try consumer.finish()
  print(consumer.report.json)
} catch {
  say("\(error)")
  if let log = (error as? BPFError)?.verifierLog { say(log) }
  exit(1)
}
