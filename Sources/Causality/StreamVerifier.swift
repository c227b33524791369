public import KernelEvents
public import SequencerABI

/// A place where the tickets of a stream don't follow one another.
public struct SequenceViolation: Equatable, Sendable {
  /// What is wrong.
  public enum Rule: String, CaseIterable, Sendable {
    /// Tickets are missing between two events.
    case sequenceHole
    /// An event has a ticket that was given out before.
    case sequenceRepeated
  }

  /// What is wrong.
  public var rule: Rule
  /// The event before it.
  public var earlier: EventMark
  /// The event that shows it.
  public var effect: EventMark
  /// How many tickets are missing, or how many were given out twice at least.
  public var tickets: UInt64
}

/// A place where the losses that a record tells don't agree with themselves.
public struct LossViolation: Equatable, Sendable {
  /// What is wrong.
  public enum Rule: String, CaseIterable, Sendable {
    /// A record says that more or fewer events were lost before it than its gap does.
    case lossMiscounted
    /// A gap begins behind an event that is none of its CPU's.
    case gapOutOfPlace
    /// All gaps of a family together are not what was lost of it by the account.
    case lossUnaccounted
  }

  /// What is wrong.
  public var rule: Rule
  /// The event that tells the loss; nil for ``Rule/lossUnaccounted``.
  public var effect: EventMark?
  /// What was told.
  public var told: UInt64
  /// What would agree.
  public var expected: UInt64
}

/// Proves a whole stream: that its tickets follow one another, spans counted; that its losses are told and add
/// up; and, by a ``CausalityVerifier``, that its order is one that can have happened.
///
/// It is fed every record of a recording or of a running capture, in order: ``observe(_:)`` with what could be
/// decoded, ``observe(unreadable:)`` with the header of what could not, ``observe(missing:)`` where the source
/// itself lacks records. Then ``finish(missed:lost:)`` gives the verdict. Bounded memory, as the judge has.
/// Not for concurrent use.
public struct StreamVerifier {
  /// Records that the source lacks, e.g. a damaged block of a file: not a hole of the stream, but nothing is
  /// proved there either.
  public struct MissingRecords: Equatable, Sendable {
    /// The first ticket that is missing; nil where that isn't known.
    public var first: UInt64?
    /// The first ticket that is there again; nil where that isn't known, or nothing follows.
    public var next: UInt64?

    /// Tells of records missing from ticket `first` up to, and without, ticket `next`.
    public init(first: UInt64?, next: UInt64?) {
      self.first = first
      self.next = next
    }
  }

  /// The judge of the order.
  public private(set) var judge: CausalityVerifier
  private var verdict = StreamVerdict()
  private let kept: Int
  private var last: EventMark?
  /// The ticket that comes next; nil where any may.
  private var expected: UInt64?
  /// The last ticket of each CPU, + 1; 0: none.
  private var lastOfCPU: [UInt64] = []

  /// Makes a verifier.
  ///
  /// - Parameters:
  ///   - judge: the judge of the order, fresh.
  ///   - kept: Violations kept of each kind; all are counted.
  public init(_ judge: CausalityVerifier, kept: Int = 100) {
    self.judge = judge
    self.kept = kept
  }

  /// Takes in an event, with the gap that it carries.
  public mutating func observe(_ event: DecodedEvent) {
    let mark = EventMark(event)
    follow(mark, span: UInt64(event.header.span))
    verdict.events += 1
    let gap = event.gap
    let told = gap?.total ?? 0
    if UInt64(event.header.lostBefore) != min(told, UInt64(UInt32.max)) {
      note(
        LossViolation(
          rule: .lossMiscounted, effect: mark, told: UInt64(event.header.lostBefore),
          expected: told))
    }
    if let gap { take(gap, mark) }
    judge.observe(event)
    noteCPU(mark)
  }

  /// Takes in a place where events were lost that no record tells of.
  public mutating func observe(_ gap: Gap) { take(gap, nil) }

