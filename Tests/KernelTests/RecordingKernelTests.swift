import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Recordings of the running kernel: complete, exact after kills and full disks, and proved by `verify`.
  @Suite struct RecordingKernelTests {
    @Test func stormIsRecordedWhole() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL record -o storm.ord --summary summary.json -- \
          $WORKLOAD storm 3000 8 10 >log || exit 9
        $ORDINAL verify storm.ord --json >verdict.json
        echo verify=$?
        stat -c 'mode=%a' storm.ord
        $ORDINAL replay -q -o json storm.ord >events.json; echo replay=$?
        """)
      #expect(result.text.contains("verify=0") && result.text.contains("replay=0"), "\(result)")
      #expect(result.text.contains("mode=600"))
      let verdict = try scene.json("verdict.json")
      let summary = try scene.json("summary.json")
      #expect(verdict["proved"] as? Bool == true)
      #expect(verdict["events"] as? Int == summary["delivered"] as? Int)
      #expect(summary["lost"] as? Int == 0 && summary["judged"] as? Bool == false)
      // What the workload itself says it made.
      let events = try scene.lines("events.json")
      let root = try #require(events.first?["pid"] as? Int)
      let forks = events.filter { $0["type"] as? String == "fork" && $0["pid"] as? Int == root }
      let exits = events.filter { $0["type"] as? String == "exit" && $0["ppid"] as? Int == root }
      #expect(forks.count == 3000 && exits.count == 3000)
      let execs = events.filter { ($0["args"] as? [String])?.first == "storm" }
      #expect(execs.count == 300)
    }

    /// A recorder that stands still: the ring fills, and the recording says what is missing and where.
    @Test func overrunIsDeclared() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL record -o a.ord --ring-size 512KiB --summary summary.json & recorder=$!
        wait_for a.ord
        $WORKLOAD storm 1000 8 10 >log1
        kill -STOP $recorder
        $WORKLOAD storm 4000 8 10 >log2
        kill -CONT $recorder
        $WORKLOAD storm 1000 8 10 >log3
        kill -INT $recorder; wait $recorder; echo record=$?
        $ORDINAL verify a.ord --json >verdict.json; echo verify=$?
        """)
      #expect(result.text.contains("record=0") && result.text.contains("verify=0"), "\(result)")
      let verdict = try scene.json("verdict.json")
      let summary = try scene.json("summary.json")
      let lost = try #require(summary["lost"] as? Int)
      #expect(lost > 0, "the ring was to overrun")
      #expect(verdict["lost"] as? Int == lost)
      #expect(verdict["offered"] as? Int == summary["offered"] as? Int)
      #expect((verdict["gaps"] as? Int ?? 0) > 0)
    }

    @Test func killedRecordersLoseNothing() throws { try expectNoGapAcrossKills(40) }

    /// A full disk: what is there is whole, what could not be written is kept in a pinned ring, and the
    /// successor has it.
    @Test func fullDisk() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        mkdir small && mount -t tmpfs -o size=256k none small || exit 9
        $ORDINAL record -q -o small/a.ord --summary one.json -- $WORKLOAD storm 2000 8 10 >log
        $ORDINAL verify small/a.ord >first; echo verify=$?; cat first
        rm small/a.ord
        $ORDINAL record -q -o small/b.ord --pin test-full --summary two.json & recorder=$!
        wait_for small/b.ord
        $WORKLOAD storm 2000 8 10 >log
        wait $recorder; echo full=$?
        mv small/b.ord b.ord
        $ORDINAL record -q -o c.ord --pin test-full --duration 0.2; echo successor=$?
        $ORDINAL verify b.ord c.ord --json >verdict.json; echo both=$?
        """)
      #expect(result.text.contains("verify=0"), "\(result)")
      #expect(result.text.contains("verdict: proved"), "\(result)")
      #expect(result.text.contains("No space left on device"), "\(result)")
      #expect(result.text.contains("full=1") && result.text.contains("successor=0"), "\(result)")
      #expect(result.text.contains("is left pinned with all that is not written"), "\(result)")
      #expect(result.text.contains("both=0"), "\(result)")
      let one = try scene.json("one.json")
      let numbers = ["offered", "delivered", "lost", "missed"].map { one[$0] as? Int ?? -1 }
      #expect(numbers[0] == numbers[1] + numbers[2] + numbers[3])
      #expect(numbers[2] > 0)
      let verdict = try scene.json("verdict.json")
      #expect(verdict["lost"] as? Int == 0)
      #expect(try #require(verdict["events"] as? Int) > 4000)
    }

    @Test func rotationKeepsTheLast() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL record -q -o r.ord --rotate-size 64KiB -- $WORKLOAD storm 3000 8 10 >log || exit 9
        ls r.ord.* | wc -l | sed 's/^/all=/'
        $ORDINAL verify r.ord; echo verify=$?
        $ORDINAL record -q -o k.ord --rotate-size 64KiB --keep 3 -- \
          $WORKLOAD storm 3000 8 10 >log || exit 9
        $ORDINAL record -q -o z.ord --compress -- $WORKLOAD storm 1000 8 10 >log || exit 9
        $ORDINAL verify z.ord; echo packed=$?
        ls k.ord.* | wc -l | sed 's/^/kept=/'
        mkdir -m 755 other; chown nobody other
        $ORDINAL record -q -o other/n.ord --rotate-size 64KiB --keep 2 -- \
          $WORKLOAD storm 1000 8 10 >log; echo other=$?
        $ORDINAL verify k.ord; echo rest=$?
        """)
      #expect(result.text.contains("verify=0") && result.text.contains("rest=0"), "\(result)")
      #expect(result.text.contains("kept=3"), "\(result)")
      #expect(result.text.contains("packed=0"), "\(result)")
      #expect(!result.text.contains("all=1\n"), "\(result)")
      // Another user's folder: root's right to it is kept for the segments to come.
      #expect(result.text.contains("other=0"), "\(result)")
    }

    @Test func statsDisturbNothing() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL record -q -o a.ord --pin test-stats --leave-pinned --duration 0.3 || exit 9
        $WORKLOAD storm 500 4 10 >log
        for i in 1 2 3; do $ORDINAL stats test-stats --json >stats.$i || exit 8; done
        $ORDINAL stats | head -n 3
        $ORDINAL record -q -o b.ord --pin test-stats --leave-pinned --duration 0.3 || exit 7
        $ORDINAL stats test-stats --json >stats.4
        $ORDINAL verify a.ord b.ord --json >verdict.json; echo verify=$?
        $ORDINAL detach test-stats; echo detach=$?
        ls /sys/fs/bpf/ordinal 2>/dev/null; ls /run/ordinal 2>/dev/null | grep test-stats
        $ORDINAL stats test-stats; echo gone=$?
        """)
      #expect(result.text.contains("verify=0") && result.text.contains("detach=0"), "\(result)")
      #expect(result.text.contains("gone=2"), "\(result)")
      #expect(result.text.contains("nothing is pinned as"), "\(result)")
      #expect(!result.text.contains("test-stats.recording"))
      let before = try scene.json("stats.3")
      let after = try scene.json("stats.4")
      #expect(before["reader_pid"] is NSNull)
      let (handed, backlog) = (before["delivered"] as? Int ?? 0, before["backlog"] as? Int ?? 0)
      #expect(backlog > 1000, "nobody read the storm: \(before)")
      #expect(try scene.json("stats.1")["delivered"] as? Int == handed)
      let verdict = try scene.json("verdict.json")
      #expect(after["delivered"] as? Int == verdict["events"] as? Int)
    }

    /// A ring of another version's layout: refused with what to do, shown as far as it is known, ended.
    @Test func anotherLayoutIsRefused() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL record -q -o a.ord --pin test-abi --leave-pinned --duration 0.1 || exit 9
        control=/sys/fs/bpf/ordinal/test-abi/control
        # The version lies at byte 264 of the control area.
        value=$(bpftool -j map dump pinned $control | grep -o '"value":[[][^]]*' | head -n 1 |
          grep -o '0x[0-9a-f]*' | awk 'NR == 265 {print "0x63"; next} {print}')
        bpftool map update pinned $control key 0 0 0 0 value $value || exit 8
        $ORDINAL record -q -o b.ord --pin test-abi --duration 0.1; echo refused=$?
        [ -e b.ord ] && echo made
        $ORDINAL stats test-abi; echo stats=$?
        $ORDINAL detach test-abi; echo detached=$?
        ls /sys/fs/bpf/ordinal 2>/dev/null; $ORDINAL stats
        """)
      #expect(result.text.contains("refused=2"), "\(result)")
      #expect(result.text.contains("layout version 99, this program reads 3: drain it with"))
      #expect(result.text.contains("or give up what is in it: ordinal detach test-abi"))
      #expect(!result.text.contains("made"))
      #expect(result.text.contains("stats=0") && result.text.contains("its layout is version 99"))
      #expect(result.text.contains("detached=0") && result.text.contains("'test-abi' is ended"))
      #expect(result.text.hasSuffix("ordinal: nothing is pinned\n"), "\(result)")
    }

    @Test func liveVerdict() throws {
      let scene = try RecordingScene()
      let result = try scene.shell(
        """
        $ORDINAL verify --live --events process,signal,sched -q --json -- \
          $WORKLOAD storm 1000 8 10 >verdict.json; echo status=$?
        """)
      #expect(result.text.contains("status=0"), "\(result)")
      // The workload writes its log to standard output too.
      let verdict = try #require(try scene.lines("verdict.json").last)
      #expect(verdict["proved"] as? Bool == true, "\(verdict)")
      #expect(verdict["offered"] as? Int == verdict["events"] as? Int)
    }
  }

  /// The same a thousand times.
  @Suite struct RecordingLongKernelTests {
    @Test func killedRecordersLoseNothing() throws { try expectNoGapAcrossKills(1000) }
  }
}

