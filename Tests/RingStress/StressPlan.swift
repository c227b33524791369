import SequencerABI
package import SequencerCore

extension Stress {
  /// Stresses of 2 to 16 threads that deliver `records` records together.
  package static func plan(records: UInt64) -> [Stress] {
    let part = records / 16 + 1
    return [
      Stress(threads: 2, longest: 2, records: 4 * part),
      Stress(threads: 3, longest: 4, records: 2 * part, collectsResiduals: true),
      Stress(threads: 4, longest: 5, records: 2 * part),
      Stress(threads: 2, longest: 5, records: 2 * part, levels: 4),
      Stress(threads: 8, longest: 3, records: 2 * part),
      Stress(threads: 4, longest: 48, records: part, levels: 2, collectsResiduals: true),
      Stress(threads: 2, longest: 48, records: part, isLeastRing: true),
      Stress(threads: 16, longest: 2, records: part),
      Stress(threads: 16, longest: 48, records: part, levels: 4, isLeastRing: true),
    ]
  }

  /// The steps that every stress must have stalled at, but for those that depend on its luck.
  package static let producerSteps: [ProducerStep] = [
    .viewRead, .admitted, .lossCounted, .pendingTaken, .claimed, .cursorNoted, .gateSettled,
    .filled, .published,
  ]
}

extension Stress.Result: CustomStringConvertible {
  /// Figures in one line.
  package var description: String {
    "\(offered) offered, \(delivered) delivered, \(lost) lost, \(parks) parks, "
      + "\(successors) successors, \(producerStalls.values.reduce(0, +)) and "
      + "\(consumerStalls.values.reduce(0, +)) stalls"
  }
}

extension ParkRaces.Result: CustomStringConvertible {
  /// Figures in one line.
  package var description: String {
    "\(waits.parks + waits.secondLooks) races: \(waits.parks) parks, \(bells) bells, "
      + "\(waits.secondLooks) second looks that found a record; \(overlaps) overlapped; "
      + "\(waits.lateWakeUps) wake-ups lost"
  }

  /// What is wrong, in words; nothing where no wake-up was lost.
  package var complaints: [String] {
    var complaints: [String] = []
    if let complaint { complaints.append(complaint) }
    if waits.lateWakeUps > 0 { complaints.append("a wake-up was lost") }
    if delivered != published { complaints.append("\(published) published, \(delivered) read") }
    return complaints
  }
}

/// Two threads that write into a slot that neither has claimed, for the proof that a watcher sees it.
package func raceOnPurpose() {
  let ring = HostRing(capacity: 256, reserve: 96)
  onThreads(2) { index in
    for number in 0..<1000 {
      unsafe ring.slots.storeBytes(of: number + index, as: Int.self)
    }
  }
}
