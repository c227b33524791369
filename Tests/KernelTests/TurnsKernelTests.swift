import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Switches, locks and privileges, against the kernel's own counts; and the orders that tracers
  /// by ring per CPU get wrong.
  @Suite struct TurnsKernelTests {
    /// Two processes on two CPUs: their voluntary switches are as many as getrusage() says between
    /// two calls, and who slept comes to run only after a wakeup, mostly by the other CPU.
    @Test func switchesAndWakeups() throws {
      let timeline = try Timeline(
        ["--events", "sched,syscall", "--syscall", "getrusage"],
        workload: ["turns", "switch", "2000"])
      timeline.expectWhole()
      let counts = timeline.log.filter { $0.type == "switches" }
      #expect(counts.count == 2)
      for count in counts {
        let marks = try Marks(timeline.lines, count.tid)
        let leaving = { (line: TimelineLine) in
          line.type == "sched_switch" && line.tid == count.tid
        }
        let isSleep = { (line: TimelineLine) in
          leaving(line) && line.int("state") != 0 && !line.flag("preempted")
        }
        let voluntary = timeline.lines[marks.outer].count(where: isSleep)
        #expect(voluntary == count.int("voluntary"))
        #expect(voluntary > 0)
        // A task may lose its CPU inside getrusage() itself, before or after it has read the count.
        let other = { leaving($0) && !isSleep($0) }
        let involuntary = try #require(count.int("involuntary"))
        #expect(timeline.lines[marks.inner].count(where: other) <= involuntary)
        #expect(timeline.lines[marks.outer].count(where: other) >= involuntary)
        let crossings = expectWoken(timeline.lines[marks.outer], count.tid)
        #expect(crossings > 0)
        // It stays where it is bound.
        for line in timeline.lines[marks.inner] where leaving(line) {
          #expect(line.int("cpu") == count.int("cpu"))
        }
      }
    }

    /// Checks that a task that slept is woken before it runs; gives how often another CPU did so.
    private func expectWoken(_ lines: ArraySlice<TimelineLine>, _ tid: Int) -> Int {
      // Its waker may be there before it has quite left its CPU: what counts is its time since it
      // came.
      var wakers: [Int] = []
      var sleeps = false
      var crossings = 0
      var wrong = 0
      for line in lines {
        if line.type == "sched_wakeup", line.object("wakee")?.tid == tid {
          wakers.append(line.int("cpu") ?? -1)
        }
        guard line.type == "sched_switch" else { continue }
        if line.tid == tid { sleeps = line.int("state") != 0 && !line.flag("preempted") }
        guard line.object("next")?.tid == tid else { continue }
        if sleeps {
          if wakers.isEmpty { wrong += 1 }
          if wakers.contains(where: { $0 != line.int("cpu") }) { crossings += 1 }
        }
        sleeps = false
        wakers = []
      }
      #expect(wrong == 0)
      return crossings
    }

    /// From one CPU to the other by sched_setaffinity(): a migration each.
    @Test func migrations() throws {
      let moves = 200
      let timeline = try Timeline(
        ["--events", "sched,syscall", "--syscall", "getrusage"],
        workload: ["turns", "migrate", "\(moves)"])
      timeline.expectWhole()
      let tid = try #require(timeline.log.last?.tid)
      let marks = try Marks(timeline.lines, tid)
      let told = timeline.lines[marks.inner].filter {
        $0.type == "sched_migrate" && $0.object("task")?.tid == tid
      }
      #expect(told.map { $0.int("from_cpu") } == (0..<moves).map { $0 % 2 })
      #expect(told.map { $0.int("to_cpu") } == (0..<moves).map { 1 - $0 % 2 })
    }

    /// Threads that map and unmap the same memory: each wait has its end, those within others
    /// first.
    @Test func locks() throws {
      let timeline = try Timeline(
        ["--events", "lock", "--ring-size", "64MiB"], workload: ["turns", "lock", "10000"])
      var waits: [Int: [String]] = [:]
      var pairs = 0
      var waiters: [String: Set<Int>] = [:]
      var broken: UInt64 = 0
      for line in timeline.events {
        let lock = try #require(line.text("lock"))
        var mine = waits[line.tid] ?? []
        if line.type == "lock_wait" {
          // A mutex tells of its wait again when it gives up spinning.
          if mine.last != lock { mine.append(lock) }
        } else if let place = mine.lastIndex(of: lock) {
          pairs += 1
          waiters[lock, default: []].insert(line.tid)
          broken += UInt64(mine.count - 1 - place)
          mine.removeSubrange(place...)
        } else {
          broken += 1
        }
        waits[line.tid] = mine
      }
      broken += UInt64(waits.values.reduce(0) { $0 + $1.count })
      #expect(pairs > 10)
      // The lock of their common memory is waited for by more than one of them.
      #expect(waiters.values.contains { $0.count > 1 })
      // Only what was lost may lack its other half.
      #expect(broken <= timeline.summary.lost + timeline.summary.missed)
      print("locks: \(pairs) pairs, \(broken) broken, \(timeline.summary.lost) lost")
    }

    /// How a child raises its privilege.
    enum Escalation: String, CaseIterable {
      /// By setresuid(), to its saved uid.
      case call = "privilege"
      /// By a program with the set-uid bit.
      case program = "setuid"

      /// What is told of it, in this order.
      var whole: [String] {
        switch self {
        case .call: TurnsKernelTests.change(0)
        case .program:
          ["execve syscall_enter", "exec 0", "execve syscall_exit", "execve cred 0"]
        }
      }

      /// Whether these events may be all of it where the kill came in between.
      func mayEnd(with acts: [String]) -> Bool {
        if whole.starts(with: acts) { return true }
        // An execve() that finds the kill pending: before it changes anything, or after.
        let failed = ["execve syscall_enter", "execve syscall_exit failed"]
        return self == .program && (acts == failed || acts == failed + ["execve cred 0"])
      }
    }

    /// The paper's first case: children that raise their privilege and are killed after, before or
    /// meanwhile.
    @Test(arguments: Escalation.allCases)
    func privilegeAndKill(_ escalation: Escalation) throws {
      let count = 200
      let folder = try TemporaryFolder()
      let copy = folder.file("setuid-workload")
      try FileManager.default.copyItem(atPath: try BuildFolder.program("workload"), toPath: copy)
      try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: copy)
      // Whoever the children become must get there.
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: folder.path)
      let timeline = try Timeline(
        [
          "--events", "process,signal,cred,syscall", "--syscall", "setresuid,execve,kill",
          "--ring-size", "64MiB",
        ],
        [
          "/usr/bin/env", "WORKLOAD_SETUID=\(copy)", try BuildFolder.program("workload"), "turns",
          escalation.rawValue, "\(count)",
        ])
      timeline.expectWhole()
      #expect(timeline.log.count == 3 * count)
      let ofChild = Dictionary(grouping: timeline.lines.indices) { index in
        let line = timeline.lines[index]
        let other = line.object("child") ?? line.object("target")
        return line.type == "fork" || line.type == "signal_generate" && line.int("signal") == 9
          ? other?.int("pid") ?? -1 : line.int("pid") ?? -1
      }
      var wrong: [String] = []
      var raisedInTime = 0
      for truth in timeline.log {
        let pid = try #require(truth.int("pid"))
        let mine = try #require(ofChild[pid]).map { index in
          let line = timeline.lines[index]
          let user = line.object("after")?.int("euid").map { " \($0)" } ?? ""
          let isFailed = line.type == "syscall_exit" && line.int("result") != 0
          return (line.text("syscall_name").map { $0 + " " } ?? "") + line.type + user
            + (isFailed ? " failed" : "")
        }
        let drop = ["fork"] + Self.change(1000)
        let end = ["signal_generate", "signal_deliver", "exit", "signal_generate"]
        if mine.contains(escalation.whole.last ?? "") { raisedInTime += 1 }
        switch truth.type {
        case "raised":
          // Its raised privilege comes before the kill.
          if mine != drop + escalation.whole + end { wrong.append("\(truth.fields): \(mine)") }
        case "killed":
          if mine != drop + end { wrong.append("\(truth.fields): \(mine)") }
        default:
          // The kill may come anywhere; all else keeps its order, and its word of how far it came
          // holds.
          let rest = mine.filter { $0 != "signal_generate" }
          let acts = Array(rest.dropLast(2).dropFirst(drop.count))
          let isOrdered =
            rest.starts(with: drop) && escalation.mayEnd(with: acts)
            && rest.suffix(2) == ["signal_deliver", "exit"]
          let kill = try #require(mine.firstIndex(of: "signal_generate"))
          let isKilled = try kill < #require(mine.firstIndex(of: "signal_deliver"))
          let isTold = truth.int("raised") != 2 || acts == escalation.whole
          let isUntold = truth.int("raised") != 0 || acts.isEmpty
          if !isOrdered || !isKilled || !isTold || !isUntold {
            wrong.append("\(truth.fields): \(mine)")
          }
        }
      }
      #expect(raisedInTime >= count)
      #expect(wrong.isEmpty, "\(wrong.count), e.g. \(wrong.prefix(3))")
    }

    fileprivate static func change(_ user: Int) -> [String] {
      ["setresuid syscall_enter", "setresuid syscall_exit", "setresuid cred \(user)"]
    }

    /// The paper's second case: in a storm with all families at once no task is told of before its
    /// fork.
    @Test func nobodyBeforeItsFork() throws {
      let names = try run(try BuildFolder.program("ordinal"), ["events"]).text
        .split(separator: "\n").filter { $0.first != " " }.compactMap {
          $0.split(separator: " ").first
        }
      #expect(names.count >= 14)
      let timeline = try Timeline(
        ["--events", names.joined(separator: ","), "--ring-size", "256MiB"],
        workload: ["storm", "500", "8", "3"], readsLog: false)
      #expect(timeline.summary.lost_by_cause["ring_full"] == 0)
      var seen: Set<String> = []
      var ended: Set<String> = []
      var wrong: [String] = []
      var forks = 0
      // Of a dying task only what others and the scheduler do with it, and its waits for locks.
      let ofTheDying = ["sched_", "signal_generate", "lock_", "exit", "tcp_state"]
      for line in timeline.events {
        if let child = line.object("child"), line.type == "fork" {
          forks += 1
          if !seen.insert(key(child)).inserted { wrong.append("before its fork: \(line.fields)") }
        }
        for inner in ["target", "wakee", "next", "task"] {
          if let task = line.object(inner), task.tid > 0 { seen.insert(key(task)) }
        }
        seen.insert(key(line))
        if ended.contains(key(line)), !ofTheDying.contains(where: { line.type.hasPrefix($0) }) {
          wrong.append("after its exit: \(line.fields)")
        }
        if line.type == "exit" { ended.insert(key(line)) }
      }
      #expect(forks >= 500 && ended.count >= forks)
      #expect(wrong.isEmpty, "\(wrong.count), e.g. \(wrong.prefix(3))")
      print("storm of all families: \(timeline.events.count) events, \(timeline.summary.lost) lost")
    }

    private func key(_ task: TimelineLine) -> String {
      "\(task.int("pid") ?? -1) \(task.tid) \(task.int("start") ?? -1)"
    }
  }
}

/// Where a task's two calls of getrusage() stand: with them, and only what is between.
private struct Marks {
  let outer: Range<Int>
  let inner: Range<Int>

  init(_ lines: [TimelineLine], _ tid: Int) throws {
    let places = lines.indices.filter {
      lines[$0].tid == tid && lines[$0].type.hasPrefix("syscall_")
    }
    try #require(places.count == 4)
    outer = places[0]..<places[3]
    inner = places[1]..<places[2]
  }
}
