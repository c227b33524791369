import ArgumentParser
import Capture
import EventFormats
import KernelEvents
import SequencerABI

/// `ordinal stats`: pinned rings, without disturbing them.
struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Show the state of pinned rings: positions, backlog, losses, stalls.",
    discussion: """
      Reads the ring's own counters, takes no lock and changes nothing. Counts are since the ring was \
      made. Without a name, all that is pinned is shown.
      """)

  @Argument(help: ArgumentHelp("The name that was given to --pin.", valueName: "name"))
  var name: String?

  @Flag(help: "One JSON object a ring, a line each.")
  var json = false

  func run() throws {
    try runTellingFailures {
      let names = try name.map { [$0] } ?? PinnedCaptures.names()
      if names.isEmpty { complain("nothing is pinned") }
      var text = ""
      for name in names {
        let state = try PinnedCaptures.state(of: name)
        text += json ? state.json : state.text
      }
      try writeOut(text)
      return 0
    }
  }
}

/// `ordinal detach`: ends a pinned capture.
struct DetachCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detach",
    abstract: "End a pinned capture: detach its programs, free its ring.",
    discussion: """
      What is in the ring and was not read is gone; to keep it, go on with the capture instead: \
      `ordinal record -o FILE --pin NAME` without --leave-pinned reads all of it and ends it. \
      Works for captures of other versions too.
      """)

  @Argument(help: ArgumentHelp("The name that was given to --pin.", valueName: "name"))
  var name: String

  func run() throws {
    try runTellingFailures {
      let state = try PinnedCaptures.detach(name)
      var line = "'\(name)' is ended"
      if state.isKnown {
        line +=
          state.backlog == 0
          ? "; all of it had been read" : "; \(state.backlog) slots of it had not been read"
      }
      complain(line)
      return 0
    }
  }
}

extension PinnedState {
  /// A few lines for people.
  var text: String {
    var lines = "\(name): "
    lines += isEnabled || !isKnown ? "\(programs) programs attached" : "not delivering"
    lines += reader.map { ", read by process \($0)" } ?? ", read by nobody"
    if let recording { lines += ", recorded to \(visible(recording))" }
    lines += "\n"
    guard isKnown else {
      return lines + "  its layout is version \(version), this program knows \(abiVersion): "
        + "use the version that started it, or ordinal detach \(name)\n"
    }
    let share = capacity == 0 ? 0 : backlog * 100 / capacity
    lines += "  next sequence \(cursor), read up to \(position): "
    lines += "backlog \(backlog) of \(capacity) slots (\(share) %)\n"
    lines += "  offered \(sum(totals.offered)), handed out \(handedOut), "
    lines +=
      "lost \(sum(totals.lost)) (\(told) told in the stream), filtered \(sum(totals.filtered))\n"
    let families = EventFamily.allCases.filter { totals.lost[Int($0.rawValue)] > 0 }
    if !families.isEmpty {
      let parts = families.map { "\($0.name) \(totals.lost[Int($0.rawValue)])" }
      lines += "  lost by family: \(parts.joined(separator: ", "))\n"
    }
    for (program, count) in missed where count > 0 {
      lines += "  the kernel skipped \(program) \(count) times\n"
    }
    if isGateClosed { lines += "  the ring is full: events are being lost\n" }
    if isPoisoned { lines += "  the ring is damaged: stop what reads it, and detach it\n" }
    if isStalled {
      lines += "  the next record was claimed" + (claimant.map { " on cpu \($0)" } ?? "")
      lines += " and is not published yet\n"
    }
    return lines
  }

  /// One JSON object and a newline.
  var json: String {
    var text = #"{"name":"\#(name)","version":\#(version),"known":\#(isKnown)"#
    text += #","reader_pid":\#(reader.map(String.init) ?? "null"),"recording":"#
    if let recording {
      var buffer = OutputBuffer(capacity: 256)
      buffer.append(jsonString: recording)
      text += String(decoding: buffer.array, as: UTF8.self)
    } else {
      text += "null"
    }
    text += #","programs":\#(programs)"#
    guard isKnown else { return text + "}\n" }
    text += #","enabled":\#(isEnabled),"capacity":\#(capacity),"high_water":\#(highWater)"#
    text += #","cursor":\#(cursor),"position":\#(position),"backlog":\#(backlog)"#
    text += #","gate_closed":\#(isGateClosed),"poisoned":\#(isPoisoned),"stalled":\#(isStalled)"#
    text += #","stalled_cpu":\#(claimant.map { "\($0)" } ?? "null")"#
    text += #","offered":\#(sum(totals.offered)),"delivered":\#(handedOut)"#
    text += #","lost":\#(sum(totals.lost)),"told":\#(told),"filtered":\#(sum(totals.filtered))"#
    text += #","missed":\#(missed.reduce(0) { $0 &+ $1.count }),"lost_by_family":{"#
    let losses = EventFamily.allCases.filter { totals.lost[Int($0.rawValue)] > 0 }
    text += losses.map { "\"\($0.name)\":\(totals.lost[Int($0.rawValue)])" }.joined(separator: ",")
    return text + "}}\n"
  }

  /// A claim that is not published; the programs may be at it just now.
  private var isStalled: Bool { backlog > 0 && !isReady }

  private func sum(_ counts: [UInt64]) -> UInt64 { counts.reduce(0, &+) }
}
