import Foundation
import RingAttack
import TestSupport
import Testing

/// A consumer in a process of its own, and producers that overload it: system calls, timers and fork
/// storms on every CPU.
final class AttackedConsumer {
  /// The consumer; to be stopped, continued, watched.
  let process: ChildProcess
  private let folder: TemporaryFolder
  private var callers: [ChildProcess] = []
  private var storms: ChildProcess?
  private let laps: Int
  /// The smallest ring of this machine, bytes.
  static let smallestRing: UInt64 = {
    let text = (try? readFile("/sys/devices/system/cpu/possible")) ?? "0"
    let last = text.split(whereSeparator: { !$0.isNumber }).last.flatMap { UInt64($0) } ?? 0
    return RingAttackRing.smallest(possibleCPUs: last + 1)
  }()

  /// Starts the consumer and waits until it captures.
  ///
  /// - Parameters:
  ///   - laps: how many laps of the ring it is to read until it says so.
  ///   - words: see ring-attack.
  ///   - wrapper: words before the program, e.g. `nice -n 19`.
  /// - Throws: where it can't be started or does not begin.
  init(laps: Int, _ words: [String] = [], wrapper: [String] = []) throws {
    self.laps = laps
    folder = try TemporaryFolder()
    let program = try BuildFolder.program("ring-attack")
    let line = wrapper + [program, "\(Self.smallestRing)", "\(laps)"] + words
    process = try ChildProcess(
      line[0], Array(line.dropFirst()), output: .file(folder.file("report")),
      errors: .file(folder.file("err")))
    // A niced one may have to wait for its turn.
    try waitUntil("the consumer to begin", seconds: 60) { try says("begun") }
  }

  /// Whether it has read as many laps as it was told.
  var hasReadItsLaps: Bool { get throws { try says("laps reached") } }

  private func says(_ text: String) throws -> Bool {
    let errors = (try? String(contentsOfFile: folder.file("err"), encoding: .utf8)) ?? ""
    if process.hasEnded { throw SupportError("ring-attack ended: \(errors)") }
    return errors.contains(text)
  }

  /// A program under the user whose calls and processes are events.
  static func asAttacker(_ words: [String], cpu: Int? = nil) throws -> ChildProcess {
    let uid = "\(AttackSettings().uid)"
    let pin = cpu.map { ["/usr/bin/taskset", "-c", "\($0)"] } ?? []
    let line =
      pin + ["/usr/bin/setpriv", "--reuid", uid, "--regid", uid, "--clear-groups"]
      + [try BuildFolder.program("workload")] + words
    return try ChildProcess(line[0], Array(line.dropFirst()))
  }

  /// Starts a producer on a CPU, or on any with -1.
  func addCaller(cpu: Int, timer microseconds: Int = 0, pause: Int = 0) throws {
    callers.append(
      try Self.asAttacker(
        ["calls", "\(cpu)", "\(AttackSettings().call)", "\(microseconds)", "\(pause)"]))
  }

  /// Starts fork storms.
  func addStorms() throws { storms = try Self.asAttacker(["storms", "4", "5"]) }

  /// Does `disturb` again and again until the consumer has read its laps.
  func untilRead(_ disturb: () throws -> Void) throws {
    // Far longer than any machine takes: that it hangs is what this finds.
    let seconds = 240 + Double(laps)
    let end = ContinuousClock.now + .seconds(seconds)
    while try !hasReadItsLaps {
      guard ContinuousClock.now < end else { throw SupportError("not read within \(seconds) s") }
      try disturb()
    }
  }

  /// Ends the producers, then the consumer; what it found.
  func finish() throws -> AttackReport {
    // Nobody of the attacking user may act at the moment of the end: the ring's programs and the
    // witness see its switch one after the other.
    storms?.send(SIGTERM)
    if let storms { try storms.wait(seconds: 60) }
    for caller in callers {
      caller.send(SIGKILL)
      try caller.wait()
    }
    process.send(SIGCONT)
    process.send(SIGTERM)
    let status = try process.wait(seconds: 120)
    #expect(status == 0)
    return try AttackReport(file: folder.file("report"))
  }
}

/// What holds for every stream of an attack that overloaded its ring.
func expectExact(_ report: AttackReport, laps: Int, _ name: String) {
  for problem in report.problems.prefix(5) { Issue.record("\(name): \(problem)") }
  #expect(report.problemCount == 0 && report.failure == nil, "\(report.failure ?? "")")
  #expect(report.offered == report.delivered + report.lost + report.missed)
  expectHardly(missed: report.missed, of: report.offered)
  #expect(report.delivered == report.records)
  let attempts = report.attempts.reduce(0, +)
  #expect(report.offered == attempts + report.processes)
  // Or the test did not test.
  #expect(report.laps >= laps)
  #expect(report.lost > 0 && report.gaps > 1 && report.tightGaps > 1)
  // Of the tasks' events nearly all are settled; how many others interrupts add is the machine's affair.
  #expect(report.taskEvents > 1000 && report.settled > report.taskEvents * 9 / 10)
  #expect(report.processes > 0)
  #expect(report.gaps == report.tightGaps + report.looseGaps)
  print(
    "\(name): \(report.laps) laps, \(attempts) events on \(report.attempts), \(report.processes) forks, "
      + "execs and exits, \(report.lost) lost in \(report.gaps) gaps (\(report.looseGaps) with a looser "
      + "bound), \(report.settled) of \(report.taskEvents) tasks' events settled, "
      + "\(report.nested) nested events read, \(report.insideSlot) tried inside a slot")
}
