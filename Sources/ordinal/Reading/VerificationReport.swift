import Causality
import EventFormats
import KernelEvents
import Recording
import Sequencer
import SequencerABI

/// What a verification found, as text and as JSON.
struct VerificationReport {
  let verdict: StreamVerdict
  /// The recording's; none where the running stream was judged.
  let segments: [SegmentSummary]
  let start: RecordingStart?
  /// Blocks whose checksums were looked at.
  let blocks: UInt64
  /// What can't be read, the first of it, and how many places in all.
  let damage: [RecordingDamage]
  let damageCount: UInt64
  /// Events that the kernel's counters say were offered; nil where they can't be held against the
  /// stream.
  let offered: UInt64?
  /// Violations listed at most.
  let kept: Int

  /// Whether everything that should hold does. A recording cut at its end is proved up to there.
  var isProven: Bool {
    verdict.isProven && isConserved && !damage.contains { !$0.isEnd } && damageCount <= 100
  }

  /// Whether what was offered is what there is and what was lost.
  private var isConserved: Bool {
    offered.map { $0 == verdict.events &+ verdict.lost.total } ?? true
  }

  /// Some lines: what was read, what was found, the verdict last.
  var text: String {
    var lines: [String] = []
    if let start, let first = segments.first {
      let bytes = segments.reduce(0) { $0 &+ $1.byteCount }
      let count = segments.count == 1 ? "1 segment" : "\(segments.count) segments"
      lines.append(
        "recording: \(count), \(bytes) bytes, \(blocks) blocks; \(visible(start.facts.host)), kernel "
          + "\(visible(start.facts.kernel)) \(visible(start.facts.architecture)), from "
          + "\(time(first.began, first.clockOffset))"
          + (segments.last.flatMap { last in last.ended.map { time($0, last.clockOffset) } }
            .map { " to \($0)" } ?? ""))
    }
    if let first = verdict.first, let last = verdict.last {
      lines.append(
        "sequences: \(first) to \(last), \(verdict.events) events"
          + (verdict.missingPlaces == 0
            ? ""
            : "; \(verdict.missingTickets) sequences missing in \(verdict.missingPlaces) places"))
    } else {
      lines.append("sequences: none, there is no event")
    }
    lines.append("losses: " + lossText)
    for entry in damage { lines.append("\(entry.isEnd ? "end" : "damage"): \(entry)") }
    if damageCount > UInt64(damage.count) {
      lines.append("damage: \(damageCount - UInt64(damage.count)) more places")
    }
    if verdict.unreadable > 0 {
      let mark = verdict.firstUnreadable.map { "; the first: \($0)" } ?? ""
      lines.append("unreadable: \(verdict.unreadable) records are none this program knows\(mark)")
    }
    lines += verdict.lines.prefix(kept).map { "violation: \($0)" }
    if verdict.unjudged > 0 {
      lines.append("unjudged: \(verdict.unjudged) events or tasks, for want of memory")
    }
    if !verdict.counts.isEmpty {
      let counts = StreamVerdict.rules.compactMap { rule in
        verdict.counts[rule].map { "\(rule) \($0)" }
      }
      lines.append("rules broken: \(counts.joined(separator: ", "))")
    }
    lines.append("verdict: " + verdictText)
    return lines.map { visible($0) + "\n" }.joined()
  }

  private var lossText: String {
    let lost = verdict.lost.total
    var text = lost == 0 ? "none told" : "\(lost) events in \(verdict.gaps) gaps"
    if let offered {
      text +=
        isConserved
        ? "; the kernel offered \(offered) = \(verdict.events) + \(lost)"
        : "; the kernel offered \(offered), which is not \(verdict.events) + \(lost)"
    }
    if verdict.missed > 0 { text += "; the kernel skipped \(verdict.missed) besides" }
    return text
  }

  private var verdictText: String {
    if isProven {
      let isCut = damage.contains { $0.isEnd }
      return "proved" + (isCut ? ", up to where it ends" : "")
    }
    var parts: [String] = []
    if verdict.violations > 0 { parts.append("\(verdict.violations) violations") }
    if damageCount > 0 { parts.append("\(damageCount) damaged places") }
    if verdict.unreadable > 0 { parts.append("\(verdict.unreadable) unreadable records") }
    if !isConserved { parts.append("the account doesn't add up") }
    return "not proved: " + parts.joined(separator: ", ")
  }

  private func time(_ monotonic: UInt64, _ offset: Int64) -> String {
    var clock = ClockOffset(nanoseconds: offset)
    let text = clock.rfc3339(monotonic)
    return String(decoding: (0..<30).map { text[$0] }, as: UTF8.self)
  }

  /// One JSON object and a newline.
  var json: String {
    var text = #"{"proved":\#(isProven),"events":\#(verdict.events)"#
    text += #","first_seq":\#(number(verdict.first)),"last_seq":\#(number(verdict.last))"#
    text += #","gaps":\#(verdict.gaps),"lost":\#(verdict.lost.total),"missed":\#(verdict.missed)"#
    text += #","offered":\#(number(offered)),"unreadable":\#(verdict.unreadable)"#
    text += #","missing_places":\#(verdict.missingPlaces)"#
    text += #","missing_seqs":\#(verdict.missingTickets)"#
    text += #","unjudged":\#(verdict.unjudged),"violations":\#(verdict.violations),"by_rule":{"#
    text += StreamVerdict.rules.compactMap { rule in
      verdict.counts[rule].map { "\"\(rule)\":\($0)" }
    }.joined(separator: ",")
    text += #"},"segments":\#(segments.count),"blocks":\#(blocks),"damage":"#
    text += array(damage.map(\.description)) + #","damaged_places":\#(damageCount)"#
    return text + #","violation_lines":"# + array(Array(verdict.lines.prefix(kept))) + "}\n"
  }

  private func number(_ value: UInt64?) -> String { value.map(String.init) ?? "null" }

  private func array(_ lines: [String]) -> String {
    var buffer = OutputBuffer(capacity: 1024)
    for (index, line) in lines.enumerated() {
      buffer.append(index == 0 ? "[" : ",")
      buffer.append(jsonString: line)
    }
    return lines.isEmpty ? "[]" : String(decoding: buffer.array, as: UTF8.self) + "]"
  }
}

extension RecordingDamage {
  /// Whether it is the recording's end that is missing, and nothing within.
  var isEnd: Bool { cause == .cut || cause == .unfinished }
}