  /// Takes in a record that could not be decoded.
  ///
  /// - Parameter header: its header; of it sequence and span are believed, and nothing else.
  public mutating func observe(unreadable header: RecordHeader) {
    let mark = EventMark(header)
    follow(mark, span: UInt64(max(1, header.span)))
    verdict.unreadable += 1
    if verdict.firstUnreadable == nil { verdict.firstUnreadable = mark }
    judge.observeMissing(from: mark.sequence, through: mark.sequence, count: 1)
  }

  /// Takes in that the source lacks records here.
  public mutating func observe(missing records: MissingRecords) {
    let first = records.first ?? expected ?? 0
    let next = max(records.next ?? .max, first)
    verdict.missingPlaces += 1
    let tickets = records.next.map { max($0, first) - first } ?? 0
    verdict.missingTickets &+= tickets
    // Each ticket is an event at most; where their number is unknown, any number.
    judge.observeMissing(
      from: first, through: next == 0 ? 0 : next - 1, count: tickets == 0 ? 1 << 32 : tickets)
    expected = records.next
  }

  /// Gives the verdict; call it when everything has been observed.
  ///
  /// - Parameters:
  ///   - missed: Events that the kernel skipped; their places are not known.
  ///   - lost: What was lost by the capture's account, by family; nil where that isn't known, or the
  ///     stream is only a part of a capture's.
  /// - Returns: what was found.
  public mutating func finish(missed: UInt64 = 0, lost: FamilyCounts? = nil) -> StreamVerdict {
    judge.finish(missed: missed)
    verdict.missed = missed
    if let lost, verdict.missingPlaces == 0 {
      for family in EventFamily.allCases where lost[family] != verdict.lost[family] {
        note(
          LossViolation(
            rule: .lossUnaccounted, effect: nil, told: verdict.lost[family],
            expected: lost[family]))
      }
    }
    verdict.unjudged = judge.unjudged
    verdict.causality = judge.firstCausalityViolations
    for rule in CausalityRule.allCases where judge.count(of: rule) > 0 {
      verdict.counts[rule.rawValue] = judge.count(of: rule)
    }
    return verdict
  }

  private mutating func follow(_ mark: EventMark, span: UInt64) {
    if let expected, let last, mark.sequence != expected {
      let isHole = mark.sequence > expected
      let rule: SequenceViolation.Rule = isHole ? .sequenceHole : .sequenceRepeated
      verdict.counts[rule.rawValue, default: 0] += 1
      if verdict.sequences.count < kept {
        verdict.sequences.append(
          SequenceViolation(
            rule: rule, earlier: last, effect: mark,
            tickets: isHole ? mark.sequence - expected : expected - mark.sequence))
      }
      if isHole {
        judge.observeMissing(
          from: expected, through: mark.sequence - 1, count: mark.sequence - expected)
      }
    }
    if verdict.first == nil { verdict.first = mark.sequence }
    // A record out of place does not take the place of those behind it.
    let next = mark.sequence &+ max(1, span)
    expected = max(next, expected ?? 0)
    if last.map({ $0.sequence <= mark.sequence }) ?? true { last = mark }
    verdict.last = last?.sequence
  }

  private mutating func take(_ gap: Gap, _ mark: EventMark?) {
    verdict.gaps += 1
    verdict.lost.add(gap.lost)
    // The last record of its CPU before the loss; an earlier one where contexts were nested.
    let cpu = Int(gap.cpu)
    if let mark, let after = gap.afterSequence, cpu < lastOfCPU.count, lastOfCPU[cpu] > 0,
      after >= lastOfCPU[cpu]
    {
      note(
        LossViolation(
          rule: .gapOutOfPlace, effect: mark, told: after, expected: lastOfCPU[cpu] - 1))
    }
    judge.observe(gap)
  }

  private mutating func noteCPU(_ mark: EventMark) {
    let cpu = Int(mark.cpu)
    while cpu >= lastOfCPU.count { lastOfCPU.append(0) }
    lastOfCPU[cpu] = max(lastOfCPU[cpu], mark.sequence &+ 1)
  }

  private mutating func note(_ violation: LossViolation) {
    verdict.counts[violation.rule.rawValue, default: 0] += 1
    if verdict.losses.count < kept { verdict.losses.append(violation) }
  }
}
