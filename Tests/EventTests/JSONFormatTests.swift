import EventFormats
import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

/// The line of one record, as the format writes it.
func line(
  _ record: RecordBuilder, _ format: OutputFormat = .json, clock: Int64 = 0
) throws -> String {
  var buffer = OutputBuffer()
  var writer = EventWriter(format)
  var context = FormattingContext(clock: ClockOffset(nanoseconds: clock), cgroups: nil)
  try decoding(record.bytes()) { writer.write($0, context: &context, into: &buffer) }
  return String(decoding: buffer.array, as: UTF8.self)
}

/// The line of one record, parsed.
func object(_ record: RecordBuilder) throws -> [String: Any] {
  let parsed = try JSONSerialization.jsonObject(with: Data(line(record).utf8))
  return try #require(parsed as? [String: Any])
}

@Suite("JSON lines")
struct JSONFormatTests {
  @Test("a fork's line, byte for byte")
  func fork() throws {
    var record = RecordBuilder.fork(
      sequence: 8, child: ProcessKey(pid: 101, start: 2_000_000_000), flags: 0x4100)
    record.header.timestamp = 5_000_000_007
    let expected = """
      {"seq":7,"ts":5000000007,"time":"1970-01-01T00:00:05.000000007Z","cpu":3,"type":"fork",\
      "pid":100,"tid":100,"start":1000000000,"ppid":1,"uid":1000,"comm":"parent","cgroup":null,\
      "cgroup_id":1,"child":{"pid":101,"tid":101,"start":2000000000,"tid_start":2000000000,\
      "comm":"child","thread":false},"clone_flags":16640,\
      "clone_flag_names":["CLONE_VM","CLONE_VFORK"]}

      """
    #expect(try line(record) == expected)
  }

  @Test("an exec's line, byte for byte")
  func exec() throws {
    var before = Credentials()
    before.uid = 1000
    before.gid = 1001
    before.effectiveUID = 1002
    before.effectiveGID = 1003
    var after = before
    after.gid = 5
    after.effectiveUID = 0
    after.permitted = 0x1FF_FFFF_FFFF
    after.effective = 1
    let record = RecordBuilder.exec(
      oldTID: 102, flags: .credentialsBefore, before: before, after: after)
    let expected = """
      {"seq":0,"ts":5000000000,"time":"1970-01-01T00:00:05.000000000Z","cpu":3,"type":"exec",\
      "pid":100,"tid":100,"start":1000000000,"ppid":1,"uid":1000,"comm":"echo","cgroup":null,\
      "cgroup_id":1,"exe":"/bin/echo","args":["echo","hi"],"truncated":false,"old_tid":102,\
      "cwd":"/home/user","gid":5,"before":{"uid":1000,"gid":1001,"euid":1002,"egid":1003,\
      "cap_permitted":"0x0000000000000000","cap_effective":"0x0000000000000000"},\
      "after":{"uid":1000,"gid":5,"euid":0,"egid":1003,"cap_permitted":"0x000001ffffffffff",\
      "cap_effective":"0x0000000000000001"},"inode":42,"device":{"major":8,"minor":1},\
      "fault":false}

      """
    #expect(try line(record) == expected)
  }

  @Test("an exit's line, byte for byte")
  func exit() throws {
    let expected = """
      {"seq":0,"ts":5000000000,"time":"1970-01-01T00:00:05.000000000Z","cpu":3,"type":"exit",\
      "pid":100,"tid":100,"start":1000000000,"ppid":1,"uid":1000,"comm":"task","cgroup":null,\
      "cgroup_id":1,"code":3,"signal":null,"signal_name":null,"core":false,"last_thread":true,\
      "runtime_ns":1234}

      """
    #expect(try line(.exit(status: 3 << 8)) == expected)
  }
}
