import KernelEvents
import Sequencer
import SequencerABI
import SequencerCore

/// A whole ring of any bytes, its control area and counters too, and a consumer that reads, releases,
/// collects and is succeeded while all that changes: it delivers records or says that the ring is
/// damaged; it ends; it touches nothing outside.
///
/// An input is a small program: one byte of sizes, then acts.
enum RingTarget {
  private static let actLimit = 400
  nonisolated(unsafe) private static var rings: [UInt8: HostileRing] = [:]

  /// Runs the acts that `bytes` tell.
  static func run(_ bytes: [UInt8]) throws(Finding) {
    var input = ByteReader(bytes)
    let sizes = input.byte() & 15
    let ring: HostileRing
    if let known = unsafe rings[sizes] {
      ring = known
    } else {
      ring = try HostileRing(
        capacity: sizes & 1 == 0 ? 64 : 128, cpuCount: Int(sizes >> 1 & 3) + 1,
        isAtFront: sizes & 8 != 0)
      unsafe rings[sizes] = ring
    }
    ring.clear()
    var checker = EventChecker(input: bytes)
    guard var consumer = try ring.consumer() else {
      throw Finding("an untouched ring is refused")
    }
    var acts = 0
    while !input.isAtEnd, acts < actLimit {
      acts += 1
      switch input.choice(16) {
      case 0...3: ring.publish(&input)
      case 4: ring.slots.store(input.bytes(input.choice(128)), at: ring.slotOffset(&input))
      case 5: ring.forge(&input, at: consumer.position)
      case 6: ring.control.store(input.number(UInt64.self), at: ring.controlOffset(&input))
      case 7: ring.counters.store(input.number(UInt64.self), at: ring.counterOffset(&input))
      case 8: ring.control.store(input.bytes(64), at: ring.controlOffset(&input))
      case 9, 10: try drain(&consumer, &checker, ring, limit: .max)
      case 11: try drain(&consumer, &checker, ring, limit: input.choice(8))
      case 12: consumer.release()
      case 13: try collect(&consumer, &checker, at: input.byte() & 3 == 0 ? .leaving : .running)
      case 14:
        guard let successor = try ring.consumer() else { return }
        consumer = successor
        consumer.releasesWhileDraining = input.byte() & 1 == 0
      default: try look(consumer)
      }
    }
    try drain(&consumer, &checker, ring, limit: .max)
    try collect(&consumer, &checker, at: .ended)
    try look(consumer)
    consumer.release()
    try checker.finish()
  }

  private static func drain(
    _ consumer: inout RingConsumer, _ checker: inout EventChecker, _ ring: HostileRing, limit: Int
  ) throws(Finding) {
    let before = consumer.position
    var expected = before
    var count = 0
    do throws(DrainError<Finding>) {
      count = try consumer.drain(limit: limit) { record throws(Finding) in
        let span = record.bytes.byteCount / Slot.size
        try demand(
          span >= 1 && span <= Int(RingGeometry.maxSpan)
            && record.bytes.byteCount % Slot.size == 0,
          "a record of \(record.bytes.byteCount) bytes")
        try demand(
          record.header.sequence == expected &+ 1, "\(record.header.sequence) at \(expected)")
        expected &+= UInt64(span)
        try checker.take(record)
      }
    } catch {
      switch error {
      case .body(let finding): throw finding
      case .ring(let damage):
        return try demand(
          consumer.position == expected && !damage.description.contains("\n"),
          "a damaged ring moved the consumer")
      }
    }
    try demand(consumer.position == expected, "the position is not behind what was delivered")
    // Nobody writes meanwhile, so a slot holds the sequence of one lap.
    try demand(count <= min(limit, Int(ring.geometry.capacity)), "\(count) records in one drain")
  }

