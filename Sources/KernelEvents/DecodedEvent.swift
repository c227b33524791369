public import Sequencer
public import SequencerABI

/// An event, lent: a record whose lengths and numbers have all been checked.
///
/// It copies the header and nothing else; payloads and strings are read from the record when asked
/// for. It lives no longer than the ``Sequencer/RecordView`` it was made from.
public struct DecodedEvent: ~Escapable {
  /// A copy of the record's metadata line. Its `sequence` is ``sequence`` + 1.
  public let header: RecordHeader
  /// What the event is.
  public let kind: EventKind
  /// The payload, without header and gap block.
  public let payload: RawSpan
  /// The gap block's slot; empty where there is none.
  let gapBytes: RawSpan

  /// Offsets of names inside the payloads; pinned by a test.
  package enum Offset {
    package static var forkParentComm: Int { 32 }
    package static var forkChildComm: Int { 48 }
    package static var exitComm: Int { 24 }
    package static var execComm: Int { 40 }
    package static var commSize: Int { 16 }
    package static var gapTotal: Int { 8 }
    package static var gapLost: Int { 16 }
  }

  /// Checks `record` and lends it as an event.
  ///
  /// - Throws: ``DecodingError`` where a length, a number or the kind can't be right. No record,
  ///   whatever its bytes, makes this trap.
  @_lifetime(copy record)
  public init(decoding record: RecordView) throws(DecodingError) {
    let bytes = record.bytes
    let header = record.header
    let slots = bytes.byteCount / Slot.size
    guard header.span > 0, UInt64(header.span) <= RingGeometry.maxSpan,
      Int(header.span) * Slot.size == bytes.byteCount
    else { throw .span(declared: header.span, slots: slots) }
    guard header.sequence != 0 else { throw .unpublished }

    let hasGap = RecordFlags(rawValue: header.flags).contains(.gap)
    // A gap block is a slot of its own behind the first one.
    guard !hasGap || slots > 1 else { throw .span(declared: header.span, slots: slots) }
    let end = bytes.byteCount - (hasGap ? Slot.size : 0)
    let room = end - Slot.headerSize
    guard Int(header.payloadLength) <= room
    else { throw .payloadOverrun(length: header.payloadLength, room: room) }
    guard let kind = EventKind(rawValue: header.kind) else { throw .unknownKind(header.kind) }

    let payload = bytes.extracting(
      Slot.headerSize..<Slot.headerSize + Int(header.payloadLength))
    let gapBytes = bytes.extracting(end..<bytes.byteCount)
    try DecodedEvent.check(payload, of: kind, header: header)
    if hasGap { try DecodedEvent.check(gap: gapBytes) }

    self.header = header
    self.kind = kind
    self.payload = payload
    self.gapBytes = gapBytes
  }

  private static func check(
    _ payload: RawSpan, of kind: EventKind, header: RecordHeader
  ) throws(DecodingError) {
    if let layout = EventLayout.of(kind) {
      guard payload.byteCount >= layout.size else {
        throw .payloadTooShort(
          kind: header.kind, length: header.payloadLength, required: layout.size)
      }
      return try check(strings: layout, of: payload, header)
    }
    let required =
      switch kind {
      case .fork: MemoryLayout<ForkPayload>.size
      case .exec: MemoryLayout<ExecPayload>.size
      case .exit: MemoryLayout<ExitPayload>.size
      // The tests' records: any bytes.
      default: 0
      }
    guard payload.byteCount >= required else {
      throw .payloadTooShort(
        kind: header.kind, length: header.payloadLength, required: required)
    }
    guard kind == .exec else { return }
    let exec = payload.value(at: 0, as: ExecPayload.self)
    let room = payload.byteCount - required
    guard Int(exec.pathLength) <= ExecPayload.pathLimit,
      Int(exec.workingDirectoryLength) <= ExecPayload.workingDirectoryLimit,
      Int(exec.argumentsLength) <= ExecPayload.argumentsLimit,
      Int(exec.pathLength) + Int(exec.workingDirectoryLength) + Int(exec.argumentsLength) <= room
    else {
      throw .strings(
        path: exec.pathLength, workingDirectory: exec.workingDirectoryLength,
        arguments: exec.argumentsLength, room: room)
    }
  }

  /// Checks that the strings of a layout lie inside the payload.
  private static func check(
    strings layout: EventLayout, of payload: RawSpan, _ header: RecordHeader
  ) throws(DecodingError) {
    var room = payload.byteCount - layout.size
    for string in layout.strings {
      let length = Int(payload.value(at: string.lengthOffset, as: UInt16.self))
      guard length <= string.limit, length <= room else {
        throw .string(kind: header.kind, length: length, limit: string.limit, room: room)
      }
      room -= length
    }
  }

  private static func check(gap: RawSpan) throws(DecodingError) {
    let declared = gap.value(at: Offset.gapTotal, as: UInt64.self)
    let sum = losses(in: gap).total
    guard declared == sum else { throw .gapTotal(declared: declared, sum: sum) }
  }

