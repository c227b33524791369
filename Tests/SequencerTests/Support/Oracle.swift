import RingStress
import SequencerABI
import SequencerCore
import Testing

/// Knows what every simulated context did and when, by a clock of its own, and judges by that what
/// the ring told. For one thread, whatever nests in what.
final class Oracle {
  /// An event's attempt: it counts as happening at some moment between the two.
  private struct Attempt {
    var family: Int
    var began: Int
    var ended: Int
  }

  private var clock = 0
  /// When each ticket was claimed.
  private var claims: [UInt64: Int] = [:]
  /// Of each ticket: its CPU, and when its producer began.
  private var producers: [UInt64: (cpu: Int, began: Int)] = [:]
  /// Losses told where the consumer collected them, while events went on to come.
  private(set) var collected = 0
  /// Losses not yet taken by anyone, by CPU.
  private var untold: [[Attempt]]
  /// What the context that claimed a ticket took before.
  private var taken: [UInt64: [Attempt]] = [:]
  private(set) var offered = 0
  private(set) var lost = 0
  private(set) var told = 0
  private(set) var delivered = 0
  private var expectedTicket: UInt64 = 0

  init(cpuCount: Int) {
    untold = Array(repeating: [], count: cpuCount)
  }

  /// Offers one event; `hook` is called at each step, within it.
  func produce(
    _ ring: HostRing, cpu: Int, slots: UInt64, family: EventFamily,
    hook: @escaping (ProducerStep) -> Void
  ) {
    offered += 1
    clock += 1
    let began = clock
    var seesPending = false
    var took: [Attempt] = []
    let memory = ring.memory(cpu: cpu) { [self] step in
      clock += 1
      switch step {
      case .viewRead:
        seesPending = ring.cpuWord(CPUStateLayout.pendingTotal, cpu: cpu) & 0xFFFF_FFFF != 0
      case .lossCounted:
        // Counted now; what nests from here on is another event.
        lost += 1
        untold[cpu].append(
          Attempt(family: Int(family.rawValue), began: began, ended: clock))
      case .pendingTaken where seesPending:
        took = untold[cpu]
        untold[cpu] = []
      case .claimed:
        let ticket = ring.controlWord(ControlLayout.cursor) - slots - (seesPending ? 1 : 0)
        claims[ticket + 1] = clock
        taken[ticket + 1] = took
        producers[ticket + 1] = (cpu, began)
      default: break
      }
      hook(step)
    }
    TestRecord(producer: UInt64(cpu), number: UInt64(offered))
      .produce(Producer(memory), slots: slots, family: family)
  }

  /// Judges what a consumer read.
  func judge(_ records: [Delivered]) {
    for record in records {
      #expect(record.ticket == expectedTicket && record.isWhole)
      expectedTicket = record.ticket + record.span
      delivered += 1
      let losses = taken.removeValue(forKey: record.ticket + 1) ?? []
      guard let gap = record.gap else {
        #expect(record.lostBefore == 0 && losses.isEmpty)
        continue
      }
      #expect(record.lostBefore == gap.total)
      // A bound is an earlier record.
      #expect(gap.after <= record.ticket)
      judge(gap, of: losses, before: claims[record.ticket + 1])
    }
  }

  /// Judges a gap that tells of `losses`.
  private func judge(_ gap: DeliveredGap, of losses: [Attempt], before: Int?) {
    var byFamily = [UInt64](repeating: 0, count: EventFamily.count)
    for loss in losses { byFamily[loss.family] += 1 }
    #expect(gap.byFamily == byFamily && gap.total == UInt64(losses.count))
    told += losses.count
    let after = gap.after == 0 ? 0 : claims[gap.after]
    guard let after else {
      Issue.record("a gap is bounded by \(gap.after), which nobody claimed")
      return
    }
    for loss in losses {
      #expect(after <= loss.ended, "lost at \(loss.ended), told as after \(after)")
      if let before { #expect(loss.began <= before) }
    }
  }

  /// Lets the consumer collect the losses of quiet CPUs, and judges what it tells and where.
  func collectResiduals(
    _ ring: HostRing, _ collector: inout ResidualLosses, position: UInt64,
    at moment: ResidualLosses.Moment = .running
  ) {
    var told: [(cpu: Int, gap: GapBlock)] = []
    unsafe collector.collect(
      position: position, control: ring.control, states: ring.cpuStates, at: moment
    ) { told.append(($0, $1)) }
    for (cpu, gap) in told {
      let losses = untold[cpu]
      untold[cpu] = []
      judge(DeliveredGap(gap), of: losses, before: nil)
      if moment == .running { collected += losses.count }
      for loss in losses { judge(loss, of: cpu, toldAt: position) }
    }
  }

  /// A loss is told behind all that was claimed before it, and before all that its CPU claims later.
  private func judge(_ loss: Attempt, of cpu: Int, toldAt position: UInt64) {
    for (sequence, claimed) in claims {
      if sequence > position {
        #expect(
          claimed > loss.began, "told at \(position), before \(sequence - 1), which it follows")
      } else if let producer = producers[sequence], producer.cpu == cpu, claimed > loss.ended {
        // Only a context that the loss interrupted may claim behind it and be told before it.
        #expect(producer.began < loss.ended, "told at \(position), behind \(sequence - 1)")
      }
    }
  }

  /// At rest: everything offered was delivered or lost, and every loss was told.
  func judgeTheEnd(_ ring: HostRing, _ collector: inout ResidualLosses, position: UInt64) {
    collectResiduals(ring, &collector, position: position, at: .ended)
    #expect(offered == delivered + lost && told == lost)
    var counted = (offered: UInt64(0), lost: UInt64(0))
    for cpu in 0..<ring.cpuCount {
      for family in EventFamily.allCases {
        counted.offered += ring.offered(cpu: cpu, family)
        counted.lost += ring.lost(cpu: cpu, family)
      }
    }
    #expect(counted.offered == UInt64(offered) && counted.lost == UInt64(lost))
    #expect(ring.controlSwitch(ControlLayout.poisoned) == 0)
  }
}
