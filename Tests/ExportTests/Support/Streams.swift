import EventExports
import EventFormats
import Foundation
import KernelEvents
import Sequencer
import SequencerABI
import TestSupport

/// Streams of records whose story is known.
enum Stream {
  static let shell = ProcessKey(pid: 40, start: 1000)
  static let child = ProcessKey(pid: 41, start: 2_000_000_000)
  static let idle = ProcessKey(pid: 0, start: 0)

  /// Numbers records one after the other, a microsecond apart.
  static func numbered(
    _ records: [RecordBuilder], from first: UInt64 = 1, at time: UInt64 = 3_000_000_000
  ) -> [RecordBuilder] {
    records.enumerated().map { index, record in
      var record = record
      record.header.sequence = first + UInt64(index)
      record.header.timestamp = time + UInt64(index) * 1000
      return record
    }
  }

  static func call(
    _ kind: EventKind, _ name: String, by process: ProcessKey, tid: UInt32? = nil,
    result: Int64 = 0
  ) -> RecordBuilder {
    let number = SyscallABI.native.number(of: name) ?? 0
    let payload =
      kind == .syscallEnter ? [UInt8](repeating: 0, count: 48) : bytesOf(result)
    return .of(
      kind, by: process, tid: tid, TestSupport.name("sh") + payload,
      flags: .detail(SyscallDetail.detail(number: number, isCompat: false)))
  }

  /// A signal that a process sends to another.
  static func signal(_ signal: UInt16, by: ProcessKey, to: ProcessKey) -> RecordBuilder {
    .of(
      .signalGenerate, by: by,
      name("sh") + bytesOf(to.pid) + bytesOf(to.pid) + bytesOf(to.start) + bytesOf(signal)
        + bytesOf(UInt8(0)) + bytesOf(UInt8(1)) + bytesOf(Int32(0)) + bytesOf(UInt32(40))
        + bytesOf(UInt32(1000)) + name("sleep"))
  }

  /// A shell makes a child, which is woken, runs `sleep` and is killed; three events are lost before that.
  static var story: [RecordBuilder] {
    var records: [RecordBuilder] = [
      call(.syscallEnter, "clone", by: shell),
      .fork(parent: shell, child: child, comm: "sh", childComm: "sh"),
      .wakeup(by: shell, of: child, isNew: true, comm: "sh", wakeeComm: "sh"),
      call(.syscallExit, "clone", by: shell, result: 41),
      .switched(from: idle, to: child, comm: "swapper/3", nextComm: "sh"),
      .exec(
        process: child, path: Array("/usr/bin/sleep".utf8), arguments: Array("sleep\09\0".utf8),
        comm: "sleep"),
      signal(9, by: shell, to: child).with(lost: [.process: 1, .signal: 2], after: 3),
      .exit(process: child, status: 9, comm: "sleep"),
      .switched(from: child, state: 0x80, to: idle, comm: "sleep", nextComm: "swapper/3"),
    ]
    for index in records.indices where records[index].header.pid == child.pid {
      records[index].header.parentPID = shell.pid
    }
    return numbered(records)
  }

