import Foundation

/// What a workload wrote down of what it did (Tests/Workload/log.h tells the lines).
public struct GroundTruth {
  public struct Fork: Hashable, Comparable {
    public let pid, tid, childPID, childTID: Int32
    public var isThread: Bool { childPID == pid }
    var key: [Int32] { [pid, tid, childPID, childTID] }
    public static func < (left: Fork, right: Fork) -> Bool {
      left.key.lexicographicallyPrecedes(right.key)
    }
  }
  public struct Exec {
    public let pid, tid: Int32
    public let directory: [UInt8]?
    public let arguments: [[UInt8]]
  }
  public private(set) var forks: [Fork] = []
  public private(set) var flags: [Int32: UInt64] = [:]
  /// Statuses of processes (and, by `watch`, of other tasks).
  public private(set) var waits: [Int32: Int32] = [:]
  public private(set) var ends: [Int32: Int32] = [:]
  public private(set) var execs: [Exec] = []
  public private(set) var credentials: [Int32: [UInt32]] = [:]
  public private(set) var adopted: [Int32: Int32] = [:]
  public private(set) var notes: [(word: String, number: Int)] = []

  /// The forks that a stream tells of.
  public static func forks(in events: [Event]) -> [Fork] {
    events.compactMap { event in
      event.child.map {
        Fork(pid: event.pid, tid: event.tid, childPID: $0.pid, childTID: $0.tid)
      }
    }
  }

