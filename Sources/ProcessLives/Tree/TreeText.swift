public import EventFormats
import KernelEvents
import SequencerABI

/// Draws the process tree of a stream: a heading, a row a process or a fold of alike ones, and what is
/// missing.
///
/// Bytes of names and arguments can't act on a terminal. The same stream and options give the same text.
public struct TreeText: ~Copyable {
  private let lives: ProcessLives
  private let facts: RecordingFacts
  private let options: TreeOptions
  private let forest: ProcessForest
  private let selection: TreeSelection
  private let columns: TreeColumns
  private var levels: [Bool] = []
  private var line = OutputBuffer(capacity: 1024)

  /// Prepares to draw.
  ///
  /// - Parameters:
  ///   - lives: a stream that has ended, finished.
  ///   - facts: what else is known of it.
  ///   - options: what to draw, and how.
  public init(_ lives: ProcessLives, facts: RecordingFacts, options: TreeOptions) {
    self.lives = lives
    self.facts = facts
    self.options = options
    forest = ProcessForest(lives.tree)
    selection = TreeSelection(forest, options)
    columns = TreeColumns(
      begin: facts.begin ?? lives.firstMoment, clock: options.absoluteTimes ? facts.clock : nil)
  }

  /// Processes that are drawn.
  public var shown: Int { selection.shown }

  /// Processes that ``TreeOptions/search`` or ``TreeOptions/failedOnly`` found.
  public var matches: Int { selection.matches }

  /// Appends the drawing.
  ///
  /// - Parameters:
  ///   - buffer: where the text goes.
  ///   - write: called whenever a good part is there, to take it out of the buffer.
  /// - Throws: what `write` throws.
  public mutating func draw<Failure: Error>(
    into buffer: inout OutputBuffer, write: (inout OutputBuffer) throws(Failure) -> Void
  ) throws(Failure) {
    appendHeading(to: &buffer)
    let plan = TreePlan(forest, selection, options)
    if !plan.rows.isEmpty {
      set("2", &buffer)
      columns.appendTitles(to: &buffer)
      set("0", &buffer)
      buffer.append("\n")
    }
    for row in plan.rows {
      append(row, to: &buffer)
      if buffer.count >= 64 * 1024 { try write(&buffer) }
    }
    appendEnd(plan, to: &buffer)
    try write(&buffer)
  }

  // MARK: Rows

  private mutating func append(_ row: TreePlan.Row, to buffer: inout OutputBuffer) {
    levels.removeSubrange(max(0, row.depth - 1)...)
    if row.depth > 0 { levels.append(row.hasMore) }
    line.removeAll()
    line.append(branches: levels)
    switch row.content {
    case .process(let index): append(process: index, to: &buffer)
    case .alike(let members): append(fold: TreeFold(members, of: forest), to: &buffer)
    case .hidden(let children, let all, let failed):
      columns.appendBlank(to: &buffer)
      line.append("… ")
      line.append(grouped: UInt64(all))
      line.append(all == 1 ? " process more" : " processes more")
      if all > children {
        line.append(", ")
        line.append(grouped: UInt64(children))
        line.append(children == 1 ? " child" : " children")
        line.append(" and what is below")
      }
      if failed > 0 {
        line.append(", ")
        line.append(grouped: UInt64(failed))
        line.append(" failed")
      }
      set("2", &buffer)
    }
    appendLine(to: &buffer)
  }

  private mutating func append(process index: Int, to buffer: inout OutputBuffer) {
    let process = forest.processes[index]
    columns.append(start: process.key.start, to: &buffer)
    columns.append(ran: process.runtime, to: &buffer)
    let colour: StaticString =
      process.status == nil ? "32" : process.hasFailed ? "1;31" : "2"
    set(colour, &buffer)
    let start = buffer.count
    if let status = process.status {
      buffer.append(status: status)
    } else {
      buffer.append(endless(process))
    }
    buffer.pad(from: start, to: TreeColumns.endWidth)
    set("0", &buffer)
    if selection.isMatch[index] { set("1", &buffer) }
    line.append(decimal: process.key.pid)
    line.append(" ")
    line.append(commandOf: process)
    append(detailsOf: process, parent: forest.parents[index].map { forest.processes[$0] })
  }

