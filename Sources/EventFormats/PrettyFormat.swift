public import KernelEvents
public import SequencerABI

/// Events for a terminal: one line each, columns aligned, nothing wrapped.
///
/// Names are shown as bytes that can't act on the terminal. The time is UTC's time of day.
public struct PrettyFormat: EventFormat {
  private let colour: Bool
  private let typeWidth: Int
  private var wroteTitles = false

  /// Makes a format.
  ///
  /// - Parameters:
  ///   - colour: with colours of ANSI terminals.
  ///   - families: the families that will come; the column of types is as wide as they need.
  public init(colour: Bool, families: Set<EventFamily> = [.process]) {
    self.colour = colour
    let widths = EventKind.allCases.filter { families.contains($0.family) }
      .map(\.name.utf8CodeUnitCount)
    typeWidth = max(5, widths.max() ?? 0) + 1
  }

  public mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer
  ) {
    writeTitles(&buffer)
    let header = event.header
    set(.dim, &buffer)
    buffer.append(timeOfDay: event.timestamp, &context)
    set(.plain, &buffer)
    buffer.append(rightAligned: UInt64(header.cpu), width: 4)
    buffer.append("  ")
    let paint: Paint =
      switch event.kind {
      case .fork: .fork
      case .exec: .exec
      case .exit: .exit
      case .test: .plain
      default: .other
      }
    set(paint, &buffer)
    var start = buffer.count
    buffer.append(event.kind.name)
    buffer.pad(from: start, to: typeWidth)
    set(.plain, &buffer)
    buffer.append(rightAligned: UInt64(header.pid), width: 8)
    if header.tid != header.pid {
      buffer.append("/")
      start = buffer.count
      buffer.append(decimal: header.tid)
      buffer.pad(from: start, to: 9)
    } else {
      buffer.append(UInt8(ascii: " "), count: 10)
    }
    start = buffer.count
    buffer.append(visible: event.comm)
    buffer.pad(from: start, to: 17)
    buffer.append(detailsOf: event, context.accounts)
    buffer.append("\n")
  }

  public mutating func write(gap: Gap, into buffer: inout OutputBuffer) {
    writeTitles(&buffer)
    set(.gap, &buffer)
    buffer.append("---- ")
    buffer.append(gapText: gap)
    buffer.append(" ----")
    set(.plain, &buffer)
    buffer.append("\n")
  }

  public mutating func finish(into buffer: inout OutputBuffer) {}

  private mutating func writeTitles(_ buffer: inout OutputBuffer) {
    if wroteTitles { return }
    wroteTitles = true
    set(.dim, &buffer)
    buffer.append("TIME (UTC)          CPU  TYPE")
    buffer.append(UInt8(ascii: " "), count: typeWidth + 1)
    buffer.append("PID/TID       COMM             DETAIL")
    set(.plain, &buffer)
    buffer.append("\n")
  }

  private enum Paint {
    case plain, dim, fork, exec, exit, other, gap
  }

  private func set(_ paint: Paint, _ buffer: inout OutputBuffer) {
    guard colour else { return }
    switch paint {
    case .plain: buffer.append("\u{1B}[0m")
    case .dim: buffer.append("\u{1B}[2m")
    case .fork: buffer.append("\u{1B}[36m")
    case .exec: buffer.append("\u{1B}[32m")
    case .exit: buffer.append("\u{1B}[33m")
    case .other: buffer.append("\u{1B}[35m")
    case .gap: buffer.append("\u{1B}[1;31m")
    }
  }
}

extension OutputBuffer {
  /// Appends `HH:MM:SS.nnnnnnnnn`, or as many blanks with a dash where there is no timestamp.
  fileprivate mutating func append(
    timeOfDay timestamp: UInt64?, _ context: inout FormattingContext
  ) {
    guard let timestamp else { return append("-                 ") }
    let text = context.clock.rfc3339(timestamp)
    append(text.span.raw.extracting(11..<29))
  }

  /// Appends what an event tells beyond its task, in the terminal's words.
  mutating func append(detailsOf event: DecodedEvent, _ accounts: borrowing AccountNames) {
    if let fork = event.fork {
      append(fork.isThread ? "thread " : "child ")
      append(decimal: fork.childTID)
    } else if let exec = event.exec {
      append(commandLine: exec)
    } else if let exit = event.exit {
      let status = exit.status
      if let signal = status.signal {
        append(signalName: signal)
        if status.dumpedCore { append(" (core)") }
      } else {
        append("code ")
        append(decimal: UInt64(status.code ?? 0))
      }
      append(exit.flags.contains(.lastThread) ? ", ran " : ", thread ran ")
      append(duration: exit.runtime)
    } else if let layout = EventLayout.of(event.kind) {
      append(detailsOf: event, layout, accounts)
    }
  }

  /// Appends a gap in words: how many were lost, of what, where.
  mutating func append(gapText gap: Gap) {
    append(decimal: gap.total)
    append(gap.total == 1 ? " event lost on " : " events lost on ")
    if gap.cpu == Gap.unknownCPU {
      append("some cpu")
    } else {
      append("cpu ")
      append(decimal: gap.cpu)
    }
    var opened = false
    for index in 0..<EventFamily.count where gap.lost[index: index] > 0 {
      append(opened ? ", " : " (")
      opened = true
      if let family = EventFamily(rawValue: UInt8(index)) {
        append(family.name)
      } else {
        append("family ")
        append(decimal: UInt64(index))
      }
      append(" ")
      append(decimal: gap.lost[index: index])
    }
    if opened { append(")") }
    if let after = gap.afterSequence {
      append(" after ")
      append(decimal: after)
    }
    if let before = gap.beforeSequence {
      append(" before ")
      append(decimal: before)
    }
  }
}
