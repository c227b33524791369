import EventExports
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Export to Perfetto")
struct PerfettoExportTests {
  private func export(
    _ records: [RecordBuilder], limit: Int = 65_536, clock: Int64 = 0
  ) throws -> [UInt8] {
    let folder = try ExportFolder()
    var export = try PerfettoExport(
      ExportTarget(path: folder.path("trace")), taskLimit: limit)
    try show(records, to: &export, clock: clock)
    try export.finish()
    return try folder.bytes("trace")
  }

  private func trace(
    _ records: [RecordBuilder], limit: Int = 65_536, clock: Int64 = 0
  ) throws -> DecodedTrace {
    try DecodedTrace(try export(records, limit: limit, clock: clock))
  }

  @Test("a story: lives, what they ran, arrows, CPUs, losses")
  func story() throws {
    let trace = try trace(Stream.story, clock: 5)
    #expect(trace.problems == [])
    let slices = trace.slices.map { "\(trace.name($0.track)): \($0.depth) \($0.name)" }
    #expect(
      slices.sorted() == [
        "CPU 3: 0 sh", "process 40 sh: 0 sh", "process 41 sleep: 0 sh",
        "process 41 sleep: 1 sleep", "thread 40 sh: 0 clone",
      ])
    let exec = try #require(trace.slices.first { $0.name == "sleep" })
    #expect(exec.begin.annotation("exe")?.stringValue == "/usr/bin/sleep")
    #expect(exec.begin.annotation("args")?.arrayValues.map(\.stringValue) == ["sleep", "9"])
    #expect(exec.begin.annotation("cwd")?.stringValue == "/home/user")
    #expect(exec.begin.annotation("device.major")?.uintValue == 8)
    #expect(exec.begin.annotation("fault")?.boolValue == false)
    let life = try #require(
      trace.slices.first { trace.name($0.track).hasPrefix("process 41") && $0.depth == 0 })
    #expect(life.end.annotation("signal_name")?.stringValue == "SIGKILL")
    #expect(life.time == 3_000_001_000..<3_000_007_000)

    // Fork → the child's life → its exec; first wakeup → switch.
    let names = trace.flows.mapValues { $0.map { "\(trace.name($0.trackUuid)) \($0.name)" } }
    #expect(
      names == [
        2: ["thread 40 sh fork", "process 41 sleep sh", "process 41 sleep sleep"],
        3: ["thread 40 sh sched_wakeup_new", "CPU 3 sh"],
      ])
    #expect(
      trace.slices.first { trace.name($0.track) == "CPU 3" }?.end.annotation("state_name")?
        .stringValue == "X")

    let counters = Dictionary(
      uniqueKeysWithValues: trace.counters.map { (trace.name($0), $1) })
    #expect(
      counters == ["events lost": [0, 3, 3], "lost: process": [1], "lost: signal": [2]])
    let gap = try #require(trace.instants.first { $0.name == "gap" })
    #expect(trace.name(gap.trackUuid) == "Loss")
    #expect(gap.annotation("by_family.signal")?.uintValue == 2)
    #expect(gap.annotation("before_seq")?.uintValue == 6)

    let kill = try #require(trace.instants.first { $0.name == "signal_generate" })
    #expect(kill.categories == ["signal"])
    #expect(kill.annotation("target.pid")?.uintValue == 41)
    #expect(kill.annotation("signal_name")?.stringValue == "SIGKILL")

    let clocks = trace.packets[1].clockSnapshot.clocks.map { [UInt64($0.clockID), $0.timestamp] }
    #expect(clocks == [[3, 3_000_000_000], [1, 3_000_000_005]])
  }

  @Test("whatever comes, a reader takes it", arguments: 0..<24)
  func anything(seed: UInt64) throws {
    let records = Stream.random(seed: seed, processes: 12)
    for limit in [4, 65_536] {
      let trace = try trace(records, limit: limit)
      #expect(trace.problems == [], "limit \(limit)")
      // Each event is told somewhere, and once but for a switch, which ends one slice and begins another.
      let told = trace.packets.compactMap { packet -> UInt64? in
        guard case .trackEvent(let event) = packet.data else { return nil }
        return event.annotation("seq")?.uintValue
      }
      let quiet: Set<EventKind> = [.switched]
      let expected = records.filter { !quiet.contains(EventKind(rawValue: $0.header.kind)!) }
      let sequences = Set(told)
      #expect(expected.allSatisfy { sequences.contains($0.header.sequence - 1) })
    }
  }

  @Test("the same stream gives the same bytes")
  func deterministic() throws {
    let records = Stream.random(seed: 5, processes: 40, count: 2000)
    #expect(try export(records, limit: 8) == export(records, limit: 8))
  }

  @Test("a pid that is given again leads to another track")
  func reuse() throws {
    let second = ProcessKey(pid: 41, start: 9_000_000_000)
    let records = Stream.numbered([
      .fork(parent: Stream.shell, child: Stream.child), .exit(process: Stream.child),
      .fork(parent: Stream.shell, child: second), .exit(process: second),
    ])
    let trace = try trace(records)
    #expect(trace.problems == [])
    let tracks = trace.tracks.values.filter { $0.process.pid == 41 }
    #expect(tracks.count == 2)
    #expect(trace.slices.filter { slice in tracks.contains { $0.uuid == slice.track } }.count == 2)
  }

  @Test("threads have lives of their own, and what follows a process's end is told")
  func threads() throws {
    let records = Stream.numbered([
      .fork(parent: Stream.shell, child: Stream.shell, childTID: 77, childComm: "worker"),
      Stream.call(.syscallEnter, "read", by: Stream.shell, tid: 77),
      .exit(process: Stream.shell, tid: 40, flags: [], comm: "sh"),
      .exit(process: Stream.shell, tid: 77, comm: "worker"),
      Stream.signal(17, by: Stream.shell, to: Stream.child),
    ])
    let trace = try trace(records)
    #expect(trace.problems == [])
    let slices = trace.slices.map { "\(trace.name($0.track)): \($0.depth) \($0.name)" }
    #expect(
      slices.sorted() == [
        "process 40 worker: 0 parent", "thread 77 sh: 0 thread", "thread 77 sh: 1 read",
      ])
    #expect(trace.instants.map(\.name) == ["fork", "exit", "signal_generate"])
    // The process is not made anew by what comes behind its exit.
    #expect(trace.slices.filter { trace.name($0.track).hasPrefix("process 40") }.count == 1)
  }

  @Test("an event's time is never below that of the one before")
  func times() throws {
    var records = Stream.numbered([
      .fork(parent: Stream.shell, child: Stream.child), .exec(process: Stream.child),
      .exit(process: Stream.child),
    ])
    records[1].header.timestamp = 2_999_999_990
    records[2].header.timestamp = .max
    let trace = try trace(records)
    #expect(trace.problems == [])
    let exec = try #require(trace.slices.first { $0.name == "echo" })
    #expect(exec.time.lowerBound == 3_000_000_000)
    #expect(exec.begin.annotation("ts")?.uintValue == 2_999_999_990)
    #expect(exec.time.upperBound == UInt64(Int64.max))
  }

  @Test("without timestamps the order is told, a nanosecond an event, and no wall clock")
  func noTimes() throws {
    var records = Stream.story
    for index in records.indices { records[index].header.timestamp = 0 }
    let trace = try trace(records, clock: 5)
    #expect(trace.problems == [])
    #expect(trace.packets[1].clockSnapshot.clocks.map(\.clockID) == [3])
    let times = trace.packets.compactMap { $0.trackEvent.hasType ? $0.timestamp : nil }
    #expect(Set(times).count == records.count)
  }

  @Test("a stream of nothing, and one of nothing but gaps")
  func empty() throws {
    #expect(try trace([]).problems == [])
    let folder = try ExportFolder()
    var export = try PerfettoExport(ExportTarget(path: folder.path("trace")))
    var lost = FamilyCounts()
    lost[.process] = 2
    for cpu in 0..<3000 { try export.visit(Gap(cpu: UInt32(cpu), lost: lost)) }
    try export.finish()
    let trace = try DecodedTrace(try folder.bytes("trace"))
    #expect(trace.problems == [])
    #expect(trace.counters.values.compactMap(\.last) == [6000, 6000])
    #expect(trace.instants.count == 3000)
  }
}
