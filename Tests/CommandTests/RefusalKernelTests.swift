import Foundation
import Testing

/// Refusals that only show with privilege: the machine lacks something, or the ring can't be made.
@Suite("A machine or a ring that can't trace", .tags(.kernel), .serialized)
struct RefusalKernelTests {
  init() throws { try NeedsRoot.check() }

  /// Runs a script in a mount namespace of its own.
  private func apart(_ script: String, _ arguments: [String] = []) throws -> Outcome {
    try Program.shell(
      "script=$1; shift; exec unshare -m /bin/sh -c \"$script\" sh \"$@\"", [script] + arguments)
  }

  @Test("a ring that is too small: the message names the smallest that works, and it does work")
  func smallest() throws {
    for size in ["0", "1", "4096", "64KiB"] {
      let outcome = try Program.run(["trace", "--ring-size", size, "--", "true"])
      expectOneLine(outcome, status: 2, saying: ["too small", "possible CPUs", "--ring-size "])
    }
    let text = try Program.run(["trace", "--ring-size", "1", "--", "true"]).errors
    let named = try #require(text.firstMatch(of: /--ring-size ([0-9]+[KM]iB)\n/)).output.1
    let outcome = try Program.run(["trace", "--ring-size", String(named), "--", "true"])
    #expect(outcome.status == 0)
    #expect(outcome.lines.count == 2)
    let half = try #require(named.firstMatch(of: /([0-9]+)(.*)/)).output
    let smaller = "\(try #require(Int(half.1)) * 512)\(half.2 == "MiB" ? "KiB" : "B")"
    expectOneLine(
      try Program.run(["trace", "--ring-size", smaller, "--", "true"]), status: 2,
      saying: ["too small"])
  }

  @Test("a ring that is no power of two: the message names the two beside it")
  func power() throws {
    expectOneLine(
      try Program.run(["trace", "--ring-size", "48MiB", "--", "true"]), status: 2,
      saying: ["not a power of two", "--ring-size 32MiB or 64MiB"])
    expectOneLine(
      try Program.run(["trace", "--ring-size", "16777217", "--", "true"]), status: 2,
      saying: ["not a power of two", "16MiB or 32MiB"])
  }

  @Test("a ring that is too large: the message names the largest, and it does work")
  func largest() throws {
    for size in ["4GiB", "512MiB", "1099511627776GiB"] {
      let outcome = try Program.run(["trace", "--ring-size", size, "--", "true"])
      #expect(outcome.status == 2)
      #expect(outcome.errorLines.count == 1)
    }
    let text = try Program.run(["trace", "--ring-size", "512MiB", "--", "true"]).errors
    let named = try #require(text.firstMatch(of: /the largest is --ring-size ([0-9]+MiB)\n/))
    let outcome = try Program.run(["trace", "--ring-size", String(named.output.1), "--", "true"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    try expectNothingLeft()
  }

  /// Runs a trace that finds `text` in a file of the kernel's, its options from `$2` on.
  private func pretending(_ text: String, in file: String, _ options: String) throws -> Outcome {
    let folder = try TemporaryFolder()
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path("text")))
    return try apart(
      "mount --bind \"$1\" \(file) && exec $ORDINAL trace -q -o compact \(options) -- true",
      [folder.path("text")])
  }

  private static let cpus = "/sys/devices/system/cpu/possible"

