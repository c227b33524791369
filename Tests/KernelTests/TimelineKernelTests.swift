import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Signals, system calls and calls on futexes, against what the program that makes them wrote
  /// down, and strace.
  @Suite struct TimelineKernelTests {
    /// Each signal that was sent, and each that a handler saw, in order, with the processes'
    /// events.
    @Test func signals() throws {
      let timeline = try Timeline(
        ["--events", "process,signal"], workload: ["timeline", "signal"])
      timeline.expectWhole()
      #expect(timeline.log.count == 34)
      expectSame(
        "signal", timeline.lines.filter { $0.type.hasPrefix("signal_") }, timeline.log)
      let children = timeline.lines.filter {
        $0.type == "fork" && $0.object("child")?.flag("thread") == false
      }
      #expect(children.count == 2)
      for child in children.compactMap({ $0.object("child")?.int("pid") }) {
        let fork = try timeline.place("fork") { $0.object("child")?.int("pid") == child }
        let kill = try timeline.place("kill") { $0.object("target")?.int("pid") == child }
        let taken = try timeline.place("delivery") {
          $0.type == "signal_deliver" && $0.tid == child
        }
        let exit = try timeline.place("exit") { $0.type == "exit" && $0.tid == child }
        let told = try timeline.place("SIGCHLD") {
          $0.type == "signal_generate" && $0.int("sender_pid") == child
        }
        let seen = try timeline.place("SIGCHLD taken") {
          $0.type == "signal_deliver" && $0.int("sender_pid") == child
        }
        let places = [fork, kill, taken, exit, told, seen]
        #expect(places == places.sorted())
        #expect(timeline.lines[exit].int("signal") == timeline.lines[kill].int("signal"))
      }
    }

    /// The chosen calls between the first and the last of a program's, and no others.
    @Test func systemCalls() throws {
      let timeline = try Timeline(
        ["--events", "syscall", "--syscall", "getpid,openat,write"],
        workload: ["timeline", "syscall"])
      timeline.expectWhole()
      // An entry in two lines, an exit in one.
      var wanted: [TimelineLine] = []
      for index in stride(from: 0, to: timeline.log.count - 2, by: 3) {
        let enter = timeline.log[index].fields.merging(timeline.log[index + 1].fields) { $1 }
        wanted += [TimelineLine(fields: enter), timeline.log[index + 2]]
      }
      // With the three of the 32-bit table, where the kernel takes them.
      let compat = wanted.count { $0.text("abi") == "i386" }
      #expect(wanted.count == 2 * 105 + compat && (compat == 0 || compat == 6))
      let first = try timeline.place("the first call") {
        ($0.fields["args"] as? [String])?.first == "0x0000000001234567"
      }
      expectSame(
        "call", Array(timeline.lines[first...].prefix(wanted.count)), wanted)
    }

    /// A shell's calls and its children's as strace has them: names, arguments, results.
    @Test func asStraceHasThem() throws {
      let folder = try TemporaryFolder()
      let file = folder.file("strace")
      let timeline = try Timeline(
        ["--events", "syscall", "--ring-size", "64MiB"],
        [
          "/usr/bin/strace", "-f", "-qq", "-e", "raw=all", "-e", "signal=none", "-o", file,
          "/bin/sh",
          "-c", "ls / | sort >/dev/null; cat /nonexistent 2>/dev/null; exit 0",
        ])
      timeline.expectWhole()
      let calls = try StraceCall.read(file)
      #expect(calls.count == 4)
      for (tid, calls) in calls {
        let mine = timeline.lines.filter { $0.tid == tid }
        // Before the first that strace sees, the task was strace's own.
        let enters = mine.indices.filter { mine[$0].type == "syscall_enter" }.suffix(calls.count)
        #expect(enters.count == calls.count)
        var wrong: [String] = []
        for (index, call) in zip(enters, calls) {
          let isSame =
            mine[index].text("syscall_name") == call.name
            && (mine[index].fields["args"] as? [String])?.prefix(call.arguments.count)
              .map(StraceCall.number) == call.arguments
          let exit = index + 1 < mine.count ? mine[index + 1] : nil
          if !isSame || !call.ended(with: exit) {
            wrong.append("\(call): \(mine[index].fields) \(exit?.fields ?? [:])")
          }
        }
        #expect(wrong.isEmpty, "\(wrong.count), e.g. \(wrong.prefix(2))")
      }
    }

    @Test func futexes() throws {
      let timeline = try Timeline(["--events", "futex"], workload: ["timeline", "futex"])
      timeline.expectWhole()
      let wanted = timeline.log.filter { $0.type != "turns" }
      let addresses = Set(wanted.compactMap { $0.text("address") })
      let tasks = Set(wanted.map(\.tid))
      #expect(tasks.count == 2)
      for task in tasks {
        expectSame(
          "futex",
          timeline.lines.filter { $0.tid == task && addresses.contains($0.text("address") ?? "") },
          wanted.filter { $0.tid == task })
      }
      // Those who wait come back after a wake of them, or a move, has begun.
      for woken in timeline.lines.indices.filter({ isWoken(timeline.lines[$0], wanted) }) {
        let line = timeline.lines[woken]
        let enter = timeline.lines[..<woken].lastIndex { $0.tid == line.tid }
        let operation = line.int("flags") == 0 ? 1 : 4
        let wake = timeline.lines[..<woken].lastIndex {
          $0.type == "futex_enter" && $0.tid != line.tid && $0.int("operation") == operation
        }
        #expect(try #require(wake) > #require(enter))
      }
      let turns = try #require(timeline.log.last { $0.type == "turns" })
      try expectTurns(
        timeline.lines.filter { $0.text("address") == turns.text("address") }, turns)
    }

    private func isWoken(_ line: TimelineLine, _ wanted: [TimelineLine]) -> Bool {
      line.type == "futex_exit" && line.int("operation") == 0 && line.int("result") == 0
        && wanted.contains { line.differences(from: $0).isEmpty }
    }

    /// Turns by a futex: as many sleeps and wakes as the tasks counted, nobody up before a wake for
    /// it began.
    private func expectTurns(_ lines: [TimelineLine], _ turns: TimelineLine) throws {
      var entered: [Int: Int] = [:]
      var slept = 0
      var woke = 0
      var begun = 0
      for (index, line) in lines.enumerated() {
        let isWake = line.int("operation") == 1
        if line.type == "futex_enter" {
          #expect(entered[line.tid] == nil)
          entered[line.tid] = index
          // What it will give stands at its exit.
          if isWake {
            let exit = lines[index...].first { $0.type == "futex_exit" && $0.tid == line.tid }
            begun += try #require(exit?.int("result"))
          }
          continue
        }
        let place = entered.removeValue(forKey: line.tid)
        let enter = try #require(place)
        #expect(
          lines[enter].differences(from: line).allSatisfy { $0.hasPrefix("result") || isOwn($0) })
        if isWake {
          woke += try #require(line.int("result"))
        } else if line.int("result") == 0 {
          slept += 1
          #expect(slept <= begun)
        }
      }
      #expect(entered.isEmpty)
      #expect(slept == turns.int("slept") && woke == turns.int("woke"))
      #expect(slept == woke)
    }

    /// A difference of two events' own keys.
    private func isOwn(_ difference: String) -> Bool {
      ["seq", "ts", "time", "cpu", "type", "error"].contains(
        String(difference.prefix { $0 != " " }))
    }
  }
}

