import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Filters, each in the middle of a storm that it must not let through.
  @Suite struct FilterKernelTests {
    /// A storm of the rest of the machine.
    private func startOutsideStorm() throws -> ChildProcess {
      try ChildProcess(try BuildFolder.program("workload"), ["storm", "1500", "4", "5"])
    }

    /// A standing tree of processes with threads; it forks once its input ends.
    private final class StandingTree {
      let process: ChildProcess
      let folder: TemporaryFolder
      private var input: Int32
      var pid: Int32 { process.pid }

      /// `untilTold`: it forks on and on from ``go()`` to ``end()``, and `forks` times after that.
      init(depth: Int, forks: Int, untilTold: Bool = false) throws {
        folder = try TemporaryFolder()
        let pipe = try makePipe()
        input = pipe.write
        process = try ChildProcess(
          try BuildFolder.program("workload"),
          ["standing", "\(depth)", "\(forks)"] + (untilTold ? ["until-told"] : []),
          input: .descriptor(pipe.read), environment: ["WORKLOAD_LOG": folder.file("log")])
        closeDescriptor(pipe.read)
        try waitUntil("the tree") {
          (try? truth())?.notes.contains { $0.word == "ready" } ?? false
        }
      }

      func truth() throws -> GroundTruth { try GroundTruth(file: folder.file("log")) }

      func go() {
        if input >= 0 { closeDescriptor(input) }
        input = -1
      }

      func end() { process.send(SIGUSR1) }

      deinit { go() }
    }

    /// One of its processes that is named alone besides takes nothing away from the tree.
    @Test(arguments: [false, true])
    func treeThatRunsAlready(isNamedInside: Bool) throws {
      let depth = 12
      let forks = 30
      let tree = try StandingTree(depth: depth, forks: forks)
      var options = ["-o", "json", "--tree", "\(tree.pid)"]
      if isNamedInside {
        let inside = try tree.truth().notes.filter { $0.word == "pid" }[depth / 2].number
        options += ["--pid", "\(inside)"]
      }
      let trace = try Trace(options)
      try trace.waitUntilTracing()
      let outside = try startOutsideStorm()
      tree.go()
      // Ends by itself when the last one it follows has ended.
      #expect(try tree.process.wait() == 0)
      #expect(try trace.process.wait(seconds: 10) == 0)
      #expect(try outside.wait() == 0)
      let output = try trace.output()
      let summary = try trace.summary()
      expectFlawless(summary, output)
      #expect(summary.filtered > 0)
      #expect(summary.reason == "the last process followed has ended")
      let truth = try tree.truth()
      // 13 threads and the deepest leader, each with children and grandchildren.
      #expect(truth.forks.count == (depth + 2) * forks * 2)
      expectForks(output, truth.forks)
      let standing = truth.notes.filter { $0.word == "pid" }.map { Int32($0.number) }
      let threads = truth.notes.filter { $0.word == "tid" }.map { Int32($0.number) }
      #expect(standing.count == depth + 1 && Set(threads).count == depth + 2)
      let exits = output.events.filter { $0.type == "exit" }
      let wanted = Set(standing).union(threads).union(truth.forks.map(\.childTID))
      #expect(exits.count == wanted.count && Set(exits.map(\.tid)) == wanted)
      for (pid, status) in truth.waits {
        let last = exits.filter { $0.pid == pid && $0.last_thread == true }
        #expect(last.map(\.waitStatus) == [status])
      }
      #expect(output.events.count == truth.forks.count + exits.count)
    }

    private func expectForks(_ output: TraceOutput, _ forks: [GroundTruth.Fork]) {
      let told = GroundTruth.forks(in: output.events)
      #expect(told.count == forks.count)
      #expect(Set(told) == Set(forks), "\(Set(told).symmetricDifference(forks).prefix(5))")
    }

    /// The tree forks while the filter is being set up: from the first event told on, none is missing.
    @Test(arguments: 0..<4)
    func treeThatForksMeanwhile(round: Int) throws {
      let tree = try StandingTree(depth: 3, forks: 50, untilTold: true)
      tree.go()
      try waitUntil("some forks") {
        try readFile(tree.folder.file("log")).utf8.count > 5000 + round * 2000
      }
      let trace = try Trace(["-o", "json", "--tree", "\(tree.pid)"])
      try trace.waitUntilTracing()
      tree.end()
      #expect(try tree.process.wait() == 0)
      #expect(try trace.process.wait(seconds: 10) == 0)
      let output = try trace.output()
      expectFlawless(try trace.summary(), output)
      let truth = try tree.truth()
      let told = Set(output.events.compactMap { $0.child?.tid })
      #expect(told.count > 100 && told.count < truth.forks.count)
      // Of every task's forks, those told are the last ones; of a told task's, all.
      var skipped: [Int32: Int] = [:]
      var wrong: [String] = []
      for fork in truth.forks.reversed() {
        if told.contains(fork.childTID) {
          if skipped[fork.tid] != nil { wrong.append("an earlier fork of \(fork.tid)") }
        } else {
          skipped[fork.tid, default: 0] += 1
          if told.contains(fork.tid) { wrong.append("\(fork.childTID) of \(fork.tid)") }
        }
      }
      #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(5))")
      // Whose fork was told, his end is told, once; and all that stood end here.
      let exits = output.events.filter { $0.type == "exit" }.map(\.tid)
      #expect(Set(exits).count == exits.count)
      #expect(told.isSubset(of: exits))
      let standing = truth.notes.filter { $0.word == "pid" }.map { Int32($0.number) }
      #expect(Set(standing).isSubset(of: exits))
    }

    @Test func onePID() throws {
      let tree = try StandingTree(depth: 2, forks: 25)
      let trace = try Trace(["-o", "json", "--pid", "\(tree.pid)"])
      try trace.waitUntilTracing()
      let outside = try startOutsideStorm()
      tree.go()
      #expect(try tree.process.wait() == 0)
      #expect(try trace.process.wait(seconds: 10) == 0)
      #expect(try outside.wait() == 0)
      let output = try trace.output()
      expectFlawless(try trace.summary(), output)
      let mine = try tree.truth().forks.filter { $0.pid == tree.pid }
      #expect(mine.count == 25)
      expectForks(output, mine)
      #expect(output.events.allSatisfy { $0.pid == tree.pid })
      // Its thread's end and its own; no child's.
      #expect(output.events.count { $0.type == "exit" } == 2)
      #expect(output.events.last?.last_thread == true)
    }

    /// Runs `start` and an outside storm under a filter; the tracer is ended after both.
    private func filtered(
      _ filter: [String], _ start: () throws -> [ChildProcess]
    ) throws -> TraceOutput {
      let trace = try Trace(["-o", "json"] + filter)
      try trace.waitUntilTracing()
      let outside = try startOutsideStorm()
      for process in try start() { #expect(try process.wait() == 0) }
      #expect(try outside.wait() == 0)
      #expect(try trace.stop() == 0)
      let output = try trace.output()
      let summary = try trace.summary()
      expectFlawless(summary, output)
      // 1,500 forks and exits and 300 execs of the outside storm at least.
      #expect(summary.filtered >= 3300)
      return output
    }

    /// What a storm of `count` forks, every `every`th with an exec, comes to; it was exec'ed itself.
    private func expectStorm(_ output: TraceOutput, count: Int, every: Int) {
      #expect(output.events.count { $0.type == "fork" } == count)
      #expect(output.events.count { $0.type == "exec" } == 1 + (count + every - 1) / every)
      #expect(output.events.count { $0.type == "exit" } == count + 1)
    }

    private func startAs(_ uid: Int, _ program: String, _ words: [String]) throws -> ChildProcess {
      try ChildProcess(
        "/usr/bin/setpriv",
        ["--reuid", "\(uid)", "--regid", "\(uid)", "--clear-groups", program] + words)
    }

    @Test func uid() throws {
      let folder = try TemporaryFolder()
      let copy = folder.file("workload")
      try FileManager.default.copyItem(atPath: try BuildFolder.program("workload"), toPath: copy)
      let output = try filtered(["--uid", "54321"]) {
        [try startAs(54321, copy, ["storm", "300", "4", "2"])]
      }
      expectStorm(output, count: 300, every: 2)
      #expect(output.events.allSatisfy { $0.uid == 54321 })
    }

    @Test(arguments: ["wl-filter-test", "wl-filter*", "wl-*-t?st", "*[f]ilter*"])
    func comm(_ pattern: String) throws {
      let folder = try TemporaryFolder()
      let copies = [folder.file("wl-filter-test"), folder.file("wlfilter-test")]
      for copy in copies {
        try FileManager.default.copyItem(
          atPath: try BuildFolder.program("workload"), toPath: copy)
      }
      // The other name must not pass, but for the last pattern, which fits both.
      let fits = pattern.hasPrefix("*") ? 2 : 1
      let output = try filtered(["--comm", pattern]) {
        try copies.map { try ChildProcess($0, ["storm", "200", "4", "2"]) }
      }
      #expect(output.events.count { $0.type == "fork" } == 200 * fits)
      #expect(output.events.count { $0.type == "exec" } == 101 * fits)
      #expect(output.events.count { $0.type == "exit" } == 201 * fits)
      #expect(Set(output.events.map(\.comm)).count == fits)
    }

    @Test func cgroup() throws {
      let mount = try #require(try cgroupMount())
      let name = "ordinal-test-\(ProcessInfo.processInfo.processIdentifier)"
      let outer = "\(mount)/\(name)"
      try FileManager.default.createDirectory(
        atPath: "\(outer)/inner", withIntermediateDirectories: true)
      defer {
        removeDirectory("\(outer)/inner")
        removeDirectory(outer)
      }
      let workload = try BuildFolder.program("workload")
      let output = try filtered(["--cgroup", name]) {
        try [outer, "\(outer)/inner"].map {
          try ChildProcess(
            "/bin/sh",
            [
              "-c", "echo $$ >\($0)/cgroup.procs && exec \"$@\"", "sh", workload, "storm", "150",
              "4", "3",
            ])
        }
      }
      for path in ["/\(name)", "/\(name)/inner"] {
        let events = output.events.filter { $0.cgroup == path }
        #expect(events.count { $0.type == "fork" } == 150)
        #expect(events.count { $0.type == "exec" } == 51)
        #expect(events.count { $0.type == "exit" } == 151)
      }
      #expect(output.events.count == 2 * (150 + 51 + 151))
    }

    private func cgroupMount() throws -> String? {
      let table = try readFile("/proc/self/mountinfo")
      return table.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
        .map { String($0.split(separator: " ")[4]) }
    }

    @Test func twoKindsMustBothHold() throws {
      let folder = try TemporaryFolder()
      let copies = [folder.file("wl-one"), folder.file("wl-two")]
      for copy in copies {
        try FileManager.default.copyItem(
          atPath: try BuildFolder.program("workload"), toPath: copy)
      }
      let output = try filtered(["--uid", "54321", "--uid", "54322", "--comm", "wl-one"]) {
        [
          try startAs(54321, copies[0], ["storm", "100", "4", "2"]),
          try startAs(54322, copies[0], ["storm", "60", "4", "2"]),
          try startAs(54321, copies[1], ["storm", "100", "4", "2"]),
          try ChildProcess(copies[0], ["storm", "100", "4", "2"]),
        ]
      }
      let first = output.events.filter { $0.uid == 54321 }
      let second = output.events.filter { $0.uid == 54322 }
      #expect(first.count == 100 + 51 + 101)
      #expect(second.count == 60 + 31 + 61)
      #expect(output.events.count == first.count + second.count)
      #expect(output.events.allSatisfy { $0.comm == "wl-one" })
    }
  }
}
