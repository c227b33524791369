package import KernelEvents
import Sequencer
package import SequencerABI

/// Makes records in memory as the kernel's programs do, byte by byte.
package struct RecordBuilder {
  package var header = RecordHeader()
  package var payload: [UInt8] = []
  package var gapBlock: [UInt8]?

  package init(kind: EventKind, sequence: UInt64 = 1) {
    header.kind = kind.rawValue
    header.sequence = sequence
    header.timestamp = 5_000_000_000
    header.cpu = 3
    header.pid = 100
    header.tid = 100
    header.processStart = 1_000_000_000
    header.cgroup = 1
    header.uid = 1000
    header.parentPID = 1
  }

  /// The record's bytes: whole slots, with the lengths set from what is there.
  package func bytes() -> [UInt8] {
    var header = header
    header.payloadLength = UInt32(payload.count)
    var slots = max(1, (Slot.headerSize + payload.count + Slot.size - 1) / Slot.size)
    if gapBlock != nil {
      header.flags |= RecordFlags.gap.rawValue
      slots += 1
    }
    header.span = UInt16(slots)
    var record = bytesOf(header) + payload
    record += [UInt8](repeating: 0, count: slots * Slot.size - record.count)
    if let gapBlock {
      record.replaceSubrange(record.count - Slot.size..<record.count, with: gapBlock)
    }
    return record
  }

  package static func fork(
    sequence: UInt64 = 1, parent: ProcessKey = ProcessKey(pid: 100, start: 1_000_000_000),
    parentTID: UInt32? = nil, child: ProcessKey, childTID: UInt32? = nil,
    threadStart: UInt64? = nil, flags: UInt64 = 0, comm: String = "parent",
    childComm: String = "child"
  ) -> RecordBuilder {
    var record = RecordBuilder(kind: .fork, sequence: sequence)
    record.header.pid = parent.pid
    record.header.tid = parentTID ?? parent.pid
    record.header.processStart = parent.start
    record.payload =
      bytesOf(child.pid) + bytesOf(childTID ?? child.pid) + bytesOf(child.start)
      + bytesOf(threadStart ?? child.start) + bytesOf(flags)
    record.payload += name(comm) + name(childComm)
    return record
  }

  package static func exit(
    sequence: UInt64 = 1, process: ProcessKey = ProcessKey(pid: 100, start: 1_000_000_000),
    tid: UInt32? = nil, threadStart: UInt64? = nil, status: UInt32 = 0,
    flags: ExitFlags = .lastThread, runtime: UInt64 = 1234, comm: String = "task"
  ) -> RecordBuilder {
    var record = RecordBuilder(kind: .exit, sequence: sequence)
    record.header.pid = process.pid
    record.header.tid = tid ?? process.pid
    record.header.processStart = process.start
    record.payload =
      bytesOf(status) + bytesOf(flags.rawValue) + bytesOf(threadStart ?? process.start)
      + bytesOf(runtime)
    record.payload += name(comm) + [UInt8](repeating: 0, count: 16)
    return record
  }

  package static func exec(
    sequence: UInt64 = 1, process: ProcessKey = ProcessKey(pid: 100, start: 1_000_000_000),
    tid: UInt32? = nil, oldTID: UInt32? = nil, path: [UInt8] = Array("/bin/echo".utf8),
    workingDirectory: [UInt8] = Array("user\0home\0".utf8),
    arguments: [UInt8] = Array("echo\0hi\0".utf8), count: UInt32 = 2, flags: ExecFlags = [],
    comm: String = "echo", before: Credentials = Credentials(), after: Credentials = Credentials()
  ) -> RecordBuilder {
    var record = RecordBuilder(kind: .exec, sequence: sequence)
    record.header.pid = process.pid
    record.header.tid = tid ?? process.pid
    record.header.processStart = process.start
    record.payload =
      bytesOf(oldTID ?? tid ?? process.pid) + bytesOf(flags.rawValue) + bytesOf(UInt64(42))
      + bytesOf(UInt32(8 << 20 | 1)) + bytesOf(count)
    record.payload += bytesOf(UInt16(path.count)) + bytesOf(UInt16(workingDirectory.count))
    record.payload += bytesOf(UInt32(arguments.count)) + bytesOf(UInt32(arguments.count))
    record.payload += bytesOf(UInt32(0)) + name(comm) + bytesOf(before) + bytesOf(after)
    record.payload += path + workingDirectory + arguments
    return record
  }

  /// A record of a kind with a layout: its payload's bytes, which begin with the task's name.
  package static func of(
    _ kind: EventKind, by process: ProcessKey, tid: UInt32? = nil, _ payload: [UInt8],
    flags: RecordFlags = []
  ) -> RecordBuilder {
    var record = RecordBuilder(kind: kind)
    record.header.pid = process.pid
    record.header.tid = tid ?? process.pid
    record.header.processStart = process.start
    record.header.flags = flags.rawValue
    record.payload = payload
    return record
  }

  /// A switch from one process's only task to another's.
  package static func switched(
    from previous: ProcessKey, state: UInt32 = 0, isPreempted: Bool = false, to next: ProcessKey,
    comm: String = "before", nextComm: String = "after"
  ) -> RecordBuilder {
    .of(
      .switched, by: previous,
      name(comm) + bytesOf(state) + bytesOf(Int32(120)) + bytesOf(next.pid) + bytesOf(next.pid)
        + bytesOf(next.start) + bytesOf(Int32(110)) + bytesOf(UInt32(isPreempted ? 1 : 0))
        + name(nextComm))
  }

  /// A wakeup of a process's only task.
  package static func wakeup(
    by waker: ProcessKey, of wakee: ProcessKey, isNew: Bool = false, wakeeCPU: UInt32 = 1,
    comm: String = "waker", wakeeComm: String = "wakee"
  ) -> RecordBuilder {
    .of(
      isNew ? .wakeupNew : .wakeup, by: waker,
      name(comm) + bytesOf(wakee.pid) + bytesOf(wakee.pid) + bytesOf(wakee.start)
        + bytesOf(wakeeCPU) + bytesOf(Int32(120)) + name(wakeeComm) + bytesOf(UInt64(0)))
  }

  /// The record made on another CPU, and at another time.
  package func on(cpu: UInt16, at time: UInt64? = nil) -> RecordBuilder {
    var record = self
    record.header.cpu = cpu
    if let time { record.header.timestamp = time }
    return record
  }

  /// Puts a gap block behind the record.
  package func with(lost: [EventFamily: UInt32], after: UInt64 = 0) -> RecordBuilder {
    var record = self
    var block = bytesOf(after) + bytesOf(lost.values.reduce(UInt64(0)) { $0 + UInt64($1) })
    for index in 0..<EventFamily.count {
      let family = EventFamily(rawValue: UInt8(index))
      block += bytesOf(family.flatMap { lost[$0] } ?? 0)
    }
    block += [UInt8](repeating: 0, count: Slot.size - block.count)
    record.gapBlock = block
    record.header.lostBefore = lost.values.reduce(0, +)
    return record
  }
}

/// The 16 bytes of a task's name.
package func name(_ text: String) -> [UInt8] {
  Array((Array(text.utf8) + [UInt8](repeating: 0, count: 16)).prefix(16))
}

/// The bytes of a value of the ABI as they lie in memory.
package func bytesOf<T: BitwiseCopyable>(_ value: T) -> [UInt8] {
  // Read only; the ABI's types have no padding.
  unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}

/// Decodes `bytes` and hands the event to `body`.
package func decoding<R>(_ bytes: [UInt8], _ body: (DecodedEvent) throws -> R) throws -> R {
  try body(DecodedEvent(decoding: RecordView(bytes.span.raw)))
}

extension RawSpan {
  package var array: [UInt8] { (0..<byteCount).map { byte($0) } }
  package var text: String { String(decoding: array, as: UTF8.self) }
}