  @Test("more possible CPUs than a ring can serve, and the most that it can")
  func possibleCPUs() throws {
    for options in ["", "--ring-size 16MiB", "--ring-size 256MiB"] {
      let outcome = try pretending("0-4095\n", in: Self.cpus, options)
      expectOneLine(outcome, status: 2, saying: [])
      #expect(
        outcome.errors
          == "ordinal: 4096 possible CPUs need a ring of 1GiB, and the verifier lets programs index "
          + "256MiB; boot with possible_cpus=1365 or less\n")
    }
    // The number that it names does work, with the ring that it needs.
    let most = try pretending("0-1364\n", in: Self.cpus, "")
    #expect(most.status == 0 && most.lines.count == 2, "\(most.errors)")
    let small = try pretending("0-1364\n", in: Self.cpus, "--ring-size 128MiB")
    #expect(
      small.errors
        == "ordinal: a ring of 128MiB is too small for 1365 possible CPUs; the smallest that works "
        + "here is --ring-size 256MiB\n")
    try expectNothingLeft()
  }

  @Test("possible CPUs that can't be read")
  func noPossibleCPUs() throws {
    expectOneLine(
      try pretending("what\n", in: Self.cpus, ""), status: 2,
      saying: ["can't read /sys/devices/system/cpu/possible", "check that /sys is mounted"])
  }

  @Test("a ring larger than the memory: the message names the largest that fits, and it does")
  func memoryAvailable() throws {
    let text = "MemTotal: 999999 kB\nMemAvailable: 20000 kB\n"
    let outcome = try pretending(text, in: "/proc/meminfo", "--ring-size 64MiB")
    expectOneLine(outcome, status: 2, saying: [])
    #expect(
      outcome.errors
        == "ordinal: a ring of 64MiB is larger than the memory available, 20000 KiB; the largest that "
        + "fits is --ring-size 16MiB\n")
    let named = try pretending(text, in: "/proc/meminfo", "--ring-size 16MiB")
    #expect(named.status == 0 && named.lines.count == 2, "\(named.errors)")
    try expectNothingLeft()
  }

  @Test("sizes that are none, and what is said of each, word by word")
  func exactMessages() throws {
    // The numbers of this machine: 4 reserves of 2 × CPUs × 4 × 48 slots, rounded up.
    let text = try Program.run(["trace", "--ring-size", "1", "--", "true"]).errors
    let match = try #require(text.firstMatch(of: /for ([0-9]+) possible CPUs.*--ring-size (\S+)\n/))
    let (cpus, least) = (match.output.1, match.output.2)
    for (size, message) in [
      (
        "4KiB",
        "a ring of 4KiB is too small for \(cpus) possible CPUs; "
          + "the smallest that works here is --ring-size \(least)"
      ),
      ("96MiB", "a ring of 96MiB is not a power of two; use --ring-size 64MiB or 128MiB"),
      ("256GiB", "a ring of 256GiB is too large; the largest is --ring-size 256MiB"),
      (
        "17179869183GiB", "a ring of 17179869183GiB is too large; the largest is --ring-size 256MiB"
      ),
      (
        "18446744073709551616",
        "--ring-size '18446744073709551616' is not a size; "
          + "write e.g. 512KiB or 16MiB"
      ),
      ("1EiB", "--ring-size '1EiB' is not a size; write e.g. 512KiB or 16MiB"),
    ] {
      let outcome = try Program.run(["trace", "--ring-size", size, "--", "true"])
      expectOneLine(outcome, status: 2, saying: [])
      #expect(outcome.errors == "ordinal: \(message)\n")
    }
  }

  @Test("a ring that there is no room for")
  func noRoom() throws {
    // The ring is in the kernel by then; mapping it is what fails.
    expectOneLine(
      try Program.shell("ulimit -v 200000; exec $ORDINAL trace --ring-size 256MiB -- true"),
      status: 2, saying: ["can't map", "use a smaller --ring-size"])
    try expectNothingLeft()
  }

  @Test("a kernel that doesn't show its types")
  func noTypes() throws {
    let folder = try TemporaryFolder()
    let outcome = try apart(
      "mount --bind \"$1\" /sys/kernel/btf && exec $ORDINAL trace -- true", [folder.url.path])
    expectOneLine(
      outcome, status: 2, saying: ["/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF=y"])
    let doctor = try apart(
      "mount --bind \"$1\" /sys/kernel/btf && exec $ORDINAL doctor", [folder.url.path])
    #expect(doctor.status == 1)
    let line = try #require(doctor.lines.first { $0.contains(" btf ") })
    #expect(line.hasPrefix("missing ") && line.contains("CONFIG_DEBUG_INFO_BTF=y"))
  }

  @Test("types that can't be parsed")
  func badTypes() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("vmlinux")
    try Data(repeating: 0x41, count: 100).write(to: URL(fileURLWithPath: path))
    let outcome = try apart(
      "mount --bind \"$1\" /sys/kernel/btf/vmlinux && exec $ORDINAL trace -- true", [path])
    expectOneLine(outcome, status: 2, saying: ["can't parse the kernel's types", "newer libbpf"])
  }

  @Test("a kernel without the tracepoints: an older one")
  func noTracepoints() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("vmlinux")
    // struct btf_header of linux/btf.h: no type at all, one string, the empty one.
    let header: [UInt8] = [
      0x9F, 0xEB, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
    ]
    try Data(header).write(to: URL(fileURLWithPath: path))
    let outcome = try apart(
      "mount --bind \"$1\" /sys/kernel/btf/vmlinux && exec $ORDINAL trace -- true", [path])
    expectOneLine(
      outcome, status: 2,
      saying: ["no tracepoint sched_process_exit", "--events process", "ordinal doctor"])
    // A family that is missing is refused by its name, never silently empty.
    let family = try apart(
      "mount --bind \"$1\" /sys/kernel/btf/vmlinux && exec $ORDINAL trace --events lock -- true",
      [path])
    expectOneLine(
      family, status: 2,
      saying: ["no tracepoint contention_end", "--events lock", "leave that family out"])
    try expectNothingLeft()
  }

  @Test("a part of the privilege is not enough", arguments: [["bpf"], ["perfmon"]])
  func partly(capabilities: [String]) throws {
    expectOneLine(
      try Nobody.run(["trace", "--", "true"], capabilities: capabilities), status: 2,
      saying: ["CAP_BPF and CAP_PERFMON"])
    try expectNothingLeft()
  }

  @Test("CAP_BPF and CAP_PERFMON are enough")
  func enough() throws {
    for filter in [[], ["--uid", "65534"], ["--comm", "tr*"], ["--cgroup", "/"]] {
      let outcome = try Nobody.run(
        ["trace", "-o", "compact", "-q"] + filter + ["--", "true"],
        capabilities: ["bpf", "perfmon"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.lines.count == 2, "\(filter): \(outcome.text)")
    }
    let doctor = try Nobody.run(["doctor"], capabilities: ["bpf", "perfmon"])
    #expect(doctor.status == 0, "\(doctor.text)")
  }

  @Test("a root of a user namespace is told that it is none")
  func userNamespace() throws {
    let outcome = try Program.shell("exec unshare -Ur $ORDINAL trace -- true")
    expectOneLine(outcome, status: 2, saying: ["ordinal doctor"])
  }

  @Test("--cgroup without the directory, or outside of cgroup v2")
  func cgroup() throws {
    expectOneLine(
      try Program.run(["trace", "--cgroup", "/no-such-group"]), status: 2,
      saying: ["no-such-group is no directory", "`ls "])
    expectOneLine(
      try Program.run(["trace", "--cgroup", ""]), status: 2, saying: ["names no directory"])
    expectOneLine(
      try Program.run(["trace", "--cgroup", "../.."]), status: 2,
      saying: ["no cgroup v2 directory", "`ls "])
    let many = (0..<17).flatMap { _ in ["--cgroup", "/"] }
    expectOneLine(
      try Program.run(["trace"] + many), status: 2, saying: ["at most 16", "above them"])
  }

  @Test("--cgroup where cgroup v2 is not mounted")
  func noCgroup() throws {
    let outcome = try apart(
      """
      awk '$3 == "cgroup2" {print $2}' /proc/mounts | while read -r m; do umount -l "$m"; done
      exec $ORDINAL trace --cgroup /x
      """)
    expectOneLine(outcome, status: 2, saying: ["--cgroup needs cgroup v2", "mount -t cgroup2"])
  }

  @Test("processes of another pid namespace can't be named")
  func pidNamespace() throws {
    let outcome = try Program.shell("exec unshare -pf --mount-proc $ORDINAL trace --pid 1")
    expectOneLine(outcome, status: 2, saying: ["pid namespace", "trace a command"])
  }
}
