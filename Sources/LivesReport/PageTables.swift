import EventFormats
import KernelEvents
import Markup
import ProcessLives
import SequencerABI

/// The parts of the page that need no script: heading, figures, tables.
struct PageTables {
  private static var rowLimit: Int { 20 }
  private static var failureRows: Int { 60 }

  let lives: ProcessLives
  let facts: RecordingFacts
  let data: PageData

  init(_ lives: ProcessLives, facts: RecordingFacts, data: PageData) {
    self.lives = lives
    self.facts = facts
    self.data = data
  }

  /// The heading: what was recorded where and when, and in plain sight what is missing.
  func header(title: String) -> String {
    var parts = [facts.machine, facts.kernel, facts.architecture].filter { !$0.isEmpty }
    if facts.cpus > 0 { parts.append(facts.cpus == 1 ? "1 CPU" : "\(facts.cpus) CPUs") }
    if var clock = facts.clock { parts.append(PageTables.day(clock.rfc3339(data.begin))) }
    var text = "<header><h1>\(title)</h1>\n"
    text += "<p>" + parts.map(Markup.escape).joined(separator: " · ") + "</p>\n"
    for notice in notices { text += "<p class=\"notice\">\(Markup.escape(notice))</p>\n" }
    return text + "</header>\n"
  }

  private var notices: [String] {
    var notices: [String] = []
    if lives.tree.lost > 0 {
      let places = lives.gaps == 1 ? "one place" : "\(number(lives.gaps)) places"
      notices.append(
        "\(number(lives.tree.lost)) events were lost in \(places): processes may be missing, and "
          + "ends not seen.")
    }
    if facts.missed > 0 {
      notices.append("\(number(facts.missed)) events were missed by the kernel.")
    }
    if lives.tree.evicted > 0 {
      notices.append(
        "The timeline shows \(number(UInt64(lives.tree.count))) of \(number(lives.seen)) processes: "
          + "those that ended first had to go (--limit). The tables count all.")
    }
    if lives.seen == 0 {
      notices.append("No process was recorded: the family process was not among the events.")
    } else if lives.firstMoment == nil {
      notices.append("Recorded without timestamps: there are no rates, and losses have no time.")
    }
    return notices + facts.faults
  }

  /// The figures at the top.
  func cards() -> String {
    let rankings = lives.rankings
    let events = lives.events.total
    let length = data.end - data.begin
    let rate = length > 0 ? Double(events) * 1e9 / Double(length) : 0
    var text = "<dl class=\"cards\">\n"
    text += card(
      "Processes", number(lives.seen),
      rankings.endless == 0
        ? "all ended"
        : "\(number(rankings.endless)) \(lives.tree.lost > 0 ? "without an end" : "still running")")
    let share = Double(rankings.failed) * 100 / Double(max(1, rankings.failed + rankings.succeeded))
    text += card(
      "Failed", number(rankings.failed), "\(PageTables.tenths(share)) % of those that ended",
      isBad: rankings.failed > 0)
    text += card("Execs", number(rankings.execs), "")
    text += card("Events", number(events), "\(number(UInt64(rate))) a second")
    text += card(
      "Lost", number(lives.tree.lost), lives.tree.lost == 0 ? "every event is here" : "events",
      isBad: lives.tree.lost > 0)
    text += card("Length", duration(length), "")
    return text + "</dl>\n"
  }

