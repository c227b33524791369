#if !SEQ_TARGET_BPF
  import CSequencerAtomics
  public import SequencerABI

  /// Finds the losses that no later record tells of, because their CPU went quiet, while others may
  /// keep the ring from ever being empty.
  ///
  /// A loss is told at a place of the stream: behind every record that was claimed before it, of any
  /// CPU, and before every record that its own CPU claims later. So each CPU goes through two looks:
  ///
  /// 1. It has untold losses: note how many, and the cursor. They happened before that ticket is taken.
  /// 2. The consumer has handed out everything below that ticket, the CPU has neither lost nor claimed
  ///    anything since: take them and tell them here. A CPU that did is not quiet: back to 1.
  ///
  /// Taking only at the second look keeps what a consumer that dies would lose as small as it was: up
  /// to then the losses wait in the CPU's counters, for its next record or the consumer's successor.
  /// A CPU may wake up between the second look and the taking. What was taken then may lie behind
  /// records that are still in the ring, so it is kept until all claimed by then are handed out.
  ///
  /// Where the ring is empty, both looks are one: nothing is delayed.
  public struct ResidualLosses: Sendable {
    /// What the first look noted of a CPU.
    private struct Note {
      /// Untold losses; 0: nothing noted.
      var pending: UInt64 = 0
      /// All losses of the CPU so far.
      var lost: UInt64 = 0
      /// The ticket below which all must have been handed out.
      var cursor: UInt64 = 0
    }
    private struct Kept {
      var cpu: Int
      var gap: GapBlock
      var cursor: UInt64
    }

    private var notes: [Note]
    private var kept: [Kept] = []

    /// When in a run losses are collected.
    public enum Moment: Sendable {
      /// Events may go on to come.
      case running
      /// This consumer ends and a successor goes on: what was taken is told, the rest is the successor's.
      case leaving
      /// No producer runs any more: all is taken and told, whatever was never published.
      case ended
    }

    /// A collector for a ring with this many CPUs.
    public init(cpuCount: Int) { notes = Array(repeating: Note(), count: cpuCount) }

    /// Looks at every CPU once and tells what can be told; each loss is told once.
    ///
    /// - Parameters:
    ///   - position: the consumer's: all records before it have been handed out.
    ///   - control: the control area, for the cursor.
    ///   - states: the CPUs' elements of `cpu_state`, one after the other.
    ///   - moment: whether the run goes on.
    ///   - interrupted: called between the second look and the taking; for tests that let a CPU wake
    ///     up just then.
    ///   - body: takes each gap; its place is `position`.
    public mutating func collect(
      position: UInt64, control: UnsafeMutableRawPointer, states: UnsafeMutableRawPointer,
      at moment: Moment, interrupted: (_ cpu: Int) -> Void = { _ in },
      _ body: (_ cpu: Int, _ gap: GapBlock) -> Void
    ) {
      kept.removeAll { entry in
        guard moment != .running || entry.cursor <= position else { return false }
        body(entry.cpu, entry.gap)
        return true
      }
      for cpu in 0..<notes.count {
        let state = unsafe states + cpu * CPUStateLayout.size
        // Not the hint: on weakly ordered CPUs it may be seen, and reset, before its counter.
        guard unsafe hasPendingLoss(state) else {
          notes[cpu].pending = 0
          continue
        }
        if unsafe !isQuiet(cpu, state) { unsafe note(cpu, state, control) }
        guard notes[cpu].cursor <= position || moment == .ended else { continue }
        interrupted(cpu)
        unsafe take(cpu, state, control, position, moment, body)
      }
    }

    /// Losses of a CPU that were taken just as it woke up, and are told further on.
    public func held(cpu: Int) -> UInt64 {
      kept.reduce(0) { $1.cpu == cpu ? $0 &+ $1.gap.total : $0 }
    }

    /// First look. The counters first: what they tell of happened before the ticket `cursor` is taken.
    private mutating func note(
      _ cpu: Int, _ state: UnsafeMutableRawPointer, _ control: UnsafeMutableRawPointer
    ) {
      let lost = unsafe lossCount(state)
      let pending = unsafe pendingCount(state)
      // Atomically, thus ordered behind the counters' loads on weakly ordered CPUs too.
      let cursor = unsafe seq_fetch_add_u64(control + ControlLayout.cursor, 0)
      notes[cpu] = Note(pending: pending, lost: lost, cursor: cursor)
    }

    /// Second look: whether nothing befell the CPU since the first. Its last claim is below the place
    /// then, and handed out once that is reached.
    private func isQuiet(_ cpu: Int, _ state: UnsafeMutableRawPointer) -> Bool {
      let note = notes[cpu]
      return unsafe note.pending != 0
        && seq_load_u64(state + CPUStateLayout.lastSequence) <= note.cursor
        && pendingCount(state) == note.pending && lossCount(state) == note.lost
    }

    private mutating func take(
      _ cpu: Int, _ state: UnsafeMutableRawPointer, _ control: UnsafeMutableRawPointer,
      _ position: UInt64, _ moment: Moment, _ body: (_ cpu: Int, _ gap: GapBlock) -> Void
    ) {
      let note = notes[cpu]
      notes[cpu].pending = 0
      var gap = GapBlock.none
      unsafe gap.take(from: state)
      guard gap.total > 0 else { return }
      let wasQuiet =
        unsafe gap.total == note.pending && lossCount(state) == note.lost
        && seq_load_u64(state + CPUStateLayout.lastSequence) <= note.cursor
      if wasQuiet || moment != .running { return body(cpu, gap) }
      let cursor = unsafe seq_fetch_add_u64(control + ControlLayout.cursor, 0)
      if cursor <= position {
        body(cpu, gap)
      } else {
        kept.append(Kept(cpu: cpu, gap: gap, cursor: cursor))
      }
    }

    private func lossCount(_ state: UnsafeMutableRawPointer) -> UInt64 {
      var sum: UInt64 = 0
      for family in 0..<EventFamily.count {
        sum &+= unsafe seq_load_u64(state + CPUStateLayout.lost + family * 8)
      }
      return sum
    }

    private func pendingCount(_ state: UnsafeMutableRawPointer) -> UInt64 {
      var sum: UInt64 = 0
      for family in 0..<EventFamily.count {
        sum &+= UInt64(unsafe seq_load_u32(state + CPUStateLayout.pendingLost + family * 4))
      }
      return sum
    }
  }
#endif
