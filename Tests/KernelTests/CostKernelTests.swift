import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// What a trace costs where nothing happens.
  @Suite struct CostKernelTests {
    @Test func idle() throws { try expectIdle(seconds: 10) }

    @Test func startsSoon() throws {
      var times: [Duration] = []
      for _ in 0..<3 {
        let begin = ContinuousClock.now
        let trace = try Trace(["-o", "json"])
        try trace.waitUntilTracing()
        times.append(ContinuousClock.now - begin)
        try trace.stop()
      }
      // Generous: a debug build, and a machine that does other things. A release build is measured
      // by the benchmarks.
      let best = try #require(times.min())
      #expect(best < .seconds(2))
      print("start-up to tracing: \(times)")
    }

    @Test func memoryBeyondTheRing() throws {
      let trace = try Trace(["-o", "json", "--ring-size", "16MiB"])
      try trace.waitUntilTracing()
      try run(try BuildFolder.program("workload"), ["storm", "5000", "8", "5"])
      usleep(100_000)
      let pid = trace.process.pid
      let resident = try procNumber("/proc/\(pid)/smaps_rollup", "Rss") * 1024
      var ring: UInt64 = 0
      var isMap = false
      let maps = try readFile("/proc/\(pid)/smaps")
      for line in maps.split(separator: "\n") {
        let first = line.prefix { $0 != " " }
        if !first.hasSuffix(":") { isMap = line.contains("bpf-map") }
        if isMap, first == "Rss:" {
          ring += (line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0) * 1024
        }
      }
      try trace.stop()
      // Some of the ring was read, or the figure would be no difference of anything.
      #expect(ring > 1 << 20)
      #expect(resident - ring < 64 << 20)
      print("memory: \(resident >> 10) KiB resident, \(ring >> 10) KiB of them maps")
    }
  }
}

/// A parked trace of the whole machine must use less than 0.1 % of a CPU while nothing happens.
///
/// Only fifths of a second in which no event came count: a machine that does other things is not
/// idle. There must be enough of them within eight times the time.
func expectIdle(seconds: Int) throws {
  let trace = try Trace(["-o", "json"])
  try trace.waitUntilTracing()
  usleep(1_500_000)
  var idle = 0
  var used: UInt64 = 0
  var most: UInt64 = 0
  let wanted = 5 * seconds
  for _ in 0..<8 * wanted where idle < wanted {
    let before = (try cpuTime(trace.process.pid), outputSize(trace))
    usleep(200_000)
    let after = (try cpuTime(trace.process.pid), outputSize(trace))
    guard before.1 == after.1 else { continue }
    idle += 1
    used += after.0 - before.0
    most = max(most, after.0 - before.0)
  }
  try trace.stop()
  print(
    "idle: \(used / 1000) µs of CPU in \(seconds) s without an event, \(most / 1000) µs at most")
  #expect(idle == wanted, "the machine was never idle")
  #expect(Double(used) < Double(seconds) * 1e9 * 0.001)
}

/// Nanoseconds on a CPU.
private func cpuTime(_ pid: Int32) throws -> UInt64 {
  let text = try readFile("/proc/\(pid)/schedstat")
  guard let first = text.split(separator: " ").first, let time = UInt64(first) else {
    throw SupportError("no schedstat: \(text)")
  }
  return time
}

private func outputSize(_ trace: Trace) -> Int {
  let attributes = try? FileManager.default.attributesOfItem(atPath: trace.folder.file("out"))
  return attributes?[.size] as? Int ?? 0
}
