import Causality
import EventFormats
import Foundation
import JSONSchemaValidation
import KernelEvents
import Sequencer
import SequencerABI

/// One record of any bytes: an event or an error; and whatever is written of an event is a valid line
/// that says what the decoder says.
enum RecordTarget {
  /// One slot more than any record has.
  static let slotLimit = Int(RingGeometry.maxSpan) + 1
  /// Used by one thread at a time: the fuzzer has one, and the tests run one after the other.
  nonisolated(unsafe) private static var scratch: GuardedMemory?

  /// Lends `bytes`, filled up to whole slots, as a record that ends at a guard page.
  static func run(_ bytes: [UInt8]) throws(Finding) {
    let memory: GuardedMemory
    if let scratch = unsafe scratch {
      memory = scratch
    } else {
      memory = try GuardedMemory(slotLimit * Slot.size, isAtFront: false)
      unsafe scratch = memory
    }
    let slots = min(max(1, (bytes.count + Slot.size - 1) / Slot.size), slotLimit)
    let start = (slotLimit - slots) * Slot.size
    memory.clear()
    memory.store(bytes, at: start)
    var checker = EventChecker(input: bytes)
    let record = unsafe UnsafeRawBufferPointer(
      start: memory.base + start, count: slots * Slot.size)
    // The memory stays as it is for the call.
    try checker.take(RecordView(unsafe record.bytes))
    try checker.finish()
  }
}

/// Takes records as a sink does, and checks whatever is written of them.
struct EventChecker: ~Copyable {
  private var json = JSONFormat()
  private var pretty = PrettyFormat(colour: false)
  private var colourful = PrettyFormat(colour: true)
  private var compact = CompactFormat()
  private var tree = TreeFormat(limit: 8)
  private var verifier = CausalityVerifier(tracingBegan: 1_000_000_000, kept: 4, horizon: 16)
  private var context: FormattingContext
  private var buffer = OutputBuffer(capacity: 4096)
  /// Whether the lines are held against the schema too, which takes longer than all the rest.
  private let checksSchema: Bool
  private(set) var decoded = 0
  private(set) var refused = 0

  /// Read once; a run without it checks nothing and says so.
  private static let schema: Result<SchemaValidator, any Error> = Result {
    try SchemaValidator.shipped("event.schema.json")
  }

