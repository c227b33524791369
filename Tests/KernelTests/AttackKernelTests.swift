import Foundation
import RingAttack
import TestSupport
import Testing

extension LiveKernelTests {
  /// The smallest ring, more events than any consumer reads, and a consumer that is disturbed: of what was
  /// lost, every gap is where the events themselves say it is.
  @Suite struct AttackKernelTests {
    static let laps = 100

    @Test("by tasks alone, and with interrupts on top of them", arguments: [false, true])
    func overload(nests: Bool) throws {
      try AttackKernelTests.overload(laps: Self.laps, nests: nests)
    }
    @Test("with losses collected while the ring is empty")
    func collecting() throws { try AttackKernelTests.collecting(laps: Self.laps) }
    @Test("with a consumer that is stopped and continued at random")
    func pausing() throws {
      try AttackKernelTests.pausing(laps: Self.laps, seed: UInt64.random(in: 0..<1 << 32))
    }
    @Test("with a consumer that runs when nobody else wants to", arguments: [19, 20])
    func niced(_ level: Int) throws { try AttackKernelTests.niced(level, laps: Self.laps) }
    @Test("with a consumer on the CPU that produces most")
    func pinned() throws { try AttackKernelTests.pinned(laps: Self.laps) }
    @Test("with CPUs that go and come")
    func hotplug() throws { try AttackKernelTests.hotplug(laps: Self.laps, most: 8) }

    static func overload(laps: Int, nests: Bool) throws {
      let consumer = try AttackedConsumer(laps: laps, nests ? ["nests"] : [])
      for cpu in try onlineCPUs() { try consumer.addCaller(cpu: cpu, timer: 200) }
      try consumer.addStorms()
      try consumer.untilRead { usleep(10_000) }
      let report = try consumer.finish()
      expectExact(report, laps: laps, nests ? "overload with interrupts" : "overload by tasks")
      // Contexts did nest, and what they wrote inside another one's attempt was read.
      #expect(nests == (report.insideSlot > 0) && nests == (report.nested > 0))
      // Alone on its CPU, a loss is bounded by the very record before it.
      if !nests { #expect(report.looseGaps == 0 && report.settled == report.events) }
    }

    static func collecting(laps: Int) throws {
      // Without timers and softirqs: a CPU that falls silent after a loss has none to tell of it.
      let consumer = try AttackedConsumer(laps: laps, ["collects"])
      // Bursts with quiet between them, in which the ring runs empty.
      for cpu in try onlineCPUs() { try consumer.addCaller(cpu: cpu, pause: 20_000) }
      try consumer.untilRead {
        try AttackedConsumer.asAttacker(["storm", "20", "4", "5"]).wait()
        usleep(20_000)
      }
      let report = try consumer.finish()
      expectExact(report, laps: laps, "collecting")
      #expect(report.residual > 0)
    }

    static func pausing(laps: Int, seed: UInt64) throws {
      print("pausing: seed \(seed)")
      var random = SeededNumbers(seed: seed)
      let consumer = try AttackedConsumer(laps: laps, ["nests"])
      for cpu in try onlineCPUs() { try consumer.addCaller(cpu: cpu, timer: 500, pause: 200) }
      try consumer.addStorms()
      var pauses = 0
      try consumer.untilRead {
        consumer.process.send(SIGSTOP)
        usleep(UInt32.random(in: 100...40_000, using: &random))
        consumer.process.send(SIGCONT)
        usleep(UInt32.random(in: 100...40_000, using: &random))
        pauses += 1
      }
      let report = try consumer.finish()
      expectExact(report, laps: laps, "paused \(pauses) times, seed \(seed)")
      #expect(pauses > 1)
    }

    /// Level 20 stands for SCHED_IDLE.
    static func niced(_ level: Int, laps: Int) throws {
      let wrapper =
        level == 20 ? ["/usr/bin/chrt", "--idle", "0"] : ["/usr/bin/nice", "-n", "\(level)"]
      let consumer = try AttackedConsumer(laps: laps, ["nests"], wrapper: wrapper)
      // Without pauses of the others a consumer of this class would get no time at all.
      for cpu in try onlineCPUs() { try consumer.addCaller(cpu: cpu, timer: 500, pause: 3000) }
      try consumer.addStorms()
      try consumer.untilRead { usleep(10_000) }
      expectExact(try consumer.finish(), laps: laps, level == 20 ? "SCHED_IDLE" : "nice \(level)")
    }

    static func pinned(laps: Int) throws {
      let cpus = try onlineCPUs()
      let busiest = try #require(cpus.last)
      let consumer = try AttackedConsumer(
        laps: laps, ["nests"], wrapper: ["/usr/bin/taskset", "-c", "\(busiest)"])
      for cpu in cpus.dropLast() { try consumer.addCaller(cpu: cpu, pause: 20_000) }
      for _ in 0..<2 { try consumer.addCaller(cpu: busiest, timer: 500, pause: 500) }
      try consumer.addStorms()
      try consumer.untilRead { usleep(10_000) }
      let report = try consumer.finish()
      expectExact(report, laps: laps, "pinned to cpu \(busiest)")
      let most = report.attempts.indices.max { report.attempts[$0] < report.attempts[$1] }
      #expect(most == busiest)
    }

    static func hotplug(laps: Int, most: Int) throws {
      guard let hotplug = try HotplugCPU() else {
        // No pass, and no failure of the ring either: this line is the result.
        print("NOT RUN: this machine lets no CPU go offline; nothing was shown about that here")
        return
      }
      defer { hotplug.restore() }
      let consumer = try AttackedConsumer(laps: laps, ["nests"])
      for _ in try onlineCPUs() { try consumer.addCaller(cpu: -1, timer: 500, pause: 200) }
      try consumer.addStorms()
      var times = 0
      try consumer.untilRead {
        if times < most {
          try hotplug.set(online: false)
          usleep(30_000)
          try hotplug.set(online: true)
          times += 1
        }
        usleep(60_000)
      }
      let report = try consumer.finish()
      expectExact(report, laps: laps, "cpu \(hotplug.cpu) offline \(times) times")
      #expect(times > 0)
      // It did produce, before, between or after.
      #expect(report.attempts[hotplug.cpu] > 0)
    }
  }

