import Capture
import EventFormats
import KernelEvents
import Sequencer
import SequencerABI

extension Summary {
  /// The account of a run: `offered` is what the kernel counted before its gate, so that
  /// `offered = delivered + lost + missed` is checked, not made.
  ///
  /// - Parameters:
  ///   - figures: the kernel's side, at rest.
  ///   - intake: this program's side, its verifier finished.
  ///   - isReaderGone: the output's reader closed its end: what could not be written then was not
  ///     wanted. An output that failed or was given up loses it.
  init(
    _ figures: CaptureFigures, intake: borrowing EventIntake<LineVisitor>, isReaderGone: Bool
  ) {
    let written = intake.visitor.output.delivered
    let unwritten = intake.accepted &- written
    self.init(
      figures, delivered: written, notWanted: intake.filtered &+ (isReaderGone ? unwritten : 0),
      unwritten: isReaderGone ? 0 : unwritten, unreadable: intake.unreadable)
    gaps = intake.gaps
    orderingViolations = intake.verifier.orderingViolations
    causalityViolations = intake.verifier.causalityViolations
    forks = intake.forks
    execs = intake.execs
    exits = intake.exits
  }

  /// The account of a run from the kernel's figures and what this program did with the records.
  ///
  /// - Parameters:
  ///   - figures: the kernel's side, at rest.
  ///   - delivered: events that reached the output.
  ///   - notWanted: those that were turned away here.
  ///   - unwritten: those that could not be written.
  ///   - unreadable: those that could not be read.
  init(
    _ figures: CaptureFigures, delivered: UInt64, notWanted: UInt64, unwritten: UInt64,
    unreadable: UInt64
  ) {
    self.init()
    let lostHere = unreadable &+ unwritten
    self.delivered = delivered
    missed = figures.missedTotal
    filtered = figures.filtered &+ notWanted
    lost = figures.lost &+ lostHere
    offered = figures.offered &- notWanted &+ missed
    for family in EventFamily.allCases {
      lostByFamily[family] = figures.totals.lost[Int(family.rawValue)]
    }
    lostByFamily[.process] += lostHere
    duration = (figures.ended ?? monotonicNow()) &- figures.began
    missedByProgram = Dictionary(
      uniqueKeysWithValues: figures.missed.map { ($0.program, $0.count) })
    lostByCPU = Dictionary(
      uniqueKeysWithValues: figures.lostByCPU.map { (UInt32($0.key), $0.value) })
    lostByCPUAndFamily = Dictionary(
      uniqueKeysWithValues: figures.lostByCPUAndFamily.map { cpu, lost in
        var counts = FamilyCounts()
        for (family, count) in lost.enumerated() { counts[index: family] = count }
        return (UInt32(cpu), counts)
      })
    lostByCause = LossCauses(
      ringFull: figures.lost, unwritten: unwritten, unreadable: unreadable)
    followFailures = figures.followFailures
  }
}
