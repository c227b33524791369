import EventFormats
import JSONSchemaValidation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Lines for people, and lines for gaps")
struct LineFormatTests {
  /// What a format writes for `records` and `gaps`, in this order.
  private func output(
    _ format: OutputFormat, colour: Bool = false, _ records: [RecordBuilder], gaps: [Gap] = []
  ) throws -> String {
    var buffer = OutputBuffer()
    var writer = EventWriter(format, colour: colour)
    var context = FormattingContext(clock: ClockOffset(nanoseconds: 0), cgroups: nil)
    for record in records {
      try decoding(record.bytes()) { event in
        if let gap = event.gap { writer.write(gap: gap, into: &buffer) }
        writer.write(event, context: &context, into: &buffer)
      }
    }
    for gap in gaps { writer.write(gap: gap, into: &buffer) }
    writer.finish(into: &buffer)
    return String(decoding: buffer.array, as: UTF8.self)
  }

  static func story() -> [RecordBuilder] {
    let child = ProcessKey(pid: 4_194_304, start: 2_000_000_000)
    var untimed = RecordBuilder.exit(sequence: 9, status: 3 << 8, runtime: 999)
    untimed.header.timestamp = 0
    return [
      .fork(sequence: 1, child: child),
      .fork(
        sequence: 2, parentTID: 103, child: ProcessKey(pid: 100, start: 1_000_000_000),
        childTID: 104, threadStart: 1_500_000_000),
      .exec(
        sequence: 3, process: child, arguments: Array("echo\0two words\0it's\0\0".utf8), count: 4),
      .exec(sequence: 6, process: child, flags: .argumentsTruncated),
      .exit(sequence: 8, process: child, status: 0x8B, runtime: 12_345_678)
        .with(lost: [.process: 2], after: 3),
      untimed,
    ]
  }

  @Test("pretty, in full")
  func pretty() throws {
    let expected = """
      TIME (UTC)          CPU  TYPE       PID/TID       COMM             DETAIL
      00:00:05.000000000   3  fork       100          parent           child 4194304
      00:00:05.000000000   3  fork       100/103      parent           thread 104
      00:00:05.000000000   3  exec   4194304          echo             echo 'two words' 'it\\'s' ''
      00:00:05.000000000   3  exec   4194304          echo             echo hi …
      ---- 2 events lost on cpu 3 (process 2) after 2 before 7 ----
      00:00:05.000000000   3  exit   4194304          task             SIGSEGV (core), ran 12.3ms
      -                    3  exit       100          task             code 3, ran 999ns

      """
    #expect(try output(.pretty, Self.story()) == expected)
  }

  @Test("colours change nothing but the colours")
  func colour() throws {
    let plain = try output(.pretty, Self.story())
    let coloured = try output(.pretty, colour: true, Self.story())
    #expect(coloured.contains("\u{1B}[1;31m---- 2 events lost"))
    #expect(coloured.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
  }

  @Test("compact, in full")
  func compact() throws {
    let expected = """
      0 fork 100 parent: child 4194304
      1 fork 100/103 parent: thread 104
      2 exec 4194304 echo: echo 'two words' 'it\\'s' ''
      5 exec 4194304 echo: echo hi …
      gap: 2 events lost on cpu 3 (process 2) after 2 before 7
      7 exit 4194304 task: SIGSEGV (core), ran 12.3ms
      8 exit 100 task: code 3, ran 999ns

      """
    #expect(try output(.compact, Self.story()) == expected)
  }