  /// The same in full length.
  @Suite struct AttackLongKernelTests {
    static let laps = 2000

    @Test(arguments: [false, true])
    func overload(nests: Bool) throws {
      try AttackKernelTests.overload(laps: Self.laps, nests: nests)
    }
    @Test func collecting() throws { try AttackKernelTests.collecting(laps: Self.laps) }
    @Test(arguments: 1...3)
    func pausing(round: UInt64) throws {
      try AttackKernelTests.pausing(laps: Self.laps / 2, seed: round &* 0x9E37_79B9)
    }
    @Test(arguments: [19, 20])
    func niced(_ level: Int) throws { try AttackKernelTests.niced(level, laps: Self.laps / 2) }
    @Test func pinned() throws { try AttackKernelTests.pinned(laps: Self.laps) }
    @Test func hotplug() throws { try AttackKernelTests.hotplug(laps: Self.laps / 2, most: 60) }
  }
}

/// CPUs that are online now.
func onlineCPUs() throws -> [Int] {
  let text = try readFile("/sys/devices/system/cpu/online")
  return text.split(whereSeparator: { $0 == "," || $0 == "\n" }).flatMap { range -> [Int] in
    let ends = range.split(separator: "-").compactMap { Int($0) }
    return ends.isEmpty ? [] : Array(ends[0]...ends[ends.count - 1])
  }
}

/// SplitMix64: a test that draws says its seed.
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// A CPU that may be taken offline. It is brought back in any case: by a process of its own, should the
/// test die.
final class HotplugCPU {
  let cpu: Int
  private var file: String { "/sys/devices/system/cpu/cpu\(cpu)/online" }
  private let pipe: (read: Int32, write: Int32)
  private let guardian: ChildProcess
  private var isRestored = false

  /// The last CPU, if it can go; nil where the machine has none that can.
  init?() throws {
    guard let last = try onlineCPUs().last, last > 0 else { return nil }
    let path = "/sys/devices/system/cpu/cpu\(last)/online"
    guard FileManager.default.isWritableFile(atPath: path) else { return nil }
    cpu = last
    pipe = try makePipe()
    guardian = try ChildProcess(
      "/bin/sh", ["-c", "read line; echo 1 > \(path)"], input: .descriptor(pipe.read))
    closeDescriptor(pipe.read)
    // Whether it really can.
    do {
      try set(online: false)
      try set(online: true)
    } catch {
      restore()
      return nil
    }
  }

  func set(online: Bool) throws {
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
    try handle.write(contentsOf: Data((online ? "1" : "0").utf8))
    try handle.close()
  }

  /// Brings the CPU back, and sees that it is.
  func restore() {
    guard !isRestored else { return }
    isRestored = true
    try? set(online: true)
    closeDescriptor(pipe.write)
    _ = try? guardian.wait()
    #expect((try? readFile(file)) == "1\n")
  }

  deinit { restore() }
}