  /// How a process without an end is told of: it runs, unless something was lost.
  private func endless(_ process: ProcessTree.Process) -> StaticString {
    process.isReplaced ? "end lost" : lives.tree.lost > 0 ? "no end seen" : "running"
  }

  private mutating func append(
    detailsOf process: ProcessTree.Process, parent: ProcessTree.Process?
  ) {
    var isFirst = true
    func separate(_ line: inout OutputBuffer) {
      line.append(isFirst ? "  (" : ", ")
      isFirst = false
    }
    if process.uid != process.firstUID {
      separate(&line)
      line.append("uid ")
      line.append(decimal: process.firstUID)
      line.append("→")
      line.append(decimal: process.uid)
    } else if parent.map({ $0.uid != process.uid }) ?? true {
      separate(&line)
      line.append("uid ")
      line.append(decimal: process.uid)
    }
    if process.effectiveUID != process.uid,
      parent.map({ $0.effectiveUID != process.effectiveUID }) ?? true
    {
      separate(&line)
      line.append("euid ")
      line.append(decimal: process.effectiveUID)
    }
    if process.threads > 0 {
      separate(&line)
      line.append(decimal: UInt64(process.threads))
      line.append(process.threads == 1 ? " thread more" : " threads more")
    }
    if process.execs > 1 {
      separate(&line)
      line.append(decimal: UInt64(process.execs))
      line.append(" execs")
    }
    if !isFirst { line.append(")") }
  }

  private mutating func append(fold: TreeFold, to buffer: inout OutputBuffer) {
    let first = forest.processes[fold.first]
    columns.append(start: first.key.start, to: &buffer)
    columns.append(ran: fold.medianRuntime, to: &buffer)
    set(fold.failed > 0 ? "1;31" : fold.ended == 0 ? "32" : "2", &buffer)
    let start = buffer.count
    if fold.failed > 0, fold.outcomes.count > 1 {
      buffer.append(grouped: UInt64(fold.failed))
      buffer.append(" failed")
    } else if let status = first.status, fold.outcomes.count == 1 {
      buffer.append("all ")
      buffer.append(status: status)
    } else if fold.ended == 0 {
      buffer.append(endless(first))
    } else {
      buffer.append(grouped: UInt64(fold.count - fold.ended))
      buffer.append(lives.tree.lost > 0 ? " unseen" : " running")
    }
    buffer.pad(from: start, to: TreeColumns.endWidth)
    set("0", &buffer)
    line.append("× ")
    line.append(grouped: UInt64(fold.count))
    line.append(" ")
    if fold.hasOneCommand {
      line.append(commandOf: first)
    } else {
      line.append(visible: first.comm.span.raw)
    }
    line.append("  (")
    if fold.outcomes.count > 1 {
      for outcome in fold.outcomes.prefix(3) {
        line.append(grouped: UInt64(outcome.count))
        line.append(" ")
        if let status = outcome.status {
          line.append(status: status)
        } else {
          line.append(endless(forest.processes[outcome.first]))
        }
        line.append(", ")
      }
      if fold.outcomes.count > 3 { line.append("…, ") }
    }
    if fold.ended > 0 {
      line.append("median ")
      line.append(duration: fold.medianRuntime ?? 0)
      line.append(", longest ")
      line.append(duration: fold.longestRuntime)
      line.append(", ")
    }
    line.append("last at ")
    columns.append(moment: forest.processes[fold.last].key.start, to: &line)
    line.append(")")
  }

  /// Moves the line behind what is in the buffer, cut to the width asked for.
  private mutating func appendLine(to buffer: inout OutputBuffer) {
    var end = line.count
    var isCut = false
    if let width = options.width {
      let room = max(16, width - columns.width)
      var characters = 0
      var offset = 0
      let bytes = line.bytes
      while offset < bytes.byteCount {
        // Continuation bytes of UTF-8 take no room of their own.
        if bytes.byte(offset) & 0xC0 != 0x80 {
          characters += 1
          if characters == room { end = offset }
        }
        offset += 1
      }
      isCut = characters > room
      if !isCut { end = line.count }
    }
    buffer.append(line.bytes.extracting(0..<end))
    if isCut { buffer.append("…") }
    set("0", &buffer)
    buffer.append("\n")
  }

