public import KernelEvents
public import SequencerABI

/// The last words of a run: what was offered, delivered and lost, and whether the order held.
///
/// `offered = delivered + lost + missed` is the caller's to keep; ``isConserved`` says whether it
/// holds. Filtered events are not part of it.
public struct Summary: Equatable, Sendable {
  /// Events that happened and passed the filters.
  public var offered: UInt64 = 0
  /// Events that were handed out.
  public var delivered: UInt64 = 0
  /// Events counted at the closed gate.
  public var lost: UInt64 = 0
  /// Events whose program the kernel skipped.
  public var missed: UInt64 = 0
  /// Events a filter turned away.
  public var filtered: UInt64 = 0
  /// Places in the stream where events were lost.
  public var gaps: UInt64 = 0
  /// ``lost``, by family.
  public var lostByFamily = FamilyCounts()
  /// The families that were enabled: their losses are told even where 0.
  public var families: [EventFamily] = [.process]
  /// Events whose sequence did not rise.
  public var orderingViolations: UInt64 = 0
  /// Effects delivered before their causes.
  public var causalityViolations: UInt64 = 0
  /// Whether the order was judged at all; where not, the two above are 0 and say nothing.
  public var isJudged = true
  /// The longest wait for a slot that was claimed and not published, ns.
  public var longestStall: UInt64 = 0
  /// The CPU whose producer was waited for then; nil if there was no wait or it is not known.
  public var longestStallCPU: UInt32?
  /// Length of the run, ns.
  public var duration: UInt64 = 0

  /// ``missed``, by program; nil leaves it out.
  public var missedByProgram: [String: UInt64]?
  /// Forks delivered; nil leaves it out.
  public var forks: UInt64?
  /// Execs delivered; nil leaves it out.
  public var execs: UInt64?
  /// Exits delivered; nil leaves it out.
  public var exits: UInt64?
  /// ``lost``, by CPU; nil leaves it out.
  public var lostByCPU: [UInt32: UInt64]?
  /// ``lostByCPU``, by family as well; nil leaves it out.
  public var lostByCPUAndFamily: [UInt32: FamilyCounts]?
  /// ``lost``, by cause; nil leaves it out.
  public var lostByCause: LossCauses?
  /// Tasks that should have been followed and could not be; nil leaves it out.
  public var followFailures: UInt64?
  /// Why the run ended; nil leaves it out.
  public var reason: String?

  /// Why events were lost; the sum is ``Summary/lost``. What the kernel skipped is
  /// ``Summary/missed``.
  public struct LossCauses: Equatable, Sendable {
    /// The ring was full: turned away at the gate.
    public var ringFull: UInt64
    /// Read, and not written: the disk was full, or the run was given up.
    public var unwritten: UInt64
    /// Read, and not understood.
    public var unreadable: UInt64

    /// Counts, each as given.
    public init(ringFull: UInt64, unwritten: UInt64, unreadable: UInt64) {
      self.ringFull = ringFull
      self.unwritten = unwritten
      self.unreadable = unreadable
    }
  }

  /// Makes a summary of zeros.
  public init() {}

  /// Events delivered in a second, rounded down; 0 for a run of no length.
  public var eventsPerSecond: UInt64 {
    guard duration > 0 else { return 0 }
    // 128 bits: a product past 2⁶⁴ is reached within hours.
    let product = delivered.multipliedFullWidth(by: 1_000_000_000)
    guard product.high < duration else { return .max }
    return duration.dividingFullWidth(product).quotient
  }

  /// Whether every event that was offered is accounted for.
  public var isConserved: Bool { offered == delivered &+ lost &+ missed }
}