  private static func losses(in gap: RawSpan) -> FamilyCounts {
    var counts = FamilyCounts()
    for family in 0..<EventFamily.count {
      counts[index: family] = UInt64(
        gap.value(at: Offset.gapLost + 4 * family, as: UInt32.self))
    }
    return counts
  }
}

extension DecodedEvent {
  /// The event's place in the global order: its ticket, from 0 on.
  public var sequence: UInt64 { header.sequence - 1 }
  /// Nanoseconds of `CLOCK_MONOTONIC`; nil where timestamps are off.
  public var timestamp: UInt64? { header.timestamp == 0 ? nil : header.timestamp }
  /// The group the event is counted under.
  public var family: EventFamily { kind.family }
  /// The bits of the header's flags.
  public var flags: RecordFlags { RecordFlags(rawValue: header.flags) }
  /// The process the event is of; for a fork, the parent.
  public var process: ProcessKey {
    ProcessKey(pid: header.pid, start: header.processStart)
  }

  /// What a fork tells; nil for another kind.
  public var fork: ForkPayload? {
    kind == .fork ? payload.value(at: 0, as: ForkPayload.self) : nil
  }

  /// What an exit tells; nil for another kind.
  public var exit: ExitPayload? {
    kind == .exit ? payload.value(at: 0, as: ExitPayload.self) : nil
  }

  /// What an exec tells, its strings lent; nil for another kind.
  public var exec: ExecEvent? {
    @_lifetime(copy self)
    get {
      if kind != .exec { return nil }
      return ExecEvent(checked: payload, payload: payload.value(at: 0, as: ExecPayload.self))
    }
  }

  /// The name of the task the event is of, without its NUL: for a fork the parent's, for an exec
  /// the one it has after it. Empty for a test's record. Not always UTF-8.
  public var comm: RawSpan {
    @_lifetime(copy self)
    get {
      switch kind {
      case .fork: name(at: Offset.forkParentComm)
      case .exec: name(at: Offset.execComm)
      case .exit: name(at: Offset.exitComm)
      case .test: payload.extracting(0..<0)
      default: name(at: 0)
      }
    }
  }

  /// The name of a fork's new task, without its NUL; empty for another kind.
  public var childComm: RawSpan {
    @_lifetime(copy self)
    get { kind == .fork ? name(at: Offset.forkChildComm) : payload.extracting(0..<0) }
  }

  /// The name of the second task of an event that two have a part in, without its NUL; nil for others.
  public var otherComm: RawSpan? {
    @_lifetime(copy self)
    get {
      guard let offset = EventLayout.of(kind)?.otherComm else { return nil }
      return name(at: offset)
    }
  }

  /// The fixed part of the payload, as the type that `kind` has by its documentation.
  ///
  /// - Parameter type: the payload's type.
  /// - Returns: a copy; nil where the payload is shorter.
  public func payload<Payload: BitwiseCopyable>(as type: Payload.Type) -> Payload? {
    payload.byteCount >= MemoryLayout<Payload>.size ? payload.value(at: 0, as: type) : nil
  }

  /// String `index` of the kind's ``EventLayout/strings``, lent; empty where there is none.
  @_lifetime(copy self)
  public func string(_ index: Int) -> RawSpan {
    guard let layout = EventLayout.of(kind), index < layout.strings.count else {
      return payload.extracting(0..<0)
    }
    var start = layout.size
    for before in 0..<index {
      start += Int(payload.value(at: layout.strings[before].lengthOffset, as: UInt16.self))
    }
    let length = Int(payload.value(at: layout.strings[index].lengthOffset, as: UInt16.self))
    return payload.extracting(start..<start + length)
  }

  /// The loss that lies right before this event on its CPU; nil where nothing was lost.
  ///
  /// A bound after the event itself (a nested loss between claim and report) is no bound: then
  /// ``Gap/afterSequence`` is nil.
  public var gap: Gap? {
    guard !gapBytes.isEmpty else { return nil }
    let lost = DecodedEvent.losses(in: gapBytes)
    guard lost.total > 0 else { return nil }
    let after = gapBytes.value(at: 0, as: UInt64.self)
    return Gap(
      cpu: UInt32(header.cpu), lost: lost,
      afterSequence: after == 0 || after >= header.sequence ? nil : after - 1,
      beforeSequence: sequence)
  }

  @_lifetime(copy self)
  private func name(at offset: Int) -> RawSpan {
    payload.extracting(offset..<offset + Offset.commSize).upToNUL
  }
}

extension ForkPayload {
  /// The new task's process.
  public var child: ProcessKey { ProcessKey(pid: childPID, start: childProcessStart) }
  /// Whether the new task is a thread of an existing process, not a process of its own.
  public var isThread: Bool { childTID != childPID }
}

extension ExitPayload {
  /// How the task ended.
  public var status: WaitStatus { WaitStatus(rawValue: waitStatus) }
  /// The bits of `exitFlags`.
  public var flags: ExitFlags { ExitFlags(rawValue: exitFlags) }
}