  // MARK: Heading and end

  private func appendHeading(to buffer: inout OutputBuffer) {
    set("1", &buffer)
    buffer.append(visible: Array(facts.name.utf8).span.raw)
    set("0", &buffer)
    for part in [facts.machine, facts.kernel, facts.architecture] where !part.isEmpty {
      buffer.append("  ")
      buffer.append(visible: Array(part.utf8).span.raw)
    }
    let begin = facts.begin ?? lives.firstMoment
    if let begin, var clock = facts.clock {
      buffer.append("  ")
      buffer.append(clock.rfc3339(begin).span.raw)
    }
    if let begin, let end = [facts.end, lives.lastMoment].compactMap(\.self).max(), end >= begin {
      buffer.append("  ")
      buffer.append(duration: end - begin)
    }
    buffer.append("\n")
    let rankings = lives.rankings
    buffer.append(grouped: lives.seen)
    buffer.append(lives.seen == 1 ? " process: " : " processes: ")
    buffer.append(grouped: rankings.succeeded)
    buffer.append(" ended with code 0, ")
    set(rankings.failed > 0 ? "1;31" : "0", &buffer)
    buffer.append(grouped: rankings.failed)
    buffer.append(" failed")
    set("0", &buffer)
    buffer.append(", ")
    buffer.append(grouped: rankings.endless)
    buffer.append(lives.tree.lost > 0 ? " without an end seen" : " running at the end")
    if options.search != nil || options.failedOnly {
      buffer.append("; ")
      buffer.append(grouped: UInt64(selection.matches))
      buffer.append(selection.matches == 1 ? " match" : " matches")
    }
    buffer.append("\n\n")
  }

  private func appendEnd(_ plan: TreePlan, to buffer: inout OutputBuffer) {
    if plan.rows.isEmpty {
      let isFiltered = options.search != nil || options.failedOnly
      if lives.seen == 0 {
        buffer.append("no process was recorded: record the family process\n")
      } else if isFiltered {
        buffer.append("no process matches\n")
      }
    }
    if plan.rows.count < selection.shown, options.folding == .automatic {
      buffer.append("\n")
      buffer.append(grouped: UInt64(plan.rows.count))
      buffer.append(" rows show ")
      buffer.append(grouped: UInt64(selection.shown))
      buffer.append(
        " processes; --all gives each its row, --subtree PID, --failed and --search TEXT look closer\n"
      )
    }
    if lives.tree.evicted > 0 {
      buffer.append(grouped: lives.tree.evicted)
      buffer.append(" processes that ended first are not shown: the tree keeps ")
      buffer.append(grouped: UInt64(lives.tree.limit))
      buffer.append(" (--limit)\n")
    }
    if lives.tree.lost > 0 {
      set("1;31", &buffer)
      buffer.append(grouped: lives.tree.lost)
      buffer.append(lives.tree.lost == 1 ? " event was lost" : " events were lost")
      if let moments = lives.lossMoments {
        buffer.append(moments.first == moments.last ? " at " : " from ")
        columns.append(moment: moments.first, to: &buffer)
        if moments.first != moments.last {
          buffer.append(" to ")
          columns.append(moment: moments.last, to: &buffer)
        }
      }
      buffer.append(": processes may be missing, and ends not seen\n")
      set("0", &buffer)
    }
    if facts.missed > 0 {
      buffer.append(grouped: facts.missed)
      buffer.append(" events were missed by the kernel: processes may be missing\n")
    }
    for fault in facts.faults {
      buffer.append(visible: Array(fault.utf8).span.raw)
      buffer.append("\n")
    }
  }

  private func set(_ colour: StaticString, _ buffer: inout OutputBuffer) {
    guard options.colour else { return }
    buffer.append("\u{1B}[")
    buffer.append(colour)
    buffer.append("m")
  }
}