  private func card(_ name: String, _ value: String, _ note: String, isBad: Bool = false) -> String
  {
    "<div><dt>\(name)</dt><dd\(isBad ? " class=\"bad\"" : "")>\(value)<small>\(note)</small></dd></div>\n"
  }

  /// All tables.
  func tables() -> String {
    "<div class=\"tables\">" + failures() + "<div class=\"pair\">\n"
      + ranking(
        "Slowest execs", "From the fork to the first exec.", "time", lives.rankings.slowestExecs,
        duration)
      + ranking(
        "Longest lives", "Of those that ended.", "ran", lives.rankings.longestLives, duration)
      + parents() + losses() + "</div>\n" + recording() + "</div>\n"
  }

  private func failures() -> String {
    let groups = lives.rankings.failureGroups
    var text = "<section><h2>Failures</h2>\n"
    if groups.isEmpty {
      return text + "<p class=\"good\">Every process that ended did so with code 0.</p></section>\n"
    }
    text +=
      "<div class=\"wide\"><table><thead><tr><th class=\"n\">count</th><th>program</th><th>end</th>"
      + "<th class=\"n\">first at</th><th>first one</th><th class=\"command\">its command</th></tr></thead><tbody>\n"
    for group in groups.prefix(PageTables.failureRows) {
      let process = group.first
      text +=
        "<tr><td class=\"n\">\(number(group.count))</td><td>\(comm(process))</td>"
        + "<td class=\"bad\">\(status(process))</td><td class=\"n\">\(moment(process.key.start))</td>"
        + "<td>\(link(process))</td><td class=\"command\">\(command(process))</td></tr>\n"
    }
    text += "</tbody></table></div>\n"
    let hidden =
      groups.dropFirst(PageTables.failureRows).reduce(0) { $0 + $1.count }
      + lives.rankings.ungroupedFailures
    if hidden > 0 { text += "<p class=\"faint\">… \(number(hidden)) failures more.</p>" }
    return text + "</section>\n"
  }

  private func ranking(
    _ title: String, _ note: String, _ column: String, _ ranking: Ranking,
    _ value: (UInt64) -> String
  ) -> String {
    var text = "<section><h2>\(title)</h2>\n"
    if ranking.entries.isEmpty { return text + "<p class=\"faint\">None was seen.</p></section>\n" }
    text +=
      "<p class=\"faint\">\(note)</p><div class=\"wide\"><table><thead><tr><th class=\"n\">\(column)</th>"
      + "<th>process</th><th class=\"command\">command</th><th>end</th></tr></thead><tbody>\n"
    for (amount, process) in ranking.entries.prefix(PageTables.rowLimit) {
      text +=
        "<tr><td class=\"n\">\(value(amount))</td><td>\(link(process))</td>"
        + "<td class=\"command\">\(command(process))</td>"
        + "<td\(process.hasFailed ? " class=\"bad\"" : "")>\(status(process))</td></tr>\n"
    }
    return text + "</tbody></table></div></section>\n"
  }

  private func parents() -> String {
    let entries = lives.rankings.busiestParents.entries
    var text = "<section><h2>Busiest parents</h2>\n"
    if entries.isEmpty { return text + "<p class=\"faint\">No fork was seen.</p></section>\n" }
    text +=
      "<p class=\"faint\">By processes made.</p><div class=\"wide\"><table><thead><tr>"
      + "<th class=\"n\">made</th><th class=\"n\">failed</th><th>process</th><th class=\"command\">command</th></tr></thead><tbody>\n"
    for (amount, process) in entries.prefix(PageTables.rowLimit) {
      let failed = UInt64(process.failedChildren)
      text +=
        "<tr><td class=\"n\">\(number(amount))</td>"
        + "<td class=\"n\(failed > 0 ? " bad" : "")\">\(number(failed))</td><td>\(link(process))</td>"
        + "<td class=\"command\">\(command(process))</td></tr>\n"
    }
    return text + "</tbody></table></div></section>\n"
  }

  private func losses() -> String {
    var text = "<section><h2>Losses</h2>\n"
    guard lives.tree.lost > 0 else {
      return text + "<p class=\"good\">No event was lost.</p></section>\n"
    }
    text += "<p>"
    text += EventFamily.allCases.filter { lives.lost[$0] > 0 }
      .map { "\($0.name): \(number(lives.lost[$0]))" }.joined(separator: ", ")
    text += "</p>\n"
    let rates = lives.rates
    guard let begin = rates.begin else { return text + "</section>\n" }
    let buckets = (0..<rates.count).filter { rates.lost(in: $0) > 0 }
    let largest = buckets.sorted { (rates.lost(in: $1), $0) < (rates.lost(in: $0), $1) }
    text +=
      "<div class=\"wide\"><table><thead><tr><th class=\"n\">lost</th><th class=\"n\">from</th>"
      + "<th class=\"n\">to</th></tr></thead><tbody>\n"
    for bucket in largest.prefix(PageTables.rowLimit).sorted() {
      let start = begin &+ UInt64(bucket) &* rates.width
      text +=
        "<tr><td class=\"n bad\">\(number(rates.lost(in: bucket)))</td>"
        + "<td class=\"n\">\(moment(start))</td><td class=\"n\">\(moment(start &+ rates.width))</td></tr>\n"
    }
    text += "</tbody></table></div>\n"
    if largest.count > PageTables.rowLimit {
      text +=
        "<p class=\"faint\">The \(PageTables.rowLimit) largest of \(largest.count) stretches.</p>\n"
    }
    return text + "</section>\n"
  }

  private func recording() -> String {
    var rows = [
      ("Machine", facts.machine), ("Kernel", facts.kernel), ("Architecture", facts.architecture),
    ]
    if facts.cpus > 0 { rows.append(("CPUs", "\(facts.cpus)")) }
    if var clock = facts.clock {
      rows.append(("Began", PageTables.text(clock.rfc3339(data.begin))))
      rows.append(("Ended", PageTables.text(clock.rfc3339(data.end))))
    }
    rows.append(("Families", facts.families.map { "\($0.name)" }.joined(separator: ", ")))
    rows.append(("Filters", facts.filters.isEmpty ? "none" : facts.filters.joined(separator: " ")))
    let events = EventFamily.allCases.filter { lives.events[$0] > 0 }
      .map { "\($0.name) \(number(lives.events[$0]))" }
    rows.append(("Events", events.joined(separator: ", ")))
    rows.append(("Gaps", number(lives.gaps)))
    rows += facts.details.map { ($0.name, $0.value) }
    var text = "<section><h2>The recording</h2>\n<div class=\"wide\"><table><tbody>\n"
    for (name, value) in rows where !value.isEmpty {
      text +=
        "<tr><th scope=\"row\">\(Markup.escape(name))</th><td>\(Markup.escape(value))</td></tr>\n"
    }
    return text + "</tbody></table></div></section>\n"
  }
}