  @Test("no hostile argument breaks a line")
  func hostileLines() throws {
    let block = Array("a\nb\u{1B}]0;x\u{7}\0\u{2028}'\n'\0".utf8)
    let records = [RecordBuilder.exec(arguments: block, count: 2)]
    #expect(
      try output(.compact, records)
        == "0 exec 100 echo: 'a\\nb\\x1b]0;x\\x07' '\\u{2028}\\'\\n\\''\n")
  }

  @Test("an exec without arguments shows its path")
  func noArguments() throws {
    let records = [RecordBuilder.exec(arguments: [], count: 0)]
    #expect(try output(.compact, records) == "0 exec 100 echo: /bin/echo\n")
  }

  @Test(
    "durations",
    arguments: [
      (UInt64(0), "0ns"), (999, "999ns"), (1000, "1.0µs"), (999_999, "999.9µs"),
      (1_000_000, "1.0ms"), (999_999_999, "999.9ms"), (1_000_000_000, "1.0s"),
      (.max, "18446744073.7s"),
    ])
  func durations(runtime: UInt64, shown: String) throws {
    #expect(
      try output(.compact, [.exit(runtime: runtime)]) == "0 exit 100 task: code 0, ran \(shown)\n")
  }

  @Test(
    "signals by name",
    arguments: [
      (UInt32(1), "SIGHUP"), (9, "SIGKILL"), (15, "SIGTERM"), (31, "SIGSYS"), (32, "SIGRTMIN"),
      (34, "SIGRTMIN+2"), (64, "SIGRTMIN+32"), (65, "SIG65"), (127, "SIG127"),
    ])
  func signals(status: UInt32, name: String) throws {
    let value = try JSONValue(parsing: line(.exit(status: status)))
    #expect(value["signal"]?.integer == Int128(status))
    #expect(value["signal_name"]?.string == name)
    #expect(value["code"] == .null)
    #expect(try SchemaValidator.shipped("event.schema.json").problems(in: value).isEmpty)
  }

  @Test("gaps of a record and of the consumer, as JSON")
  func jsonGaps() throws {
    var lost = FamilyCounts()
    lost[.process] = 4
    lost[.network] = 1
    lost[index: 13] = 2
    let lines = try output(
      .json, [.exit(sequence: 8).with(lost: [.process: 2, .test: 1], after: 3)],
      gaps: [Gap(cpu: 1, lost: lost), Gap(cpu: 2, lost: lost, afterSequence: .max - 1)]
    ).split(separator: "\n").map(String.init)
    try #require(lines.count == 4)
    #expect(
      lines[0] == """
        {"type":"gap","cpu":3,"lost":3,"by_family":{"process":2,"test":1},"after_seq":2,\
        "before_seq":7}
        """)
    #expect(
      lines[2] == """
        {"type":"gap","cpu":1,"lost":7,"by_family":{"process":4,"net":1,"family_13":2},\
        "after_seq":null,"before_seq":null}
        """)
    let schema = try SchemaValidator.shipped("event.schema.json")
    for line in lines {
      let problems = schema.problems(in: try JSONValue(parsing: line))
      #expect(problems.isEmpty, "\(problems)")
    }
  }

  @Test("events without timestamps have null for them")
  func untimed() throws {
    let value = try JSONValue(parsing: line(Self.story()[5]))
    #expect(value["ts"] == .null && value["time"] == .null)
    #expect(try SchemaValidator.shipped("event.schema.json").problems(in: value).isEmpty)
  }

  @Test("every flag of clone() is named once, and unknown bits stay in the number")
  func cloneFlags() throws {
    let record = RecordBuilder.fork(child: ProcessKey(pid: 5, start: 6), flags: .max)
    let value = try JSONValue(parsing: line(record))
    #expect(value["clone_flags"]?.integer == Int128(UInt64.max))
    guard case .array(let names)? = value["clone_flag_names"] else {
      Issue.record("no names")
      return
    }
    let flags = FlagNames.clone.entries
    #expect(names.compactMap(\.string) == flags.map(\.name.description))
    #expect(Set(names.compactMap(\.string)).count == flags.count)
    let bits = flags.map(\.bits)
    #expect(bits.allSatisfy { $0.nonzeroBitCount == 1 } && Set(bits).count == bits.count)
  }

  @Test("the schema is not a formality: a line that is changed fails it")
  func schemaRefuses() throws {
    let schema = try SchemaValidator.shipped("event.schema.json")
    for record in [Self.story()[0], Self.story()[2], .exit()] {
      guard case .object(let members) = try JSONValue(parsing: line(record)) else { return }
      #expect(schema.problems(in: .object(members)).isEmpty)
      for key in members.keys {
        var less = members
        less[key] = nil
        #expect(!schema.problems(in: .object(less)).isEmpty, "without \(key)")
        var other = members
        other[key] = .array([.bool(true)])
        #expect(!schema.problems(in: .object(other)).isEmpty, "another \(key)")
      }
      var more = members
      more["new"] = .null
      #expect(!schema.problems(in: .object(more)).isEmpty)
    }
  }

  @Test("the formats of -o are these")
  func names() {
    #expect(OutputFormat.allCases.map(\.rawValue) == ["pretty", "json", "compact", "tree"])
  }

  @Test("families are found by their names")
  func families() {
    for family in EventFamily.allCases { #expect(EventFamily(name: "\(family.name)") == family) }
    #expect(EventFamily(name: "cred") == .credentials)
    #expect(EventFamily(name: "no such") == nil)
  }
}
