import AttackCKit
import Foundation
import RingAttack
import TestSupport
import Testing

extension LiveKernelTests {
  /// A producer that is stopped between its claim and its publication, on the live kernel.
  @Suite struct StallKernelTests {
    /// Told by the program that users run.
    @Test("Later records wait, none is skipped, and the stall is told with its age and CPU")
    func toldByTheTrace() throws {
      let cpus = try onlineCPUs()
      try #require(cpus.count > 1, "a machine of one CPU has nobody to go on meanwhile")
      let (other, stalled) = (cpus[0], cpus[cpus.count - 1])
      var settings = AttackSettings()
      // Bounded, whatever becomes of this test: its CPU does nothing else meanwhile.
      settings.linger = 8_000_000_000
      let trace = try Trace(["-o", "json", "--uid", "\(settings.uid)"])
      try trace.waitUntilTracing()
      let attack = try RingAttack(on: trace.process.pid, settings)
      defer { attack.release(cpu: stalled) }

      let stall = try AttackedConsumer.asAttacker(
        ["call", "\(settings.lingeringCall)"], cpu: stalled)
      try waitUntil("the stall") { attack.counts(cpu: stalled).holding == 1 }
      let storm = try AttackedConsumer.asAttacker(["storm", "60", "4", "3"], cpu: other)
      #expect(try storm.wait() == 0)
      try waitUntil("the stall to be told") { trace.errors.contains("waiting for sequence") }
      // What lies behind waits: of the storm nothing is told yet.
      let before = try trace.output()
      #expect(attack.counts(cpu: stalled).holding == 1)
      attack.release(cpu: stalled)
      try stall.wait()
      try waitUntil("its end to be told") { trace.errors.contains(" came after ") }
      #expect(try trace.stop() == 0)

      // "waiting for sequence 3 since 1004 ms: cpu 1 claimed it …"
      let line = try #require(
        trace.errors.split(separator: "\n").first { $0.contains("waiting for sequence") })
      let words = line.split(separator: " ").map(String.init)
      let place = try #require(words.firstIndex(of: "sequence"))
      let sequence = try #require(UInt64(words[place + 1]))
      let age = try #require(UInt64(words[place + 3]))
      #expect(age >= 1000)
      #expect(line.contains(": cpu \(stalled) claimed it"), "\(line)")
      #expect(before.events.allSatisfy { $0.seq < sequence })
      let end = try #require(
        trace.errors.split(separator: "\n").first { $0.contains("came after") })
      #expect(end.contains("sequence \(sequence) came after"))
      let total = try #require(UInt64(end.split(separator: " ").dropLast().last ?? ""))
      #expect(total >= age)

      let summary = try trace.summary()
      #expect(summary.longest_stall_ns >= age * 1_000_000)
      #expect(summary.longest_stall_cpu == UInt32(stalled))
      #expect(summary.offered == summary.delivered && summary.lost == 0 && summary.missed == 0)
      let text = trace.errors
      #expect(text.contains("longest stall") && text.contains("on cpu \(stalled)"))
      // The stalled one and all that waited for it, in order.
      let lines = try trace.folder.lines("out")
      let sequences = lines.compactMap { $0["seq"] as? UInt64 }
      #expect(sequences == sequences.sorted() && Set(sequences).count == sequences.count)
      #expect(sequences.contains(sequence))
      let waited = lines.filter { ($0["seq"] as? UInt64 ?? 0) > sequence }
      #expect(waited.filter { $0["type"] as? String == "fork" }.count == 60)
      #expect(UInt64(lines.count) == summary.delivered)
    }

    /// Judged event by event, under overload of the other CPUs.
    @Test("Stalls under overload lose no record its place")
    func underOverload() throws {
      let cpus = try onlineCPUs()
      try #require(cpus.count > 1, "a machine of one CPU has nobody to go on meanwhile")
      let stalled = cpus[cpus.count - 1]
      let consumer = try AttackedConsumer(laps: 50, ["nests", "stalls"])
      for cpu in cpus.dropLast() { try consumer.addCaller(cpu: cpu, timer: 500, pause: 500) }
      try consumer.addStorms()
      var stalls = 0
      try consumer.untilRead {
        guard stalls < 2 else {
          usleep(10_000)
          return
        }
        // The call of a task that ends by itself, a second later unless its event found no room.
        let began = ContinuousClock.now
        try AttackedConsumer.asAttacker(
          ["call", "\(AttackSettings().lingeringCall)"], cpu: stalled
        ).wait()
        if ContinuousClock.now - began >= .seconds(1) { stalls += 1 }
      }
      let report = try consumer.finish()
      expectExact(report, laps: 50, "\(stalls) stalls of a second on cpu \(stalled)")
      #expect(stalls > 0)
      // The stall was met, by a consumer that had read what lay before it.
      #expect(report.longestStall > 0 && report.longestStallCPU == UInt32(stalled))
    }
  }
}

extension TemporaryFolder {
  /// The JSON objects of a file, a line each; numbers are UInt64.
  fileprivate func lines(_ name: String) throws -> [[String: Any]] {
    let text = try String(contentsOfFile: file(name), encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      var result = object ?? [:]
      if let number = result["seq"] as? NSNumber { result["seq"] = number.uint64Value }
      return result
    }
  }
}
