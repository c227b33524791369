import EventFormats
import Glibc
import KernelEvents
import SequencerABI

/// Writes events down as lines on standard output.
struct LineVisitor: ~Copyable, EventVisitor {
  typealias Failure = Never
  /// Standard output.
  var output = EventOutput()
  private var writer: EventWriter
  private var isDiscarding = false

  /// Lines in a format; colours where a terminal shows them.
  init(_ format: OutputFormat, families: Set<EventFamily>) {
    let isPlain = unsafe isatty(STDOUT_FILENO) != 1 || getenv("NO_COLOR") != nil
    writer = EventWriter(format, colour: !isPlain, families: families)
  }

  /// Events can't be written any more.
  mutating func discard() { isDiscarding = true }

  mutating func visit(_ event: DecodedEvent, context: inout FormattingContext) {
    if isDiscarding { return }
    writer.write(event, context: &context, into: &output.buffer)
    if writer.format.writesAtEnd { output.holdEvent() } else { output.endEvent() }
  }

  mutating func visit(_ gap: Gap) { writer.write(gap: gap, into: &output.buffer) }

  /// Writes what a format keeps to the end.
  mutating func finish() {
    writer.finish(into: &output.buffer)
    output.endHeldEvents()
  }
}