  init(input: [UInt8]) {
    let mixed = input.reduce(UInt64(input.count)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    checksSchema = mixed % 8 == 0
    let offset = Int64(bitPattern: mixed &* 0x9E37_79B9_7F4A_7C15)
    context = FormattingContext(clock: ClockOffset(nanoseconds: offset), cgroups: nil)
  }

  /// Decodes `record` and writes it in every format.
  mutating func take(_ record: RecordView) throws(Finding) {
    let event: DecodedEvent
    do { event = try DecodedEvent(decoding: record) } catch {
      refused += 1
      let text = "\(error)"
      return try demand(!text.isEmpty && !text.contains("\n"), "an error of several lines: \(text)")
    }
    decoded += 1
    if let gap = event.gap { try take(gap) }
    try checkJSON(event)
    buffer.removeAll()
    pretty.write(event, context: &context, into: &buffer)
    compact.write(event, context: &context, into: &buffer)
    try demandHarmless(buffer.array)
    buffer.removeAll()
    // Its own colours act on a terminal; that it ends and stays in bounds is what is tried here.
    colourful.write(event, context: &context, into: &buffer)
    tree.write(event, context: &context, into: &buffer)
    verifier.observe(event)
  }

  /// Takes a loss, told by a record or collected.
  mutating func take(_ gap: Gap) throws(Finding) {
    verifier.observe(gap)
    buffer.removeAll()
    json.write(gap: gap, into: &buffer)
    let value = try parse(buffer.array)
    // Of losses that nobody came to tell the CPU isn't known.
    let isKnown = gap.cpu != UInt32(RingConsumer.unknownCPU)
    try demandNumber(value, "cpu", isKnown ? UInt64(gap.cpu) : nil)
    try demandNumber(value, "lost", gap.total)
    try demandNumber(value, "after_seq", gap.afterSequence)
    try demandNumber(value, "before_seq", gap.beforeSequence)
    var sum: Int128 = 0
    if case .object(let counts)? = value["by_family"] {
      for count in counts.values { sum += count.integer ?? 0 }
    }
    try demand(
      UInt64(truncatingIfNeeded: sum) == gap.total, "the families' losses are not the sum")
    buffer.removeAll()
    pretty.write(gap: gap, into: &buffer)
    compact.write(gap: gap, into: &buffer)
    tree.write(gap: gap, into: &buffer)
    try demandHarmless(buffer.array)
  }

  /// What is written and judged at the end.
  mutating func finish() throws(Finding) {
    verifier.finish()
    for violation in verifier.firstCausalityViolations {
      try demand(!"\(violation)".contains("\n"), "a violation of several lines")
    }
    buffer.removeAll()
    tree.finish(into: &buffer)
    try demandHarmless(buffer.array)
  }

  // MARK: JSON

  private mutating func checkJSON(_ event: DecodedEvent) throws(Finding) {
    buffer.removeAll()
    json.write(event, context: &context, into: &buffer)
    try demandHarmless(buffer.array)
    let value = try parse(buffer.array)
    let header = event.header
    try demandNumber(value, "seq", event.sequence)
    try demandNumber(value, "ts", event.timestamp)
    try demandNumber(value, "cpu", UInt64(header.cpu))
    try demandNumber(value, "pid", UInt64(header.pid))
    try demandNumber(value, "tid", UInt64(header.tid))
    try demandNumber(value, "start", header.processStart)
    try demandNumber(value, "ppid", UInt64(header.parentPID))
    try demandNumber(value, "uid", UInt64(header.uid))
    try demandNumber(value, "cgroup_id", header.cgroup)
    try demandString(value, "comm", array(event.comm))
    try demand(
      value["type"]?.string == event.kind.name.description, "the type is not the kind's")
    if let fork = event.fork {
      let child = value["child"] ?? .null
      try demandNumber(child, "pid", UInt64(fork.childPID))
      try demandNumber(child, "tid", UInt64(fork.childTID))
      try demandNumber(child, "start", fork.childProcessStart)
      try demandNumber(child, "tid_start", fork.childThreadStart)
      try demandString(child, "comm", array(event.childComm))
      try demandNumber(value, "clone_flags", fork.cloneFlags)
    }
    if let exit = event.exit {
      // wait()'s encoding, by the words of wait(2).
      let signal = UInt64(exit.waitStatus & 0x7F)
      try demandNumber(value, "signal", signal == 0 ? nil : signal)
      try demandNumber(value, "code", signal == 0 ? UInt64(exit.waitStatus >> 8 & 0xFF) : nil)
      try demandNumber(value, "runtime_ns", exit.runtime)
    }
    if event.exec != nil { try checkExec(event, value) }
  }

  private func checkExec(_ event: DecodedEvent, _ value: JSONValue) throws(Finding) {
    guard let exec = event.exec else { return }
    try demandNumber(value, "inode", exec.payload.inode)
    try demandNumber(value, "old_tid", UInt64(exec.payload.oldTID))
    try demandString(value, "exe", array(exec.path))
    // The arguments again, by other means.
    var wanted: [[UInt8]] = []
    var open: [UInt8]?
    for byte in array(exec.argumentBlock) {
      if byte == 0 {
        wanted.append(open ?? [])
        open = nil
      } else {
        open = (open ?? []) + [byte]
      }
    }
    if let open { wanted.append(open) }
    wanted = Array(wanted.prefix(Int(exec.payload.argumentCount)))
    try demand(value["args"]?.count == wanted.count, "\(wanted.count) arguments were given")
    let isWhole = wanted.allSatisfy { String(validating: $0, as: UTF8.self) != nil }
    try demand((value["args_b64"] == nil) == isWhole, "args_b64 is there or is missing wrongly")
    for (index, argument) in wanted.enumerated() {
      try demandText(value["args"]?[index], argument, "argument \(index)")
      guard let encoded = value["args_b64"]?[index] else { continue }
      try demandExact(
        encoded == .null ? nil : encoded, argument, "argument \(index) in base64")
    }
  }

  private func parse(_ line: [UInt8]) throws(Finding) -> JSONValue {
    try demand(
      line.last == 0x0A && line.count { $0 == 0x0A } == 1, "not one line: \(text(line))")
    let value: JSONValue
    do { value = try JSONValue(parsing: line) } catch {
      throw Finding("not JSON, \(error): \(text(line))")
    }
    if checksSchema {
      let problems: [String]
      do { problems = try EventChecker.schema.get().problems(in: value) } catch {
        throw Finding("no schema: \(error)")
      }
      try demand(problems.isEmpty, "against the schema: \(problems): \(text(line))")
    }
    return value
  }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func array(_ bytes: RawSpan) -> [UInt8] {
  (0..<bytes.byteCount).map { bytes.byte($0) }
}

private func demandNumber(
  _ value: JSONValue, _ key: String, _ number: UInt64?
) throws(Finding) {
  let wanted = number.map { JSONValue.integer(Int128($0)) } ?? .null
  try demand(value[key] == wanted, "\(key) is \(String(describing: value[key])), not \(wanted)")
}

private func demandString(
  _ value: JSONValue, _ key: String, _ bytes: [UInt8]
) throws(Finding) {
  try demandText(value[key], bytes, key)
  try demandExact(value["\(key)_b64"], bytes, "\(key)_b64")
}

/// The string of a key: the bytes, with U+FFFD for what is not UTF-8.
private func demandText(
  _ value: JSONValue?, _ bytes: [UInt8], _ name: String
) throws(Finding) {
  let wanted = String(decoding: bytes, as: UTF8.self)
  // By bytes: Swift takes strings for equal that are written in different ways.
  try demand(
    value?.string.map { Array($0.utf8) } == Array(wanted.utf8), "\(name) is not '\(wanted)'")
}

/// The base64 beside it: there where the bytes are not UTF-8, and then exactly they.
private func demandExact(
  _ value: JSONValue?, _ bytes: [UInt8], _ name: String
) throws(Finding) {
  if String(validating: bytes, as: UTF8.self) != nil {
    return try demand(value == nil, "\(name) stands beside a string that says it all")
  }
  let decoded = value?.string.flatMap { Data(base64Encoded: $0) }.map { Array($0) }
  try demand(decoded == bytes, "\(name) is not the bytes")
}

/// Every line holds printable UTF-8 only: no control, no bad byte, no direction change.
func demandHarmless(_ bytes: [UInt8]) throws(Finding) {
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw Finding("not UTF-8: \(bytes)")
  }
  for scalar in text.unicodeScalars where scalar != "\n" {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
      throw Finding("acts on a terminal: \(bytes)")
    default: continue
    }
  }
}
