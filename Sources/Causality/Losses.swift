import KernelEvents
import SequencerABI

/// Events lost that may be causes, as a number that can be used up.
struct LossBudget {
  private(set) var count: UInt64 = 0
  /// The lowest bound of any gap; a suspect below it can't be explained by a gap.
  private var earliest: UInt64?

  mutating func add(_ lost: UInt64, from bound: UInt64) {
    if lost == 0 { return }
    count &+= lost
    earliest = min(earliest ?? .max, bound)
  }

  /// Takes one loss as the explanation of the suspect at `sequence`.
  mutating func explain(_ sequence: UInt64) -> Bool {
    guard count > 0, let earliest, earliest <= sequence else { return false }
    count -= 1
    return true
  }
}

/// Where in the order events were lost, and of which families.
///
/// Bounded: past ``limit`` places neighbours are joined, which explains more than was lost, never less.
struct LossPlaces {
  /// The lost events lie from `first` up to `last`, their bounds included.
  private struct Place {
    var first: UInt64
    var last: UInt64
    var families: UInt32
  }

  static let limit = 4_096
  private var places: [Place] = []
  /// The latest place's last bound, of any family.
  private var latest: UInt64?

  var isEmpty: Bool { places.isEmpty }

  /// Notes a place.
  mutating func add(families: UInt32, first: UInt64, last: UInt64) {
    if families == 0 { return }
    if places.count >= LossPlaces.limit { join() }
    places.append(Place(first: first, last: max(first, last), families: families))
    latest = max(latest ?? 0, max(first, last))
  }

  /// Whether an event of `families` may have been lost behind `from` and not behind `to`.
  func hasLoss(of families: UInt32, after from: UInt64, upTo to: UInt64) -> Bool {
    guard let latest, latest > from else { return false }
    // From the end: most questions are about what came just now.
    for place in places.reversed()
    where place.families & families != 0 && place.last > from && place.first <= to {
      return true
    }
    return false
  }

  private mutating func join() {
    places.sort { $0.first < $1.first }
    var joined: [Place] = []
    joined.reserveCapacity(places.count / 2 + 1)
    for index in stride(from: 0, to: places.count, by: 2) {
      var place = places[index]
      if index + 1 < places.count {
        place.last = max(place.last, places[index + 1].last)
        place.families |= places[index + 1].families
      }
      joined.append(place)
    }
    places = joined
  }
}

/// Effects whose causes are absent, until it is known what was lost.
struct Suspects {
  /// One that any loss of a family between its two events explains.
  private struct Doubt {
    var violation: CausalityViolation
    var families: UInt32
    var from: UInt64
    /// A process that explains it too, if no event of it is ever delivered.
    var silent: ProcessKey?
  }

  static let limit = 65_536
  /// Families whose events tell what one task does to another.
  private static var ofOthers: UInt32 {
    EventFamily.process.bit | EventFamily.scheduler.bit | EventFamily.signal.bit
  }
  /// Those that use up a loss each; one a task.
  private var counted: [TaskKey: CausalityViolation] = [:]
  private var doubts: [Doubt] = []
  private(set) var dropped: UInt64 = 0

  var count: Int { counted.count + doubts.count }

  mutating func add(_ task: TaskKey, _ violation: CausalityViolation) {
    // An earlier one waits to be judged already.
    if counted[task] != nil { return }
    if counted.count >= Suspects.limit {
      dropped += 1
    } else {
      counted[task] = violation
    }
  }

  mutating func add(
    _ violation: CausalityViolation, unlessLost families: UInt32, from: UInt64,
    orSilent silent: ProcessKey? = nil
  ) {
    if doubts.count >= Suspects.limit {
      dropped += 1
    } else {
      doubts.append(
        Doubt(violation: violation, families: families, from: from, silent: silent))
    }
  }

  /// The times in which a CPU ran a process that `isSilent` knows for one that no event was ever delivered of,
  /// as far as they are behind a doubt.
  func silences(_ isSilent: (ProcessKey) -> Bool) -> LossPlaces {
    var places = LossPlaces()
    for doubt in doubts {
      guard let silent = doubt.silent, isSilent(silent) else { continue }
      places.add(families: .max, first: doubt.from, last: doubt.violation.sequence)
    }
    return places
  }

  /// A better explanation was found.
  mutating func remove(_ task: TaskKey) {
    if !counted.isEmpty { counted[task] = nil }
  }

  /// Hands out what no loss explains, in the order of the stream, and forgets all.
  ///
  /// - Parameters:
  ///   - missed: Events that the kernel skipped; their places are not known.
  ///   - process: Lost events of the process family.
  ///   - scheduler: Lost events of the scheduler's.
  ///   - places: Where events were lost.
  ///   - silences: Where something may have happened that the kernel doesn't tell.
  /// - Returns: the violations.
  mutating func settle(
    missed: UInt64, process: inout LossBudget, scheduler: inout LossBudget, places: LossPlaces,
    silences: LossPlaces
  ) -> [CausalityViolation] {
    var found: [CausalityViolation] = []
    var left = missed
    for suspect in counted.values.sorted(by: { $0.sequence < $1.sequence }) {
      let isExplained =
        suspect.rule == .ranWithoutWakeup
        ? scheduler.explain(suspect.sequence) : process.explain(suspect.sequence)
      let from = suspect.earlier?.sequence ?? 0
      if isExplained || silences.hasLoss(of: .max, after: from, upTo: suspect.sequence) { continue }
      if left > 0 {
        left -= 1
      } else {
        found.append(suspect)
      }
    }
    // One skipped event may be behind several doubts, and nobody knows where it was.
    if missed == 0 {
      for doubt in doubts
      where !places.hasLoss(
        of: doubt.families, after: doubt.from, upTo: doubt.violation.sequence)
      {
        // What others do to a task can be hidden, what it does itself can't.
        let isHidden =
          doubt.families & Suspects.ofOthers != 0
          && silences.hasLoss(
            of: .max, after: doubt.from, upTo: doubt.violation.sequence)
        if !isHidden { found.append(doubt.violation) }
      }
    }
    counted.removeAll()
    doubts.removeAll()
    return found.sorted { $0.sequence < $1.sequence }
  }
}
