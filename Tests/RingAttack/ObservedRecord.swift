public import AttackCKit
import KernelEvents
public import Sequencer
public import SequencerABI

/// What the judge looks at of a record: copied out of the ring, its content checked.
public struct ObservedRecord: Sendable {
  /// The ticket.
  public var sequence: UInt64
  public var span: UInt64
  public var cpu: Int
  /// What it says of itself; nil for a record of the sequencer's own programs.
  public var event: attack_event?
  /// The losses that it tells.
  public var gap: ObservedGap?
  /// What is wrong with its content; nil if nothing.
  public var damage: String?

  /// Copies and checks a record.
  public init(_ record: RecordView) {
    let header = record.header
    sequence = header.sequence &- 1
    span = UInt64(header.span)
    cpu = Int(header.cpu)
    do {
      let decoded = try DecodedEvent(decoding: record)
      // The bound as it lies there: the decoder drops one that is no bound.
      if RecordFlags(rawValue: header.flags).contains(.gap) {
        gap = ObservedGap(
          bytes: record.bytes, at: record.bytes.byteCount - Slot.size, lostBefore: header.lostBefore
        )
      } else if header.lostBefore != 0 {
        damage = "tells \(header.lostBefore) losses without a gap block"
      }
      if decoded.kind == .test { readEvent(decoded.payload) }
    } catch {
      damage = "\(error)"
    }
  }

  /// A record put together by a test.
  public init(
    sequence: UInt64, span: UInt64, cpu: Int, event: attack_event?, gap: ObservedGap? = nil
  ) {
    self.sequence = sequence
    self.span = span
    self.cpu = cpu
    self.event = event
    self.gap = gap
  }

  private mutating func readEvent(_ payload: RawSpan) {
    guard payload.byteCount >= MemoryLayout<attack_event>.size else {
      damage = "a payload of \(payload.byteCount) bytes"
      return
    }
    let event = unsafe payload.unsafeLoadUnaligned(as: attack_event.self)
    self.event = event
    damage = contentDamage(payload, event)
  }

  private func contentDamage(_ payload: RawSpan, _ event: attack_event) -> String? {
    let slots = attack_slots(event.number)
    let own = span - (gap == nil ? 0 : 1)
    guard event.slots == slots, own == slots else {
      return "number \(event.number) has \(own) slots and says \(event.slots), not \(slots)"
    }
    guard payload.byteCount == Int(slots) * Slot.size - Slot.headerSize else {
      return "a payload of \(payload.byteCount) bytes in \(slots) slots"
    }
    guard Int(event.cpu) == cpu else { return "cpu \(cpu) in the header, \(event.cpu) inside" }
    var sum: UInt64 = 0
    for index in 0..<7 { sum = attack_sum(sum, word(payload, index)) }
    for index in 8..<payload.byteCount / 8 {
      let found = word(payload, index)
      // Payload begins at word 8 of the first slot.
      if found != attack_word(event.number, UInt64(event.cpu), UInt64(index + 8)) {
        return "word \(index) of number \(event.number) is torn"
      }
      sum = attack_sum(sum, found)
    }
    return sum == event.checksum ? nil : "the checksum of number \(event.number) is wrong"
  }

  private func word(_ payload: RawSpan, _ index: Int) -> UInt64 {
    unsafe payload.unsafeLoadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
  }
}

/// Losses told at one place.
public struct ObservedGap: Sendable {
  /// The sequence after which they happened; nil: none was claimed before on that CPU.
  public var after: UInt64?
  /// Losses of the test's own family.
  public var test: UInt64 = 0
  /// Losses of forks, execs and exits.
  public var process: UInt64 = 0
  /// What is wrong with its numbers.
  public var damage: String?

  /// Losses put together by a test.
  public init(after: UInt64?, test: UInt64, process: UInt64 = 0) {
    self.after = after
    self.test = test
    self.process = process
  }

  /// Losses that the consumer collected.
  public init(_ block: GapBlock) {
    var block = block
    // One slot without padding: the ABI's layout test pins it.
    self = unsafe withUnsafeBytes(of: &block) { raw in
      unsafe ObservedGap(bytes: raw.bytes, at: 0, lostBefore: nil)
    }
  }

  init(bytes: RawSpan, at offset: Int, lostBefore: UInt32?) {
    let block = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: GapBlock.self)
    after = block.afterSequence == 0 ? nil : block.afterSequence - 1
    var others: UInt64 = 0
    for family in 0..<EventFamily.count {
      let count = UInt64(
        unsafe bytes.unsafeLoadUnaligned(
          fromByteOffset: offset + 16 + 4 * family, as: UInt32.self))
      switch family {
      case Int(EventFamily.test.rawValue): test = count
      case Int(EventFamily.process.rawValue): process = count
      default: others += count
      }
    }
    if others != 0 { damage = "\(others) losses of families that nobody produces" }
    if block.total != test + process { damage = "a total of \(block.total)" }
    if let lostBefore, UInt64(lostBefore) != block.total {
      damage = "lostBefore \(lostBefore), in the block \(block.total)"
    }
  }
}