/// Kills recorders at random moments of a storm, each succeeded by another: their recordings together hold
/// each sequence once, and every loss is declared.
private func expectNoGapAcrossKills(_ count: Int) throws {
  let scene = try RecordingScene()
  let result = try scene.shell(
    """
    $ORDINAL record -q -o r.first --pin test-kill --ring-size 512KiB --leave-pinned --duration 0.1 ||
      exit 9
    $WORKLOAD storms 8 20 >log & storm=$!
    i=0
    while [ $i -lt \(count) ]; do
      $ORDINAL record -q -o r.$i --pin test-kill & recorder=$!
      # Now and then before it has begun, mostly in the middle of it.
      sleep 0.$(( RANDOM % 3 ))$(( RANDOM % 10 ))$(( RANDOM % 10 ))
      kill -KILL $recorder; wait $recorder 2>/dev/null
      [ -e r.$i ] && echo begun
      i=$((i + 1))
    done >begun
    kill $storm; wait $storm 2>/dev/null
    $ORDINAL record -q -o r.last --pin test-kill --duration 0.2; echo last=$?
    wc -l <begun | sed 's/^/begun=/'
    $ORDINAL verify r.* --json >verdict.json; echo verify=$?
    $ORDINAL verify r.* | tail -n 5
    """, seconds: 120 + Double(count))
  #expect(result.text.contains("last=0") && result.text.contains("verify=0"), "\(result)")
  let begun = try #require(
    result.text.firstMatch(of: /begun=([0-9]+)/).flatMap { Int($0.output.1) })
  #expect(begun > count / 4, "hardly a recorder came to record before it was killed")
  let verdict = try scene.json("verdict.json")
  #expect(verdict["proved"] as? Bool == true)
  let events = try #require(verdict["events"] as? Int)
  let lost = try #require(verdict["lost"] as? Int)
  // The kernel's own count from the ring's first moment on.
  #expect(verdict["offered"] as? Int == events + lost)
  #expect(verdict["first_seq"] as? Int == 0 && verdict["missing_places"] as? Int == 0)
  print("kills: \(count), \(begun) had begun; \(events) events, \(lost) declared lost")
}

/// A folder, and a mount namespace with a BPF file system of its own, in which a script runs.
private struct RecordingScene {
  let folder = try! TemporaryFolder()

  init() throws {
    guard isRoot else { throw SupportError("needs root: run ./test as root") }
  }

  /// Runs a script in bash; `$ORDINAL` and `$WORKLOAD` are the built programs.
  func shell(_ script: String, seconds: Double = 120) throws -> (status: Int32, text: String) {
    let prelude = """
      mount -t bpf bpf /sys/fs/bpf || exit 99
      mkdir -p /run/ordinal
      cd "$SCENE" || exit 98
      wait_for() {
        i=0
        while ! [ -e "$1" ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done
      }

      """
    return try run(
      "/usr/bin/unshare", ["--mount", "bash", "-c", prelude + script], seconds: seconds,
      environment: [
        "ORDINAL": try BuildFolder.program("ordinal"),
        "WORKLOAD": try BuildFolder.program("workload"), "SCENE": folder.path,
      ])
  }

  func json(_ name: String) throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }

  func lines(_ name: String) throws -> [[String: Any]] {
    try String(contentsOfFile: folder.file(name), encoding: .utf8).split(separator: "\n")
      .compactMap {
        (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
      }
  }
}
