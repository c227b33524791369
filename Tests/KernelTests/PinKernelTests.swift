import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Captures that outlive their tracer, in a BPF file system of the test's own.
  @Suite struct PinKernelTests {
    /// A mount namespace with a bpffs that nobody else sees; gone with the value.
    private final class PrivateMounts {
      let holder: ChildProcess
      let folder = try! TemporaryFolder()
      private let input: Int32

      init() throws {
        let pipe = try makePipe()
        input = pipe.write
        let ready = folder.file("ready")
        holder = try ChildProcess(
          "/usr/bin/unshare",
          [
            "--mount", "--propagation", "private", "sh", "-c",
            // Those that are mounted already are hidden from it.
            "while umount -l \"$(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - bpf .*/\\1/p' "
              + "/proc/self/mountinfo | head -n 1)\" 2>/dev/null; do :; done; "
              + "mkdir \"$0/bpf\" && mount -t bpf bpf \"$0/bpf\" && : >\"$1\" && exec cat",
            folder.path, ready,
          ], input: .descriptor(pipe.read))
        closeDescriptor(pipe.read)
        try waitUntil("the private mounts") { FileManager.default.fileExists(atPath: ready) }
      }

      var wrapper: [String] { ["/usr/bin/nsenter", "--mount", "--target", "\(holder.pid)", "--"] }

      /// What lies in the bpffs.
      func list() throws -> String {
        try run(
          "/usr/bin/nsenter",
          // The kernel has files of its own beside it.
          Array(wrapper.dropFirst()) + ["find", folder.file("bpf"), "-path", "*/bpf/ordinal*"]
        ).text
      }

      deinit { closeDescriptor(input) }
    }

    /// The tracer is killed in a storm; its successor goes on where it stopped.
    @Test func killedTracerHasASuccessor() throws {
      let mounts = try PrivateMounts()
      let options = ["-o", "json", "--pin", "kernel-test"]
      let first = try Trace(options, wrapper: mounts.wrapper)
      try first.waitUntilTracing()
      #expect(try mounts.list().contains("/ordinal/kernel-test/ring"))
      let storm = try ChildProcess(
        try BuildFolder.program("workload"), ["storm", "6000", "8", "10"])
      let written = first.folder.file("out")
      try waitUntil("some output") {
        let size = try FileManager.default.attributesOfItem(atPath: written)[.size] as? Int
        return size ?? 0 > 200_000
      }
      #expect(try first.stop(SIGKILL) == 128 + 9)
      #expect(!storm.hasEnded)
      usleep(100_000)
      // Its programs go on without it.
      #expect(first.kernelObjects.remaining.count >= 8)

      let second = try Trace(options, wrapper: mounts.wrapper)
      try second.waitUntilTracing()
      #expect(second.errors.contains("going on with 'kernel-test'"))
      // One consumer.
      let third = try Trace(options, wrapper: mounts.wrapper)
      #expect(try third.process.wait() == 2)
      #expect(
        third.errors.contains("'kernel-test' is being read by process \(second.process.pid)"))
      #expect(third.errors.split(separator: "\n").count == 1)

      #expect(try storm.wait() == 0)
      #expect(try second.stop() == 0)
      let outputs = try (first.output(), second.output())
      #expect(outputs.0.isStrictlyRising && outputs.1.isStrictlyRising)
      let summary = try second.summary()
      #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
      #expect(summary.lost == 0 && summary.ordering_violations == 0)
      #expect(summary.causality_violations == 0)

      // What both wrote is the same, and all of it is from around the kill.
      let last = try #require(outputs.0.events.last?.seq)
      let start = try #require(outputs.1.events.first?.seq)
      let twice = outputs.0.events.filter { $0.seq >= start }
      let again = outputs.1.events.filter { $0.seq <= last }
      #expect(twice.map(\.seq) == again.map(\.seq))
      #expect(twice.map(\.child?.tid) == again.map(\.child?.tid))
      // Together: every fork, exec and exit of the storm.
      var forks: Set<Int32> = []
      var execs: Set<Int32> = []
      var exits: Set<Int32> = []
      for event in outputs.0.events + outputs.1.events {
        if event.pid == storm.pid, let child = event.child { forks.insert(child.tid) }
        if event.args?.first == "storm", event.ppid == storm.pid { execs.insert(event.pid) }
        if event.type == "exit", event.ppid == storm.pid { exits.insert(event.pid) }
      }
      #expect(forks.count == 6000 && execs.count == 600 && exits == forks)
      print(
        "pin: the first wrote up to \(last), the second from \(start) on; "
          + "\(twice.count) events in both, \(outputs.0.rest.count) bytes of a cut line")

      #expect(try mounts.list().isEmpty)
      try waitUntil("the kernel to free it all") {
        first.kernelObjects.remaining.isEmpty && second.kernelObjects.remaining.isEmpty
      }
      #expect(!FileManager.default.fileExists(atPath: "/run/ordinal/kernel-test.lock"))
    }

    /// A capture left behind on purpose: nothing twice, nothing missing, whoever reads.
    @Test func leftToASuccessor() throws {
      let mounts = try PrivateMounts()
      let options = ["-o", "json", "--pin", "kernel-test-left"]
      let workload = try BuildFolder.program("workload")
      let first = try Trace(options + ["--leave-pinned"], wrapper: mounts.wrapper)
      try first.waitUntilTracing()
      let storm = try ChildProcess(workload, ["storm", "4000", "8", "10"])
      usleep(300_000)
      #expect(try first.stop() == 0)
      #expect(!storm.hasEnded)
      #expect(try storm.wait() == 0)
      let second = try Trace(options, wrapper: mounts.wrapper)
      try second.waitUntilTracing()
      #expect(try second.stop() == 0)
      let outputs = try (first.output(), second.output())
      let all = outputs.0.events + outputs.1.events
      #expect(outputs.0.rest.isEmpty && outputs.1.rest.isEmpty)
      #expect(zip(all, all.dropFirst()).allSatisfy { $0.seq < $1.seq })
      #expect(all.count { $0.pid == storm.pid && $0.child != nil } == 4000)
      #expect(all.count { $0.args?.first == "storm" && $0.ppid == storm.pid } == 400)
      #expect(all.count { $0.type == "exit" && $0.ppid == storm.pid } == 4000)
      for trace in [first, second] {
        let summary = try trace.summary()
        #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
        #expect(summary.lost == 0 && summary.causality_violations == 0)
      }
      #expect(try mounts.list().isEmpty)
      // The first held all of it; the second took over what was pinned.
      try EndingKernelTests.expectNothingLeft(first)
    }

    @Test func noBPFFileSystem() throws {
      let folder = try TemporaryFolder()
      let trace = try Trace(
        ["-o", "json", "--pin", "kernel-test-none"],
        wrapper: [
          "/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c",
          "umount -a -t bpf -l; exec \"$@\"", folder.path,
        ])
      #expect(try trace.process.wait() == 2)
      #expect(trace.errors.contains("mount -t bpf bpf /sys/fs/bpf"))
    }
  }
}