  /// A record of every kind by each of some processes, in which all is random; seed 0: all is zero.
  static func random(seed: UInt64, processes: Int = 3, count: Int = 400) -> [RecordBuilder] {
    var random = SeededNumbers(state: seed &+ 1)
    let keys = (0..<processes).map {
      // Pids that are given again, and the idle task among them.
      ProcessKey(pid: UInt32($0 / 2), start: UInt64($0) * 1000)
    }
    var records: [RecordBuilder] = []
    for index in 0..<count {
      let kind = EventKind.allCases[index % EventKind.allCases.count]
      let key = keys[Int.random(in: 0..<processes, using: &random)]
      let other = keys[Int.random(in: 0..<processes, using: &random)]
      let tid = Bool.random(using: &random) ? key.pid : UInt32.random(in: 100...103, using: &random)
      let comm = text(15, &random)
      switch kind {
      case .fork:
        let isThread = Bool.random(using: &random)
        records.append(
          .fork(
            parent: key, parentTID: tid, child: isThread ? key : other,
            childTID: isThread ? UInt32.random(in: 100...103, using: &random) : other.pid,
            comm: comm, childComm: text(15, &random)))
      case .exit:
        records.append(
          .exit(
            process: key, tid: tid, status: UInt32.random(in: 0...0xFFFF, using: &random),
            flags: Bool.random(using: &random) ? .lastThread : [], comm: comm))
      case .exec:
        records.append(
          .exec(
            process: key, tid: tid, oldTID: UInt32.random(in: 100...103, using: &random),
            path: bytes(20, &random), workingDirectory: bytes(20, &random),
            arguments: bytes(40, &random), count: 3, comm: comm))
      default: records.append(self.random(kind, by: key, tid: tid, isZero: seed == 0, &random))
      }
      if index % 31 == 30, seed != 0 {
        records[index] = records[index].with(
          lost: [.scheduler: UInt32.random(in: 1...9, using: &random)])
      }
    }
    var stream = numbered(records)
    for index in stream.indices where seed % 3 == 2 {
      // Clocks that differ, and times that are not there.
      stream[index].header.timestamp =
        index % 7 == 3 ? 0 : stream[index].header.timestamp &- UInt64(index % 5) * 1500
    }
    return stream
  }

  private static func random(
    _ kind: EventKind, by key: ProcessKey, tid: UInt32, isZero: Bool,
    _ random: inout SeededNumbers
  ) -> RecordBuilder {
    guard let layout = EventLayout.of(kind) else { return .of(kind, by: key, tid: tid, []) }
    var payload = (0..<layout.size).map { _ in
      isZero ? 0 : UInt8.random(in: 0...255, using: &random)
    }
    var strings: [UInt8] = []
    for string in layout.strings {
      let count = isZero ? 0 : Int.random(in: 0...min(60, string.limit), using: &random)
      payload.replaceSubrange(
        string.lengthOffset..<string.lengthOffset + 2, with: bytesOf(UInt16(count)))
      strings += bytes(count, &random)
    }
    return .of(kind, by: key, tid: tid, payload + strings)
  }

  private static func bytes(_ count: Int, _ random: inout SeededNumbers) -> [UInt8] {
    (0..<count).map { _ in
      // Often what is special somewhere: quotes, backslashes, breaks, escapes, bad UTF-8.
      let special: [UInt8] = [0, 0x22, 0x5C, 0x0A, 0x0D, 0x1B, 0x2C, 0x2F, 0xC3, 0xA9, 0xFF]
      return Bool.random(using: &random)
        ? special[Int.random(in: 0..<special.count, using: &random)]
        : UInt8.random(in: 0...255, using: &random)
    }
  }

  private static func text(_ count: Int, _ random: inout SeededNumbers) -> String {
    String(
      (0..<Int.random(in: 0...count, using: &random)).map { _ in
        ["a", "\"", "\\", "\n", ",", "\u{1B}", "é"][Int.random(in: 0..<7, using: &random)]
      })
  }
}

/// SplitMix64: the same numbers from the same seed.
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var number = state
    number = (number ^ number >> 30) &* 0xBF58_476D_1CE4_E5B9
    number = (number ^ number >> 27) &* 0x94D0_49BB_1331_11EB
    return number ^ number >> 31
  }
}

/// A folder for one test's files; gone with the value.
final class ExportFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("ordinal-export-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: url.appendingPathComponent(name)))
  }

  var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
  }
}

/// Shows records to an export, gaps before the events that carry them.
func show<Export: EventExport & ~Copyable>(
  _ records: [RecordBuilder], to export: inout Export, clock: Int64 = 0
) throws {
  var context = FormattingContext(clock: ClockOffset(nanoseconds: clock), cgroups: nil)
  for record in records {
    let bytes = record.bytes()
    let event = try DecodedEvent(decoding: RecordView(bytes.span.raw))
    if let gap = event.gap { try export.visit(gap) }
    try export.visit(event, context: &context)
  }
}
