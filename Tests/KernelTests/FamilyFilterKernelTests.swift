import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Filters on events of two tasks: signals from this process, which no filter fits, to sleepers of which
  /// one fits.
  @Suite struct FamilyFilterKernelTests {
    private static let uid = 54_322

    /// A process that sleeps, in a cgroup of its own, as a user of its own, under a name of its own.
    private struct Sleepers {
      let folder: TemporaryFolder
      let cgroup: String
      let cgroupPath: String
      let wanted: ChildProcess
      let other: ChildProcess

      init() throws {
        let table = try readFile("/proc/self/mountinfo")
        let mount = try #require(
          table.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
            .map { String($0.split(separator: " ")[4]) })
        folder = try TemporaryFolder()
        cgroup = "ordinal-signal-\(ProcessInfo.processInfo.processIdentifier)"
        cgroupPath = "\(mount)/\(cgroup)"
        let name = folder.file("wl-sleeper")
        try FileManager.default.copyItem(atPath: "/bin/sleep", toPath: name)
        try FileManager.default.createDirectory(
          atPath: "\(cgroupPath)/inner", withIntermediateDirectories: true)
        wanted = try ChildProcess(
          "/bin/sh",
          [
            "-c",
            "echo $$ >\(cgroupPath)/inner/cgroup.procs && exec setpriv --reuid \(uid) --regid \(uid) "
              + "--clear-groups \(name) 600",
          ])
        other = try ChildProcess("/bin/sleep", ["600"])
        // Both have run their program: their names are known to the kernel.
        for (process, comm) in [(wanted, "wl-sleeper"), (other, "sleep")] {
          try waitUntil("\(comm) runs") {
            try readFile("/proc/\(process.pid)/comm").hasPrefix(comm)
          }
        }
      }

      func end() {
        for process in [wanted, other] {
          process.send(SIGKILL)
          _ = try? process.wait(seconds: 20)
        }
        removeDirectory("\(cgroupPath)/inner")
        removeDirectory(cgroupPath)
      }
    }

    @Test(
      "an event passes if the task it is done to passes",
      arguments: ["pid", "uid", "comm", "glob", "cgroup", "cgroup by a detour"])
    func target(_ kind: String) throws {
      let sleepers = try Sleepers()
      defer { sleepers.end() }
      let filter =
        switch kind {
        case "pid": ["--pid", "\(sleepers.wanted.pid)"]
        case "uid": ["--uid", "\(Self.uid)"]
        case "comm": ["--comm", "wl-sleeper"]
        case "glob": ["--comm", "*-sl[e]ep*"]
        case "cgroup": ["--cgroup", sleepers.cgroup]
        default: ["--cgroup", "\(sleepers.cgroup)/inner/../../\(sleepers.cgroup)/inner"]
        }
      let trace = try Trace(["-o", "json", "--events", "signal"] + filter)
      try trace.waitUntilTracing()
      for _ in 0..<50 {
        // Ignored by its default action: nobody is woken, and nothing else is generated.
        sleepers.wanted.send(SIGWINCH)
        sleepers.other.send(SIGWINCH)
      }
      #expect(try trace.stop() == 0)
      let lines = try TimelineLine.all(trace.folder.file("out")).filter {
        $0.type == "signal_generate"
      }
      let mine = lines.filter { $0.int("pid") == Int(getpid()) }
      #expect(mine.count == 50)
      #expect(mine.allSatisfy { $0.object("target")?.int("pid") == Int(sleepers.wanted.pid) })
      #expect(
        mine.allSatisfy {
          $0.text("signal_name") == "SIGWINCH" && $0.text("result_name") == "ignored"
        })
      let summary = try trace.summary()
      #expect(summary.filtered >= 50 && summary.lost == 0 && summary.missed == 0)
    }
  }
}
