public import KernelEvents
import SequencerABI

/// Events as one short line each: sequence, type, pid (and tid of a thread), name, detail.
public struct CompactFormat: EventFormat {
  /// Makes a format.
  public init() {}

  public mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer
  ) {
    buffer.append(decimal: event.sequence)
    buffer.append(" ")
    buffer.append(event.kind.name)
    buffer.append(" ")
    buffer.append(decimal: event.header.pid)
    if event.header.tid != event.header.pid {
      buffer.append("/")
      buffer.append(decimal: event.header.tid)
    }
    buffer.append(" ")
    buffer.append(argument: event.comm)
    buffer.append(": ")
    buffer.append(detailsOf: event, context.accounts)
    buffer.append("\n")
  }

  public mutating func write(gap: Gap, into buffer: inout OutputBuffer) {
    buffer.append("gap: ")
    buffer.append(gapText: gap)
    buffer.append("\n")
  }

  public mutating func finish(into buffer: inout OutputBuffer) {}
}
