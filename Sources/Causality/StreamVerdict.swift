public import KernelEvents

/// What a ``StreamVerifier`` has to say of a stream.
public struct StreamVerdict: Sendable {
  /// Events that were judged.
  public internal(set) var events: UInt64 = 0
  /// The first ticket; nil where there was no event.
  public internal(set) var first: UInt64?
  /// The highest ticket that an event began at.
  public internal(set) var last: UInt64?
  /// Places where events were lost, as the stream tells.
  public internal(set) var gaps: UInt64 = 0
  /// How many were lost there.
  public internal(set) var lost = FamilyCounts()
  /// Events that the kernel skipped, by the capture's account.
  public internal(set) var missed: UInt64 = 0
  /// Records that could not be decoded.
  public internal(set) var unreadable: UInt64 = 0
  /// The first of them.
  public internal(set) var firstUnreadable: EventMark?
  /// Places where the source lacks records.
  public internal(set) var missingPlaces: UInt64 = 0
  /// Tickets that lie there, as far as is known.
  public internal(set) var missingTickets: UInt64 = 0
  /// What could not be judged for want of memory.
  public internal(set) var unjudged: UInt64 = 0
  /// Violations by the name of their rule; a rule without one is absent.
  public internal(set) var counts: [String: UInt64] = [:]
  /// The first violations of the tickets' order.
  public internal(set) var sequences: [SequenceViolation] = []
  /// The first violations of what is told to be lost.
  public internal(set) var losses: [LossViolation] = []
  /// The first violations of causality.
  public internal(set) var causality: [CausalityViolation] = []

  /// All violations.
  public var violations: UInt64 { counts.values.reduce(0, &+) }
  /// Whether the stream is what it says: no violation, and nothing that could not be read.
  public var isProven: Bool { violations == 0 && unreadable == 0 && missingPlaces == 0 }

  /// The name of every rule that ``counts`` may hold, in the order in which they are listed.
  public static var rules: [String] {
    SequenceViolation.Rule.allCases.map(\.rawValue) + LossViolation.Rule.allCases.map(\.rawValue)
      + CausalityRule.allCases.map(\.rawValue)
  }

  /// The lines of the violations kept, in the order of the stream, each with both events.
  public var lines: [String] {
    var marked: [(place: UInt64, line: String)] = []
    for violation in sequences { marked.append((violation.effect.sequence, "\(violation)")) }
    for violation in losses { marked.append((violation.effect?.sequence ?? .max, "\(violation)")) }
    for violation in causality {
      marked.append((violation.effect.sequence, violation.fullDescription))
    }
    return marked.sorted { $0.place < $1.place }.map(\.line)
  }
}

extension SequenceViolation: CustomStringConvertible {
  /// One line.
  public var description: String {
    let what =
      rule == .sequenceHole
      ? "\(tickets) tickets are missing" : "\(tickets) tickets were given out before"
    return "\(rule.rawValue): \(what): \(effect); before it \(earlier)"
  }
}

extension LossViolation: CustomStringConvertible {
  /// One line.
  public var description: String {
    let event = effect.map { ": \($0)" } ?? ""
    switch rule {
    case .lossMiscounted:
      return "\(rule.rawValue): \(told) events lost by the header, \(expected) by the gap\(event)"
    case .gapOutOfPlace:
      return "\(rule.rawValue): a gap behind \(told), its CPU's last is \(expected)\(event)"
    case .lossUnaccounted:
      return "\(rule.rawValue): \(told) events lost in gaps, \(expected) by the account"
    }
  }
}

extension CausalityViolation {
  /// One line that places both events.
  public var fullDescription: String {
    let task = "task \(tid) of process \(process.pid) (start \(process.start))"
    let line = "\(rule.rawValue): \(task) \(rule.predicate): \(effect)"
    return earlier.map { "\(line); against \($0)" } ?? line
  }
}