  private static func collect(
    _ consumer: inout RingConsumer, _ checker: inout EventChecker, at moment: ResidualLosses.Moment
  ) throws(Finding) {
    var gaps: [(cpu: Int, block: GapBlock)] = []
    consumer.collectResidualLoss(at: moment) { gaps.append(($0, $1)) }
    for (cpu, block) in gaps {
      var counts = FamilyCounts()
      counts[.test] = block.total
      try checker.take(
        Gap(
          cpu: UInt32(cpu), lost: counts,
          afterSequence: block.afterSequence == 0 ? nil : block.afterSequence - 1))
    }
    // What was taken is taken.
    var again = 0
    consumer.collectResidualLoss(at: moment) { _, _ in again += 1 }
    try demand(again == 0, "a loss was collected twice")
  }

  private static func look(_ consumer: borrowing RingConsumer) throws(Finding) {
    _ = consumer.isReady
    _ = consumer.backlog
    _ = consumer.claimant
    _ = consumer.journal.lostTotal
    _ = consumer.account.totals()
  }
}

/// A ring between guard pages, and what may write to it.
@safe private final class HostileRing {
  let geometry: RingGeometry
  let cpuCount: Int
  let control: GuardedMemory
  let slots: GuardedMemory
  let counters: GuardedMemory

  init(capacity: UInt64, cpuCount: Int, isAtFront: Bool) throws(Finding) {
    geometry = RingGeometry(uncheckedCapacity: capacity, reserve: 16)
    self.cpuCount = cpuCount
    control = try GuardedMemory(ControlLayout.size, isAtFront: isAtFront)
    slots = try GuardedMemory(Int(geometry.byteCount), isAtFront: isAtFront)
    counters = try GuardedMemory(cpuCount * CPUStateLayout.size, isAtFront: isAtFront)
  }

  func clear() {
    control.clear()
    slots.clear()
    counters.clear()
  }

  /// A consumer that goes on from what the control area says; nil if it refuses to.
  func consumer() throws(Finding) -> RingConsumer? {
    do {
      // The ring outlives every consumer of it.
      return try RingConsumer(
        geometry: geometry,
        control: unsafe MappedRegion(lent: control.base, byteCount: control.byteCount),
        slots: unsafe MappedRegion(lent: slots.base, byteCount: slots.byteCount),
        account: CPUAccount(
          region: unsafe MappedRegion(lent: counters.base, byteCount: counters.byteCount),
          cpuCount: cpuCount))
    } catch {
      try demand(!error.description.contains("\n"), "an error of several lines")
      return nil
    }
  }

  // MARK: Acts

  func slotOffset(_ input: inout ByteReader) -> Int {
    Int(input.number(UInt16.self)) % slots.byteCount
  }

  /// Mostly the words that the consumer reads.
  func controlOffset(_ input: inout ByteReader) -> Int {
    let choice = input.choice(16)
    let journal = ControlLayout.journal
    let second = journal + JournalLayout.size
    let known = [
      ControlLayout.cursor, ControlLayout.gating, ControlLayout.gate, ControlLayout.poisoned,
      journal + JournalLayout.position, journal + JournalLayout.records,
      journal + JournalLayout.generation, second + JournalLayout.position,
      second + JournalLayout.records, second + JournalLayout.generation,
      journal + JournalLayout.lostTold + 8, second + JournalLayout.lostTold + 8,
    ]
    if choice < known.count { return known[choice] }
    return Int(input.number(UInt16.self)) % (control.byteCount - 7) & ~3
  }

  func counterOffset(_ input: inout ByteReader) -> Int {
    Int(input.number(UInt16.self)) % (counters.byteCount - 7) & ~3
  }

  /// Writes a record's first slot where the consumer looks next, with the sequence it wants, and the
  /// rest as the input says.
  func forge(_ input: inout ByteReader, at position: UInt64) {
    let ahead = UInt64(input.choice(4))
    let index = Int((position &+ ahead) & geometry.mask) * Slot.size
    slots.store(input.bytes(Slot.size - 8), at: index + 8)
    slots.store(position &+ ahead &+ 1, at: index)
  }