extension Summary {
  /// Appends the summary as one JSON object and a newline; schema/summary.schema.json tells the keys.
  public func writeJSON(into buffer: inout OutputBuffer) {
    buffer.append("{\"offered\":")
    buffer.append(decimal: offered)
    buffer.append(nextKey: "delivered", delivered)
    buffer.append(nextKey: "lost", lost)
    buffer.append(nextKey: "missed", missed)
    buffer.append(nextKey: "filtered", filtered)
    buffer.append(nextKey: "gaps", gaps)
    buffer.append(",\"lost_by_family\":")
    buffer.append(counts: lostByFamily, always: families)
    buffer.append(nextKey: "ordering_violations", orderingViolations)
    buffer.append(nextKey: "causality_violations", causalityViolations)
    if !isJudged { buffer.append(",\"judged\":false") }
    buffer.append(nextKey: "longest_stall_ns", longestStall)
    buffer.append(",\"longest_stall_cpu\":")
    if let longestStallCPU {
      buffer.append(decimal: UInt64(longestStallCPU))
    } else {
      buffer.append("null")
    }
    buffer.append(nextKey: "duration_ns", duration)
    buffer.append(nextKey: "events_per_second", eventsPerSecond)
    if let missedByProgram {
      let sorted = missedByProgram.sorted { $0.key < $1.key }
      write("missed_by_program", sorted.map { ($0.key, $0.value) }, &buffer)
    }
    if let forks { buffer.append(nextKey: "forks", forks) }
    if let execs { buffer.append(nextKey: "execs", execs) }
    if let exits { buffer.append(nextKey: "exits", exits) }
    if let lostByCPU {
      let sorted = lostByCPU.sorted { $0.key < $1.key }
      write("lost_by_cpu", sorted.map { ("\($0.key)", $0.value) }, &buffer)
    }
    if let lostByCPUAndFamily {
      buffer.append(",\"lost_by_cpu_and_family\":{")
      for (index, entry) in lostByCPUAndFamily.sorted(by: { $0.key < $1.key }).enumerated() {
        buffer.append(index == 0 ? "\"" : ",\"")
        buffer.append(decimal: entry.key)
        buffer.append("\":")
        buffer.append(counts: entry.value, always: [])
      }
      buffer.append("}")
    }
    if let lostByCause {
      buffer.append(",\"lost_by_cause\":{\"ring_full\":")
      buffer.append(decimal: lostByCause.ringFull)
      buffer.append(nextKey: "unwritten", lostByCause.unwritten)
      buffer.append(nextKey: "unreadable", lostByCause.unreadable)
      buffer.append("}")
    }
    if let followFailures { buffer.append(nextKey: "follow_failures", followFailures) }
    if let reason {
      buffer.append(",\"reason\":")
      buffer.append(jsonString: Array(reason.utf8).span.raw)
    }
    buffer.append("}\n")
  }

  private func write(
    _ key: StaticString, _ counts: [(String, UInt64)], _ buffer: inout OutputBuffer
  ) {
    buffer.append(",")
    buffer.append(key: key)
    buffer.append("{")
    for (index, (name, count)) in counts.enumerated() {
      if index > 0 { buffer.append(",") }
      buffer.append(jsonString: Array(name.utf8).span.raw)
      buffer.append(":")
      buffer.append(decimal: count)
    }
    buffer.append("}")
  }

  /// Appends the summary for people: a line of what counts, and a line for whatever went wrong.
  public func writeText(into buffer: inout OutputBuffer) {
    var text =
      "ordinal: \(delivered) of \(offered) events delivered, \(lost) lost, \(missed) missed, "
      + "\(filtered) filtered"
    text +=
      isJudged
      ? "; \(orderingViolations) ordering and \(causalityViolations) causality violations\n"
      : "; the order is not judged yet: ordinal verify\n"
    buffer.append(text: text)
    buffer.append(text: "ordinal: \(eventsPerSecond) events/s over ")
    buffer.append(duration: duration)
    buffer.append(", longest stall ")
    buffer.append(duration: longestStall)
    text = longestStallCPU.map { " on cpu \($0)" } ?? ""
    let kinds = [("forks", forks), ("execs", execs), ("exits", exits)]
    for case (let name, let count?) in kinds { text += "; \(count) \(name)" }
    text += "\n"
    if lost > 0 || gaps > 0 {
      var parts = EventFamily.allCases.filter { lostByFamily[$0] > 0 }.map {
        "\($0.name) \(lostByFamily[$0])"
      }
      for (cpu, count) in (lostByCPU ?? [:]).sorted(by: { $0.key < $1.key }) where count > 0 {
        parts.append("cpu \(cpu): \(count)")
      }
      text += "ordinal: lost in \(gaps) gaps"
      text += parts.isEmpty ? "\n" : " (\(parts.joined(separator: ", ")))\n"
    }
    if let unwritten = lostByCause?.unwritten, unwritten > 0 {
      text += "ordinal: \(unwritten) of the lost events were read and could not be written\n"
    }
    for (program, count) in (missedByProgram ?? [:]).sorted(by: { $0.key < $1.key })
    where count > 0 {
      text += "ordinal: the kernel skipped \(program) \(count) times\n"
    }
    if let followFailures, followFailures > 0 {
      text += "ordinal: \(followFailures) tasks could not be followed: the map was full\n"
    }
    if !isConserved {
      text += "ordinal: the figures don't add up: \(offered) offered, "
      text += "\(delivered) + \(lost) + \(missed) accounted for\n"
    }
    if let reason { text += "ordinal: ended: \(reason)\n" }
    buffer.append(text: text)
  }
}
