import EventFormats
import JSONSchemaValidation
import KernelEvents
import RingStress
import SequencerABI
import TestSupport
import Testing

/// The formats of the kinds that have a table of fields.
@Suite("Lines of every family")
struct FamilyFormatTests {
  private static let shell = ProcessKey(pid: 40, start: 1000)
  private static let sleeper = ProcessKey(pid: 41, start: 2000)

  private func lines(
    _ records: [RecordBuilder], as format: OutputFormat, accounts: AccountNames = AccountNames()
  ) throws -> [String] {
    var writer = EventWriter(format)
    var buffer = OutputBuffer()
    var context = FormattingContext(
      clock: ClockOffset(nanoseconds: 0), cgroups: nil, accounts: accounts)
    for record in records {
      try decoding(record.bytes()) { writer.write($0, context: &context, into: &buffer) }
    }
    return String(decoding: buffer.array, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static func generated(
    _ signal: UInt16, code: Int32, result: UInt8 = 0, isGroup: Bool = true
  ) -> RecordBuilder {
    .of(
      .signalGenerate, by: shell,
      name("sh") + bytesOf(sleeper.pid) + bytesOf(sleeper.pid) + bytesOf(sleeper.start)
        + bytesOf(signal) + bytesOf(result) + bytesOf(UInt8(isGroup ? 1 : 0)) + bytesOf(code)
        + bytesOf(UInt32(40)) + bytesOf(UInt32(1000)) + name("sleep"))
  }

  private static func delivered(
    _ signal: UInt16, code: Int32, isKept: Bool, address: UInt64 = 0
  ) -> RecordBuilder {
    .of(
      .signalDeliver, by: sleeper,
      name("sleep") + bytesOf(signal) + bytesOf(UInt16(isKept ? 1 : 0)) + bytesOf(code)
        + bytesOf(UInt32(40)) + bytesOf(UInt32(1000)) + bytesOf(UInt64(0)) + bytesOf(UInt64(0))
        + bytesOf(address) + bytesOf(UInt64(0)))
  }

  private static func call(
    _ number: UInt32, isCompat: Bool = false, result: Int64
  ) -> RecordBuilder {
    .of(
      .syscallExit, by: shell, name("sh") + bytesOf(result),
      flags: .detail(SyscallDetail.detail(number: number, isCompat: isCompat)))
  }

  @Test("compact lines read as they should")
  func compact() throws {
    let accounts = AccountNames(
      users: "root:x:0:0::/:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbad line\n", groups: "")
    let written = try lines(
      [
        Self.generated(9, code: 0), Self.generated(34, code: -1, result: 1, isGroup: false),
        Self.delivered(15, code: 0, isKept: true), Self.delivered(9, code: 0, isKept: false),
        Self.delivered(11, code: 1, isKept: true, address: 0xDEAD_B000),
        .switched(from: Self.shell, state: 0x402, to: Self.sleeper),
        .switched(from: Self.shell, isPreempted: true, to: ProcessKey(pid: 0, start: 0)),
        .wakeup(by: Self.shell, of: Self.sleeper),
        Self.call(SyscallABI.native.number(of: "openat") ?? 0, result: -2),
        Self.call(SyscallABI.native.number(of: "getpid") ?? 0, result: 40),
        Self.call(SyscallABI.native.number(of: "read") ?? 0, result: -512),
      ], as: .compact, accounts: accounts)
    #expect(
      written == [
        "0 signal_generate 40 sh: SIGKILL to 41 sleep SI_USER",
        "0 signal_generate 40 sh: SIGRTMIN+2 to 41 sleep (this thread) SI_QUEUE, ignored",
        "0 signal_deliver 41 sleep: SIGTERM SI_USER from 40 uid 1000(ada), default action",
        "0 signal_deliver 41 sleep: SIGKILL, default action",
        "0 signal_deliver 41 sleep: SIGSEGV SEGV_MAPERR at 0x00000000deadb000, default action",
        "0 sched_switch 40 before: I -> 41 after prio 110",
        "0 sched_switch 40 before: R+ -> idle",
        "0 sched_wakeup 40 waker: wakes 41 wakee, last on cpu 1",
        "0 syscall_exit 40 sh: openat = -2 ENOENT", "0 syscall_exit 40 sh: getpid = 40",
        "0 syscall_exit 40 sh: read = -512 ERESTARTSYS",
      ])
  }

  @Test("JSON tells what is not known as null")
  func unknown() throws {
    let line = try #require(
      try lines([Self.delivered(9, code: 0, isKept: false)], as: .json).first)
    let value = try JSONValue(parsing: line)
    #expect(value["code"] == .null && value["code_name"] == .null)
    #expect(value["sender_pid"] == .null && value["address"] == .null)
    #expect(value["signal_name"]?.string == "SIGKILL")
  }

  /// Any bytes a program may leave are told in lines that fit the schema.
  @Test("whatever a payload holds, its line fits the schema", arguments: 0..<24)
  func anyPayload(seed: Int) throws {
    var random = RandomNumbers(seed: UInt64(seed))
    let schema = try SchemaValidator.shipped("event.schema.json")
    for kind in EventKind.allCases {
      guard let layout = EventLayout.of(kind) else { continue }
      // Seed 0: all zero.
      var payload = (0..<layout.size).map { _ in
        seed == 0 ? 0 : UInt8.random(in: 0...255, using: &random)
      }
      var strings: [UInt8] = []
      for string in layout.strings {
        let count = seed == 0 ? 0 : Int.random(in: 0...string.limit, using: &random)
        payload.replaceSubrange(
          string.lengthOffset..<string.lengthOffset + 2, with: bytesOf(UInt16(count)))
        strings += (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
      let record = RecordBuilder.of(
        kind, by: Self.shell, payload + strings,
        flags: RecordFlags(
          rawValue: seed == 0 ? 0 : UInt16.random(in: 0...255, using: &random) << 4))
      let line = try #require(try lines([record], as: .json).first)
      let problems = schema.problems(in: try JSONValue(parsing: line))
      #expect(problems.isEmpty, "\(kind): \(problems) in \(line)")
      for format in [OutputFormat.pretty, .compact] {
        let text = try lines([record], as: format).joined()
        #expect(!text.unicodeScalars.contains { $0.value < 0x20 }, "\(kind)")
      }
    }
  }
}
