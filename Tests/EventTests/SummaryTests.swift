import EventFormats
import JSONSchemaValidation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("The summary of a run")
struct SummaryTests {
  private func full() -> Summary {
    var summary = Summary()
    summary.offered = 1237
    summary.delivered = 1234
    summary.lost = 2
    summary.missed = 1
    summary.filtered = 5
    summary.gaps = 1
    summary.lostByFamily[.process] = 2
    summary.orderingViolations = 3
    summary.causalityViolations = 4
    summary.longestStall = 5678
    summary.longestStallCPU = 3
    summary.duration = 2_000_000_000
    summary.missedByProgram = ["on_fork": 1, "on_\"x\"": 0]
    summary.forks = 400
    summary.execs = 401
    summary.exits = 433
    summary.lostByCPU = [10: 1, 2: 1]
    summary.lostByCPUAndFamily = [10: summary.lostByFamily, 2: FamilyCounts()]
    summary.lostByCPUAndFamily?[2]?[.signal] = 3
    summary.lostByCause = Summary.LossCauses(ringFull: 1, unwritten: 1, unreadable: 0)
    summary.followFailures = 6
    summary.reason = "signal"
    return summary
  }

  private func json(_ summary: Summary) -> String {
    var buffer = OutputBuffer()
    summary.writeJSON(into: &buffer)
    return String(decoding: buffer.array, as: UTF8.self)
  }

  private func text(_ summary: Summary) -> String {
    var buffer = OutputBuffer()
    summary.writeText(into: &buffer)
    return String(decoding: buffer.array, as: UTF8.self)
  }

  @Test("as JSON, in full")
  func fullJSON() {
    #expect(
      json(full()) == """
        {"offered":1237,"delivered":1234,"lost":2,"missed":1,"filtered":5,"gaps":1,\
        "lost_by_family":{"process":2},"ordering_violations":3,"causality_violations":4,\
        "longest_stall_ns":5678,"longest_stall_cpu":3,"duration_ns":2000000000,"events_per_second":617,\
        "missed_by_program":{"on_\\"x\\"":0,"on_fork":1},"forks":400,"execs":401,"exits":433,\
        "lost_by_cpu":{"2":1,"10":1},\
        "lost_by_cpu_and_family":{"2":{"signal":3},"10":{"process":2}},\
        "lost_by_cause":{"ring_full":1,"unwritten":1,"unreadable":0},"follow_failures":6,"reason":"signal"}

        """)
  }

  @Test("as JSON, with nothing but what is always there")
  func leastJSON() {
    #expect(
      json(Summary()) == """
        {"offered":0,"delivered":0,"lost":0,"missed":0,"filtered":0,"gaps":0,\
        "lost_by_family":{"process":0},"ordering_violations":0,"causality_violations":0,\
        "longest_stall_ns":0,"longest_stall_cpu":null,"duration_ns":0,"events_per_second":0}

        """)
  }

  @Test("fits its schema, and the schema refuses what is changed")
  func schema() throws {
    let schema = try SchemaValidator.shipped("summary.schema.json")
    for summary in [full(), Summary()] {
      let value = try JSONValue(parsing: json(summary))
      #expect(schema.problems(in: value).isEmpty, "\(schema.problems(in: value))")
      guard case .object(let members) = value else { return }
      for key in members.keys {
        var other = members
        other[key] = .number(1.5)
        #expect(!schema.problems(in: .object(other)).isEmpty, "\(key)")
      }
      var more = members
      more["new"] = .integer(1)
      #expect(!schema.problems(in: .object(more)).isEmpty)
    }
    guard case .object(let least) = try JSONValue(parsing: json(Summary())) else { return }
    for key in least.keys {
      var less = least
      less[key] = nil
      #expect(!schema.problems(in: .object(less)).isEmpty, "\(key)")
    }
  }

  @Test("as text, in full")
  func fullText() {
    #expect(
      text(full()) == """
        ordinal: 1234 of 1237 events delivered, 2 lost, 1 missed, 5 filtered; 3 ordering and 4 \
        causality violations
        ordinal: 617 events/s over 2.0s, longest stall 5.6µs on cpu 3; 400 forks; 401 execs; \
        433 exits
        ordinal: lost in 1 gaps (process 2, cpu 2: 1, cpu 10: 1)
        ordinal: 1 of the lost events were read and could not be written
        ordinal: the kernel skipped on_fork 1 times
        ordinal: 6 tasks could not be followed: the map was full
        ordinal: ended: signal

        """)
  }

  @Test("as text, where nothing went wrong, it is two lines")
  func leastText() {
    #expect(text(Summary()).split(separator: "\n").count == 2)
  }

  @Test("says so where the figures don't add up")
  func conservation() {
    var summary = full()
    #expect(summary.isConserved)
    summary.offered += 1
    #expect(!summary.isConserved)
    #expect(text(summary).contains("don't add up"))
  }

  @Test("events per second don't overflow")
  func rate() {
    var summary = Summary()
    summary.delivered = .max
    summary.duration = 1
    #expect(summary.eventsPerSecond == .max)
    summary.duration = 1_000_000_000
    #expect(summary.eventsPerSecond == .max)
    summary.delivered = 1 << 60
    summary.duration = 3_600_000_000_000
    #expect(summary.eventsPerSecond == (1 << 60) / 3600)
  }
}