/// A call as `strace -f -e raw=all -o FILE` writes it.
struct StraceCall: CustomStringConvertible {
  let name: String
  let arguments: [UInt64]
  let result: String

  var description: String { "\(name)(\(arguments)) = \(result)" }

  static func number(_ text: String) -> UInt64 {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) ?? .max : UInt64(text) ?? .max
  }

  /// Whether this event is the call's end; "?" is one that does not come back to the program.
  func ended(with exit: TimelineLine?) -> Bool {
    guard result != "?" else { return exit == nil }
    // It goes back to where the signal came, and has no end of its own.
    if name == "rt_sigreturn" { return exit?.type != "syscall_exit" }
    guard let exit, exit.type == "syscall_exit", exit.text("syscall_name") == name else {
      return false
    }
    let words = result.split(separator: " ")
    if result.hasPrefix("-1 ") { return exit.text("error") == String(words[1]) }
    return exit.int("result").map { UInt64(bitPattern: Int64($0)) } == Self.number(String(words[0]))
  }

  /// The calls of each task. A call that others interrupt stands in two lines.
  static func read(_ file: String) throws -> [Int: [StraceCall]] {
    var calls: [Int: [StraceCall]] = [:]
    var begun: [Int: Substring] = [:]
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      guard words.count == 2, let tid = Int(words[0]) else { throw SupportError("\(line)") }
      var text = words[1].drop { $0 == " " }
      if let mark = text.range(of: " <unfinished ...>") {
        begun[tid] = text[..<mark.lowerBound]
        continue
      }
      if text.hasPrefix("<... "), let mark = text.range(of: " resumed>") {
        text = (begun.removeValue(forKey: tid) ?? "") + text[mark.upperBound...]
      }
      guard let open = text.firstIndex(of: "("), let equals = text.range(of: " = "),
        let close = text[..<equals.lowerBound].lastIndex(of: ")")
      else { throw SupportError("\(line)") }
      let list = text[text.index(after: open)..<close].split(separator: ",")
      calls[tid, default: []].append(
        StraceCall(
          name: String(text[..<open]),
          arguments: list.map { number($0.trimmingCharacters(in: .whitespaces)) },
          result: String(text[equals.upperBound...])))
    }
    return calls
  }
}