  /// Publishes as the kernel's programs do; the contents are the input's.
  func publish(_ input: inout ByteReader) {
    let shape = input.byte()
    let cpu = input.choice(cpuCount)
    let kind = [EventKind.fork, .exec, .exit, .test][Int(shape & 3)]
    let family = EventFamily.allCases[Int(shape >> 4) % EventFamily.allCases.count]
    let payload = payload(of: kind, &input)
    let slotCount = UInt64(max(1, (Slot.headerSize + payload.count + Slot.size - 1) / Slot.size))
    let producer = Producer(HostileMemory(ring: self, cpu: UInt32(cpu)))
    guard let claim = producer.claim(slots: slotCount, family: family) else { return }
    var header = RecordHeader()
    header.timestamp = UInt64(input.byte()) &* 0x0101_0101_0101_0101
    header.pid = UInt32(input.byte() & 7)
    header.tid = shape & 4 == 0 ? header.pid : UInt32(input.byte() & 15)
    header.processStart = 1_000_000_000 &+ UInt64(input.byte() & 3)
    header.parentPID = UInt32(input.byte() & 7)
    // All but the sequence, whose word must not be touched before it is published.
    unsafe withUnsafeBytes(of: header) { bytes in
      for offset in 8..<Slot.headerSize {
        unsafe claim.bytes.storeBytes(of: bytes[offset], toByteOffset: offset, as: UInt8.self)
      }
    }
    for (offset, byte) in payload.enumerated() {
      unsafe claim.payload.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }
    producer.publish(
      claim, kind: kind, cpu: UInt32(cpu),
      flags: RecordFlags(rawValue: UInt16(shape >> 3 & 7)), payloadLength: UInt32(payload.count))
  }

  /// A payload whose numbers are small, so that tasks meet again, and whose strings are any bytes.
  private func payload(of kind: EventKind, _ input: inout ByteReader) -> [UInt8] {
    func numbers(_ values: [UInt64]) -> [UInt8] {
      values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    }
    let small = { (input: inout ByteReader) in UInt64(input.byte() & 7) }
    switch kind {
    case .fork:
      let start = 1_000_000_000 &+ UInt64(input.byte() & 3)
      return numbers([small(&input) | small(&input) << 32, start, start &+ small(&input)])
        + numbers([input.number(UInt64.self)]) + padded(input.bytes(16)) + padded(input.bytes(16))
    case .exit:
      return numbers([
        UInt64(input.number(UInt16.self)) | small(&input) << 32, small(&input), small(&input),
      ]) + padded(input.bytes(16)) + numbers([0, 0])
    case .exec:
      let strings = input.bytes(Int(input.byte()) * (input.byte() & 1 == 0 ? 1 : 20))
      let cut = input.choice(strings.count + 1)
      let second = (strings.count - cut) / 2
      var payload = numbers([small(&input) | small(&input) << 32, 42])
      payload += numbers([1 | UInt64(input.byte()) << 32])
      payload += numbers([
        UInt64(cut) | UInt64(second) << 16 | UInt64(strings.count - cut - second) << 32,
        UInt64(input.byte()),
      ])
      return payload + padded(input.bytes(16)) + [UInt8](repeating: 7, count: 64) + strings
    case .test: return input.bytes(input.choice(64))
    default: return []  // not among those that publish() chooses from
    }
  }

  private func padded(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: max(0, 16 - bytes.count))
  }
}

/// A producer's view of a ``HostileRing``.
@safe private struct HostileMemory: ProducerMemory {
  let ring: HostileRing
  let cpu: UInt32

  var geometry: RingGeometry { ring.geometry }
  var control: UnsafeMutableRawPointer { unsafe ring.control.base }
  var cpuState: UnsafeMutableRawPointer {
    unsafe ring.counters.base + Int(cpu) * CPUStateLayout.size
  }
  func slot(_ ticket: UInt64) -> UnsafeMutableRawPointer {
    unsafe ring.slots.base + Int(ticket & geometry.mask) * Slot.size
  }
  func ringDoorbell() {}
}