  public init(file: String) throws {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      let numbers = words.map { Int32($0) ?? -1 }
      switch words[0] {
      case "fork":
        forks.append(
          Fork(pid: numbers[1], tid: numbers[2], childPID: numbers[3], childTID: numbers[4]))
      case "flags": flags[numbers[1]] = UInt64(words[2])
      case "wait": waits[numbers[1]] = numbers[2]
      case "end": ends[numbers[1]] = numbers[2]
      case "exec":
        let list = words[4].split(separator: ",", omittingEmptySubsequences: false).dropLast()
        execs.append(
          Exec(
            pid: numbers[1], tid: numbers[2],
            directory: words[3] == "-" ? nil : GroundTruth.bytes(words[3][...]),
            arguments: list.map { GroundTruth.bytes($0) }))
      case "cred": credentials[numbers[1]] = words[2...].compactMap { UInt32($0) }
      case "adopted": adopted[numbers[1]] = numbers[2]
      case "note": notes.append((words[1], Int(words[2]) ?? -1))
      default: throw SupportError("the workload logged '\(line)'")
      }
    }
  }

  private static func bytes(_ hexadecimal: Substring) -> [UInt8] {
    var digits = hexadecimal.utf8.makeIterator()
    var result: [UInt8] = []
    while let high = digits.next(), let low = digits.next() {
      func value(_ digit: UInt8) -> UInt8 { digit <= 0x39 ? digit - 0x30 : digit - 0x57 }
      result.append(value(high) << 4 | value(low))
    }
    return result
  }

  /// Compares a whole stream with what was done.
  ///
  /// `root` is the process that ordinal started; it made all the others. `command` are
  /// its arguments, which nobody logged: the first event is its exec.
  /// Gives what is wrong, in words; nothing where the stream is right.
  public func problems(in events: [Event], root: Int32, command: [String]?) -> [String] {
    var problems: [String] = []
    func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
      if !condition { problems.append(message()) }
    }
    for (left, right) in zip(events, events.dropFirst()) {
      expect(left.seq < right.seq, "sequence \(right.seq) after \(left.seq)")
    }

    // Forks: each once, by the right task, with the right flags.
    let seen = events.filter { $0.type == "fork" }
    let told = GroundTruth.forks(in: events)
    expect(told.sorted() == forks.sorted(), "forks: \(told.sorted())\n  are not \(forks.sorted())")
    for event in seen {
      guard let child = event.child else { continue }
      expect(child.thread == (child.pid == event.pid), "seq \(event.seq): thread \(child.thread)")
      if let wanted = flags[child.tid] {
        expect(event.clone_flags == wanted, "flags of \(child.tid): \(event.clone_flags ?? 0)")
      }
    }

    problems += execProblems(events, root: root, command: command)
    problems += exitProblems(events, root: root)
    problems += orderProblems(events, root: root)
    return problems
  }

  private func execProblems(_ events: [Event], root: Int32, command: [String]?) -> [String] {
    var problems: [String] = []
    var seen = Dictionary(grouping: events.filter { $0.type == "exec" }, by: \.pid)
    if let command {
      let first = seen[root]?.first
      if first?.arguments != command.map({ Array($0.utf8) }) || first?.seq != events.first?.seq {
        problems.append("the command's own exec: \(String(describing: first))")
      }
      if seen[root]?.isEmpty == false { seen[root]?.removeFirst() }
      if seen[root]?.isEmpty == true { seen[root] = nil }
    }
    let wanted = Dictionary(grouping: execs, by: \.pid)
    for pid in Set(seen.keys).union(wanted.keys) {
      let events = seen[pid] ?? []
      let execs = wanted[pid] ?? []
      if events.count != execs.count {
        problems.append("process \(pid) did \(execs.count) execs, told are \(events.count)")
        continue
      }
      for (event, exec) in zip(events, execs) {
        problems += compare(event, exec).map { "exec of \(pid), seq \(event.seq): \($0)" }
      }
    }
    return problems
  }

  private func compare(_ event: Event, _ exec: Exec) -> [String] {
    var problems: [String] = []
    if event.old_tid != exec.tid { problems.append("old_tid \(event.old_tid ?? -1)") }
    if event.tid != event.pid { problems.append("tid \(event.tid) is not the process's") }
    if event.fault != false { problems.append("fault") }
    var block: [UInt8] = []
    for argument in exec.arguments { block += argument + [0] }
    if block.count <= 4096 {
      if event.arguments != exec.arguments { problems.append("arguments \(event.args ?? [])") }
      if event.truncated != false { problems.append("truncated") }
    } else {
      // The first 4,096 bytes of the block, cut into arguments.
      var kept = block.prefix(4096).split(separator: 0, omittingEmptySubsequences: false)
        .map { Array($0) }
      if block[4095] == 0 { kept.removeLast() }
      if event.arguments != kept { problems.append("cut arguments \(event.args ?? [])") }
      if event.truncated != true { problems.append("not told as truncated") }
    }
    if let directory = exec.directory, event.directory != directory {
      let prefix = Array("…".utf8)
      let isCut = event.directory?.starts(with: prefix) == true
      let isSuffix =
        isCut && directory.reversed().starts(with: event.directory!.dropFirst(3).reversed())
      // Cut only where it can't be kept: more than 512 bytes or many components.
      let depth = directory.count { $0 == UInt8(ascii: "/") }
      if !(isSuffix && (directory.count > 480 || depth > 28)) {
        problems.append(
          "cwd \(event.cwd ?? "nil") for \(String(decoding: directory, as: UTF8.self))")
      }
    }
    return problems
  }

  private func exitProblems(_ events: [Event], root: Int32) -> [String] {
    var problems: [String] = []
    // One exit for each task; a thread that execs ends under the leader's id instead of its own.
    var wanted: [Int32: Int] = [root: 1]
    for fork in forks { wanted[fork.childTID, default: 0] += 1 }
    for exec in execs where exec.tid != exec.pid {
      wanted[exec.tid, default: 0] -= 1
      wanted[exec.pid, default: 0] += 1
    }
    let exits = events.filter { $0.type == "exit" }
    let seen = Dictionary(grouping: exits, by: \.tid)
    for tid in Set(wanted.keys).union(seen.keys) where wanted[tid] ?? 0 != seen[tid]?.count ?? 0 {
      problems.append("\(seen[tid]?.count ?? 0) exits of task \(tid), not \(wanted[tid] ?? 0)")
    }
    let processes = Set([root] + forks.filter { !$0.isThread }.map(\.childPID))
    for pid in processes {
      let last = exits.filter { $0.pid == pid && $0.last_thread == true }
      guard last.count == 1 else {
        problems.append("\(last.count) exits of process \(pid) say last_thread")
        continue
      }
      if let status = waits[pid] ?? ends[pid], last[0].waitStatus != status {
        problems.append("process \(pid) ended with \(status), told is \(last[0].waitStatus)")
      }
      if last[0].signal != nil && last[0].code != nil { problems.append("\(pid): code and signal") }
    }
    return problems
  }

  private func orderProblems(_ events: [Event], root: Int32) -> [String] {
    var problems: [String] = []
    var madeBy: [Int32: Int32] = [:]
    for fork in forks where !fork.isThread { madeBy[fork.childPID] = fork.pid }
    var known: Set<Int32> = [root]  // tasks whose fork was told
    var ended: Set<Int32> = []  // processes whose last exit was told
    var starts: [Int32: UInt64] = [:]
    for event in events {
      let place = "\(event.type) at seq \(event.seq) of \(event.pid)/\(event.tid)"
      // A thread that execs has its leader's id, whose fork was told.
      if !known.contains(event.tid) { problems.append("\(place): before its fork") }
      // The kernel counts a thread as gone before it tells of its end (do_exit()): of threads that end
      // at the same instant another one may be told after the last.
      let isLate = event.type == "exit" && event.last_thread == false
      if ended.contains(event.pid), !isLate { problems.append("\(place): after its last exit") }
      if let start = starts[event.pid], start != event.start {
        problems.append("\(place): start \(event.start), was \(start)")
      }
      starts[event.pid] = event.start
      if let parent = madeBy[event.pid] {
        let adopted = ended.contains(parent)
        if event.ppid != parent && !adopted {
          problems.append("\(place): parent \(event.ppid), not \(parent)")
        }
        if let adopter = self.adopted[event.pid], event.type != "fork", event.ppid != adopter {
          problems.append("\(place): parent \(event.ppid), not the adopter \(adopter)")
        }
      }
      switch event.type {
      case "fork":
        guard let child = event.child else { continue }
        known.insert(child.tid)
        if !child.thread { starts[child.pid] = child.start }
      case "exit":
        if event.last_thread == true { ended.insert(event.pid) }
      default: break
      }
    }
    return problems
  }
}
