import KernelEvents
import Sequencer
import SequencerABI
import TestSupport
import Testing

@Suite("Decoding records")
struct DecodedEventTests {
  @Test("the offsets of names are those of the layouts")
  func offsets() {
    let (parent, child) = (
      MemoryLayout<ForkPayload>.offset(of: \.parentComm),
      MemoryLayout<ForkPayload>.offset(of: \.childComm)
    )
    #expect(parent == DecodedEvent.Offset.forkParentComm)
    #expect(child == DecodedEvent.Offset.forkChildComm)
    #expect(MemoryLayout<ExitPayload>.offset(of: \.comm) == DecodedEvent.Offset.exitComm)
    #expect(MemoryLayout<ExecPayload>.offset(of: \.comm) == DecodedEvent.Offset.execComm)
    #expect(MemoryLayout<GapBlock>.offset(of: \.total) == DecodedEvent.Offset.gapTotal)
    #expect(MemoryLayout<GapBlock>.offset(of: \.lost) == DecodedEvent.Offset.gapLost)
    #expect(MemoryLayout<TaskComm>.size == DecodedEvent.Offset.commSize)
    #expect(MemoryLayout<ExecPayload>.size == 120)
  }

  @Test("every field of a header")
  func header() throws {
    var record = RecordBuilder(kind: .test, sequence: 12)
    record.header.flags = RecordFlags([.thread, .fault]).rawValue
    record.header.lostBefore = 9
    try decoding(record.bytes()) { event in
      #expect(event.sequence == 11)
      #expect(event.header.sequence == 12)
      #expect(event.timestamp == 5_000_000_000)
      #expect(event.kind == .test)
      #expect(event.family == .test)
      #expect(event.header.cpu == 3)
      #expect(event.flags == [.thread, .fault])
      #expect(event.header.lostBefore == 9)
      #expect(event.header.pid == 100)
      #expect(event.header.tid == 100)
      #expect(event.process == ProcessKey(pid: 100, start: 1_000_000_000))
      #expect(event.header.cgroup == 1)
      #expect(event.header.uid == 1000)
      #expect(event.header.parentPID == 1)
      #expect(event.gap == nil)
      let (isFork, isExec, isExit) = (event.fork != nil, event.exec != nil, event.exit != nil)
      #expect(!isFork && !isExec && !isExit)
    }
    record.header.timestamp = 0
    try decoding(record.bytes()) { #expect($0.timestamp == nil) }
  }

  @Test("every field of a fork")
  func fork() throws {
    let record = RecordBuilder.fork(
      child: ProcessKey(pid: 7, start: 70), childTID: 8, threadStart: 80, flags: 0x1_0000_0100,
      comm: "fifteen-bytes-n", childComm: "")
    try decoding(record.bytes()) { event in
      let found = event.fork
      let fork = try #require(found)
      #expect(fork.child == ProcessKey(pid: 7, start: 70))
      #expect(fork.childTID == 8)
      #expect(fork.childThreadStart == 80)
      #expect(fork.cloneFlags == 0x1_0000_0100)
      #expect(fork.isThread)
      #expect(event.comm.text == "fifteen-bytes-n")
      #expect(event.childComm.text == "")
    }
  }

  @Test("every field of an exit")
  func exit() throws {
    let record = RecordBuilder.exit(
      tid: 105, threadStart: 33, status: 0x8B, flags: [.lastThread, .groupExit], runtime: 44)
    try decoding(record.bytes()) { event in
      let found = event.exit
      let exit = try #require(found)
      #expect(exit.status == WaitStatus(rawValue: 0x8B))
      #expect(exit.flags == [.lastThread, .groupExit])
      #expect(exit.threadStart == 33)
      #expect(exit.runtime == 44)
      #expect(event.comm.text == "task")
    }
  }

  @Test("every field of an exec")
  func exec() throws {
    var after = Credentials()
    after.uid = 1
    after.gid = 2
    after.effectiveUID = 3
    after.effectiveGID = 4
    after.permitted = 5
    after.effective = 6
    let record = RecordBuilder.exec(
      oldTID: 99, path: Array("/bin/echo\0".utf8), flags: .credentialsBefore, after: after)
    try decoding(record.bytes()) { event in
      guard let exec = event.exec else {
        Issue.record("no exec")
        return
      }
      #expect(exec.payload.oldTID == 99)
      #expect(exec.payload.inode == 42)
      #expect(exec.payload.device == 8 << 20 | 1)
      #expect(exec.payload.after.uid == 1)
      #expect(exec.payload.after.gid == 2)
      #expect(exec.payload.after.effectiveUID == 3)
      #expect(exec.payload.after.effectiveGID == 4)
      #expect(exec.payload.after.permitted == 5)
      #expect(exec.payload.after.effective == 6)
      let before = exec.before
      #expect(before?.uid == 0)
      #expect(exec.path.text == "/bin/echo")
      let isTruncated = exec.isTruncated
      #expect(!isTruncated)
      #expect(event.comm.text == "echo")
    }
    try decoding(RecordBuilder.exec().bytes()) { event in
      let isKnown = event.exec?.before != nil
      #expect(!isKnown)
    }
  }

  static let argumentCases: [(block: String, count: UInt32, expected: [String], cut: Bool)] = [
    ("", 0, [], false), ("", 1, [], true), ("\0", 1, [""], false), ("a\0", 1, ["a"], false),
    ("a\0b\0", 2, ["a", "b"], false), ("a\0\0b\0", 3, ["a", "", "b"], false),
    ("a\0b", 2, ["a", "b"], false), ("a\0b", 3, ["a", "b"], true),
    ("a\0b\0c\0", 2, ["a", "b"], false), ("no nul", 4, ["no nul"], true),
    ("a\0", .max, ["a"], true), ("a\0", 0, [], false),
  ]

  @Test("arguments, counted and separated", arguments: argumentCases)
  func arguments(block: String, count: UInt32, expected: [String], cut: Bool) throws {
    let record = RecordBuilder.exec(arguments: Array(block.utf8), count: count)
    try decoding(record.bytes()) { event in
      let found = arguments(of: event)
      #expect(found == expected)
      let isTruncated = event.exec?.isTruncated
      #expect(isTruncated == cut)
    }
  }

  @Test(
    "an exec is truncated where a flag says so",
    arguments: [
      (ExecFlags.pathTruncated, true), (.argumentsTruncated, true),
      (.workingDirectoryTruncated, false), (.credentialsBefore, false),
    ])
  func truncated(flags: ExecFlags, expected: Bool) throws {
    try decoding(RecordBuilder.exec(flags: flags).bytes()) {
      let isTruncated = $0.exec?.isTruncated
      #expect(isTruncated == expected)
    }
  }

  static let directoryCases: [(block: String, cut: Bool, expected: String?)] = [
    ("", false, nil), ("/\0", false, "/"), ("\0", false, "/"), ("a\0", false, "/a"),
    ("b\0a\0", false, "/a/b"), ("b\0a\0/\0", false, "/a/b"), ("b\0a\0", true, "…/a/b"),
    ("b\0a\0roo", false, "…/a/b"), ("b\0a\0roo", true, "…/a/b"), ("abc", true, "…"),
    ("/\0", true, "…"),
  ]

  @Test("a working directory is joined from the root to the leaf", arguments: directoryCases)
  func workingDirectory(block: String, cut: Bool, expected: String?) throws {
    let record = RecordBuilder.exec(
      workingDirectory: Array(block.utf8), flags: cut ? .workingDirectoryTruncated : [])
    try decoding(record.bytes()) { event in
      var joined: [UInt8] = []
      guard let exec = event.exec else {
        Issue.record("no exec")
        return
      }
      if let directory = exec.workingDirectory {
        directory.append(to: &joined)
        #expect(String(decoding: joined, as: UTF8.self) == expected)
      } else {
        #expect(expected == nil)
      }
    }
  }

  @Test(
    "a status tells code, signal and core",
    arguments: [
      (UInt32(0), UInt8?(0), UInt8?.none, false), (0x0300, 3, nil, false),
      (0xFF00, 255, nil, false),
      (0x0009, nil, 9, false), (0x008B, nil, 11, true), (0xFFFF_0100, 1, nil, false),
    ])
  func status(raw: UInt32, code: UInt8?, signal: UInt8?, core: Bool) {
    let status = WaitStatus(rawValue: raw)
    #expect(status.code == code)
    #expect(status.signal == signal)
    #expect(status.dumpedCore == core)
  }

  @Test("a gap block becomes a gap before its event")
  func gap() throws {
    var record = RecordBuilder.exit(sequence: 50).with(lost: [.process: 3, .test: 4], after: 40)
    try decoding(record.bytes()) { event in
      let found = event.gap
      let gap = try #require(found)
      #expect(gap.cpu == 3)
      #expect(gap.total == 7)
      #expect(gap.lost[.process] == 3)
      #expect(gap.lost[.test] == 4)
      #expect(gap.lost[.file] == 0)
      #expect(gap.afterSequence == 39)
      #expect(gap.beforeSequence == 49)
      #expect(event.exit?.runtime == 1234)
    }
    for after: UInt64 in [0, 50, 51, .max] {
      record = RecordBuilder.exit(sequence: 50).with(lost: [.process: 1], after: after)
      try decoding(record.bytes()) { #expect($0.gap?.afterSequence == nil) }
    }
    record = RecordBuilder.exit().with(lost: [:], after: 1)
    try decoding(record.bytes()) { #expect($0.gap == nil) }
  }

  private func arguments(of event: DecodedEvent) -> [String] {
    var found: [String] = []
    guard let exec = event.exec else { return ["no exec"] }
    var arguments = exec.arguments
    while let argument = arguments.next() { found.append(argument.text) }
    return found
  }
}

@Suite("Records that are no events")
struct HostileRecordTests {
  /// Bytes of `record` with `value` written at `offset`.
  private func changed<T: BitwiseCopyable>(
    _ record: RecordBuilder, at offset: Int, to value: T
  ) -> [UInt8] {
    var bytes = record.bytes()
    bytes.replaceSubrange(offset..<offset + MemoryLayout<T>.size, with: bytesOf(value))
    return bytes
  }

  private func failure(of bytes: [UInt8]) -> DecodingError? {
    do throws(DecodingError) {
      _ = try DecodedEvent(decoding: RecordView(bytes.span.raw))
      return nil
    } catch {
      return error
    }
  }

  @Test("a span that isn't the record's", arguments: [UInt16(0), 2, 48, 49, .max])
  func span(span: UInt16) {
    let bytes = changed(.exit(), at: 18, to: span)
    #expect(failure(of: bytes) == .span(declared: span, slots: 1))
  }

  @Test("bytes that are not whole slots, or too many")
  func size() {
    let bytes = RecordBuilder.exit().bytes()
    #expect(failure(of: bytes + [0]) == .span(declared: 1, slots: 1))
    var long = RecordBuilder.exit()
    long.payload += [UInt8](repeating: 0, count: 128 * 48)
    #expect(failure(of: long.bytes()) == .span(declared: 49, slots: 49))
  }

  @Test("a sequence of 0")
  func unpublished() {
    #expect(failure(of: changed(.exit(), at: 0, to: UInt64(0))) == .unpublished)
  }

  @Test("a payload that runs over its record", arguments: [UInt32(65), 128, .max])
  func overrun(length: UInt32) {
    let bytes = changed(.exit(), at: 28, to: length)
    #expect(failure(of: bytes) == .payloadOverrun(length: length, room: 64))
  }

  @Test("a payload that runs into the gap block")
  func overrunIntoGap() {
    let record = RecordBuilder.exit().with(lost: [.process: 1])
    #expect(failure(of: record.bytes()) == nil)
    let bytes = changed(record, at: 28, to: UInt32(65))
    #expect(failure(of: bytes) == .payloadOverrun(length: 65, room: 64))
  }

  @Test("a gap flag without room for the block")
  func gapWithoutRoom() {
    let bytes = changed(.exit(), at: 22, to: RecordFlags.gap.rawValue)
    #expect(failure(of: bytes) == .span(declared: 1, slots: 1))
  }

  @Test("a gap block whose total is another")
  func gapTotal() {
    let bytes = changed(.exit().with(lost: [.process: 5]), at: 128 + 8, to: UInt64(6))
    #expect(failure(of: bytes) == .gapTotal(declared: 6, sum: 5))
  }

  @Test("a kind that isn't known", arguments: [UInt16(0), 0x0104, 0x02FF, 0x1001, .max])
  func unknownKind(kind: UInt16) {
    #expect(failure(of: changed(.exit(), at: 16, to: kind)) == .unknownKind(kind))
  }

  @Test("a payload shorter than its kind's")
  func short() {
    let bytes = changed(.exit(), at: 28, to: UInt32(55))
    #expect(failure(of: bytes) == .payloadTooShort(kind: 0x0103, length: 55, required: 56))
    let fork = changed(.fork(child: ProcessKey(pid: 1, start: 1)), at: 28, to: UInt32(63))
    #expect(failure(of: fork) == .payloadTooShort(kind: 0x0101, length: 63, required: 64))
    let exec = changed(.exec(), at: 28, to: UInt32(119))
    #expect(failure(of: exec) == .payloadTooShort(kind: 0x0102, length: 119, required: 120))
  }

  @Test("strings of an exec that run over or past their limits")
  func strings() {
    // "/bin/echo" (9), "user\0home\0" (10), "echo\0hi\0" (8): 27 bytes.
    #expect(
      failure(of: changed(.exec(), at: 64 + 24, to: UInt16(10)))
        == .strings(path: 10, workingDirectory: 10, arguments: 8, room: 27))
    #expect(
      failure(of: changed(.exec(), at: 64 + 26, to: UInt16.max))
        == .strings(path: 9, workingDirectory: .max, arguments: 8, room: 27))
    #expect(
      failure(of: changed(.exec(), at: 64 + 28, to: UInt32.max))
        == .strings(path: 9, workingDirectory: 10, arguments: .max, room: 27))
    let long = RecordBuilder.exec(path: [UInt8](repeating: 0x61, count: 1025))
    #expect(
      failure(of: long.bytes())
        == .strings(path: 1025, workingDirectory: 10, arguments: 8, room: 1043))
    let most = RecordBuilder.exec(
      path: [UInt8](repeating: 0x61, count: 1024),
      workingDirectory: [UInt8](repeating: 0x61, count: 512),
      arguments: [UInt8](repeating: 0x61, count: 4096))
    #expect(failure(of: most.bytes()) == nil)
  }

  @Test("each error says what is wrong in words")
  func descriptions() {
    #expect("\(DecodingError.unknownKind(0x0104))".contains("0x104"))
    #expect("\(DecodingError.span(declared: 3, slots: 1))".contains("3 slots"))
  }
}
