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
  ///   - sink: this program's side, its verifier finished.
  ///   - isReaderGone: the output's reader closed its end: what could not be written then was not
  ///     wanted. An output that failed or was given up loses it.
  init(_ figures: CaptureFigures, sink: borrowing EventSink, isReaderGone: Bool) {
    self.init()
    let unwritten = sink.accepted &- sink.output.delivered
    let notWanted = sink.filtered &+ (isReaderGone ? unwritten : 0)
    let lostHere = sink.unreadable &+ (isReaderGone ? 0 : unwritten)
    delivered = sink.output.delivered
    missed = figures.missedTotal
    filtered = figures.filtered &+ notWanted
    lost = figures.lost &+ lostHere
    offered = figures.offered &- notWanted &+ missed
    gaps = sink.gaps
    for family in EventFamily.allCases {
      lostByFamily[family] = figures.totals.lost[Int(family.rawValue)]
    }
    lostByFamily[.process] += lostHere
    orderingViolations = sink.verifier.orderingViolations
    causalityViolations = sink.verifier.causalityViolations
    duration = (figures.ended ?? monotonicNow()) &- figures.began
    missedByProgram = Dictionary(
      uniqueKeysWithValues: figures.missed.map { ($0.program, $0.count) })
    forks = sink.forks
    execs = sink.execs
    exits = sink.exits
    lostByCPU = Dictionary(
      uniqueKeysWithValues: figures.lostByCPU.map { (UInt32($0.key), $0.value) })
    lostByCPUAndFamily = Dictionary(
      uniqueKeysWithValues: figures.lostByCPUAndFamily.map { cpu, lost in
        var counts = FamilyCounts()
        for (family, count) in lost.enumerated() { counts[index: family] = count }
        return (UInt32(cpu), counts)
      })
    lostByCause = LossCauses(
      ringFull: figures.lost, unwritten: isReaderGone ? 0 : unwritten, unreadable: sink.unreadable)
    followFailures = figures.followFailures
  }
}
