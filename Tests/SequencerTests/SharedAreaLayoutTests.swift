import SequencerABI
import Testing

/// The control area and a CPU's counters: pinned, apart from each other, within their map elements.
struct SharedAreaLayoutTests {
  /// Name, offset, pinned offset and bytes of each word of the control area.
  static let control: [(String, Int, Int, Int)] = [
    ("cursor", ControlLayout.cursor, 0, 8),
    ("gating", ControlLayout.gating, 128, 8),
    ("gate", ControlLayout.gate, 136, 4),
    ("parked", ControlLayout.parked, 140, 4),
    ("poisoned", ControlLayout.poisoned, 144, 4),
    ("enabled", ControlLayout.enabled, 148, 4),
    ("magic", ControlLayout.magic, 256, 8),
    ("version", ControlLayout.version, 264, 4),
    ("maxSpan", ControlLayout.maxSpan, 268, 4),
    ("capacity", ControlLayout.capacity, 272, 8),
    ("epoch", ControlLayout.epoch, 280, 8),
    ("reserve", ControlLayout.reserve, 288, 8),
    ("followed", ControlLayout.followed, 384, 8),
    ("followFailures", ControlLayout.followFailures, 392, 8),
    ("seeding", ControlLayout.seeding, 400, 4),
    ("coarseBase", ControlLayout.coarseBase, 408, 8),
    ("journal", ControlLayout.journal, 512, 2 * JournalLayout.size),
  ]
  static let journal: [(String, Int, Int, Int)] = [
    ("position", JournalLayout.position, 0, 8),
    ("records", JournalLayout.records, 8, 8),
    ("generation", JournalLayout.generation, 16, 8),
    ("lostTold", JournalLayout.lostTold, 128, 8 * EventFamily.count),
  ]
  static let cpuState: [(String, Int, Int, Int)] = [
    ("lastSequence", CPUStateLayout.lastSequence, 0, 8),
    ("pendingAfter", CPUStateLayout.pendingAfter, 8, 8),
    ("pendingTotal", CPUStateLayout.pendingTotal, 16, 4),
    ("pendingLost", CPUStateLayout.pendingLost, 64, 4 * EventFamily.count),
    ("lost", CPUStateLayout.lost, 128, 8 * EventFamily.count),
    ("offered", CPUStateLayout.offered, 256, 8 * EventFamily.count),
    ("filtered", CPUStateLayout.filtered, 384, 8 * EventFamily.count),
  ]

  @Test(arguments: [
    (control, ControlLayout.size, 4096), (cpuState, CPUStateLayout.size, 512),
    (journal, JournalLayout.size, 256),
  ])
  func fieldsArePinnedAlignedAndApart(
    fields: [(String, Int, Int, Int)], size: Int, pinnedSize: Int
  ) {
    #expect(size == pinnedSize)
    var end = 0
    for (name, offset, pinned, bytes) in fields {
      #expect(offset == pinned, "\(name)")
      #expect(offset >= end, "\(name) overlaps the field before it")
      #expect(offset % min(bytes, 8) == 0, "\(name) is not aligned")
      end = offset + bytes
    }
    #expect(end <= size)
  }

  @Test("Lines of the control area that different sides write are 128 bytes apart")
  func controlLinesAreApart() {
    // Every producer; the consumer (and the gate's closer); whoever sets the ring up; the filter.
    let lines: [[Int]] = [
      [ControlLayout.cursor],
      [
        ControlLayout.gating, ControlLayout.gate, ControlLayout.parked, ControlLayout.poisoned,
        ControlLayout.enabled,
      ],
      [
        ControlLayout.magic, ControlLayout.version, ControlLayout.maxSpan, ControlLayout.capacity,
        ControlLayout.epoch, ControlLayout.reserve,
      ],
      [
        ControlLayout.followed, ControlLayout.followFailures, ControlLayout.seeding,
        ControlLayout.coarseBase,
      ],
      [ControlLayout.journal],
    ]
    for (number, line) in lines.enumerated() {
      for offset in line { #expect(offset / 128 == number) }
    }
  }

  @Test("What waits to be told is one cache line, apart from the monotonic counters")
  func pendingLossesAreOneLine() {
    #expect(CPUStateLayout.pendingLost % 64 == 0)
    #expect(CPUStateLayout.size % 128 == 0)
  }

  @Test func magicSpellsTheName() {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: ControlLayout.magicValue >> (8 * $0)) }
    // Least byte first: the word reads as text in memory.
    #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("ORDINAL"))
  }
}
