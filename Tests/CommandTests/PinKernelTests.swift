import Foundation
import Testing

@Suite("Pinned captures", .tags(.kernel), .serialized)
struct PinKernelTests {
  init() throws { try NeedsRoot.check() }

  /// Runs a script in a mount namespace of its own with a fresh BPF file system; `$1` is a name that
  /// no other run uses.
  private func apart(_ script: String) throws -> Outcome {
    let name = "test-\(getpid())-\(UInt32.random(in: 0...999_999))"
    defer { try? FileManager.default.removeItem(atPath: "/run/ordinal/\(name).lock") }
    return try Program.shell(
      "script=$1; shift; exec unshare -m /bin/sh -c \"$script\" sh \"$@\"",
      ["mount -t bpf bpf /sys/fs/bpf || exit 99\n" + script, name])
  }

  @Test("--pin without a BPF file system")
  func notMounted() throws {
    let outcome = try Program.shell(
      """
      exec unshare -m /bin/sh -c '
        awk "\\$3 == \\"bpf\\" {print \\$2}" /proc/mounts | while read -r m; do umount -l "$m"; done
        exec $ORDINAL trace --pin x'
      """)
    expectOneLine(outcome, status: 2, saying: ["--pin needs", "mount -t bpf bpf /sys/fs/bpf"])
  }

  @Test("names that are no names", arguments: ["a/b", "", "..", "a b", "x.y", "\u{1B}[31m", "é"])
  func badName(name: String) throws {
    expectOneLine(
      try Program.run(["trace", "--pin", name]), status: 2, saying: ["is not a name", "letters"])
  }

  @Test("a name of 65 letters")
  func longName() throws {
    expectOneLine(
      try Program.run(["trace", "--pin", String(repeating: "a", count: 65)]), status: 2,
      saying: ["up to 64"])
  }

  @Test("a second consumer is refused, with the first one's pid, which goes on")
  func second() throws {
    let outcome = try apart(
      """
      exec 3>&1
      $ORDINAL trace --pin "$1" --duration 20 -q >/dev/null & first=$!
      i=0
      while ! [ -e "/sys/fs/bpf/ordinal/$1/link_sched_process_exec" ] && [ $i -lt 200 ]; do
        sleep 0.1; i=$((i + 1))
      done
      $ORDINAL trace --pin "$1" >&3; status=$?
      kill -0 $first || exit 98
      kill -INT $first; wait $first || exit 97
      echo "first=$first;" >&2
      exit $status
      """)
    let lines = outcome.errorLines
    #expect(outcome.status == 2, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(lines.count == 2, "\(lines)")
    let pid = try #require(outcome.errors.firstMatch(of: /first=([0-9]+);/)).output.1
    #expect(lines[0].hasPrefix("ordinal: "))
    #expect(lines[0].contains("being read by process \(pid);"), "\(lines)")
    #expect(lines[0].contains("end that process or use another --pin name"))
    try expectNothingLeft()
  }

  @Test("a capture left behind is gone on with, once, and then gone")
  func successor() throws {
    let outcome = try apart(
      """
      $ORDINAL trace --pin "$1" --leave-pinned --duration 0.1 -q >/dev/null || exit 98
      sh -c 'exit 42'
      $ORDINAL trace --pin "$1" -o json --duration 0.3 || exit 97
      [ -e "/sys/fs/bpf/ordinal" ] && exit 96
      exit 0
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.errors)")
    #expect(outcome.errors.contains("going on with '"))
    #expect(outcome.text.contains(#""code":42"#))
    try expectNothingLeft()
  }

  @Test("a capture left behind takes no other filter and no other ring")
  func otherFilter() throws {
    let outcome = try apart(
      """
      $ORDINAL trace --pin "$1" --leave-pinned --duration 0.1 -q >/dev/null || exit 98
      for option in "--uid 0" "--ring-size 32MiB" "--comm sh" "--tree 1" "--cgroup /"; do
        $ORDINAL trace --pin "$1" $option; [ $? = 2 ] || exit 97
      done
      $ORDINAL trace --pin "$1" -q --duration 0.1 >/dev/null
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.errors)")
    #expect(outcome.errorLines.count == 5, "\(outcome.errors)")
    for line in outcome.errorLines {
      #expect(line.hasPrefix("ordinal: ") && line.contains("leave those options out"))
    }
    try expectNothingLeft()
  }
}
