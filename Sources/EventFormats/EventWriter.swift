public import KernelEvents
public import SequencerABI

/// The formats of `-o`, by their names there.
public enum OutputFormat: String, CaseIterable, Sendable {
  /// Aligned lines for a terminal: ``PrettyFormat``.
  case pretty
  /// One JSON object a line: ``JSONFormat``.
  case json
  /// One short line an event: ``CompactFormat``.
  case compact
  /// The process tree at the end: ``TreeFormat``.
  case tree

  /// Whether events are told at the end only, all together.
  public var writesAtEnd: Bool { self == .tree }
}

/// Writes in the format chosen at run time, without an existential.
public struct EventWriter: EventFormat {
  /// The format chosen.
  public let format: OutputFormat
  // All are kept and one is used: so each changes in place, and its buffers are never copied.
  private var pretty: PrettyFormat
  private var json = JSONFormat()
  private var compact = CompactFormat()
  private var tree = TreeFormat()

  /// Makes a writer.
  ///
  /// - Parameters:
  ///   - format: the format.
  ///   - colour: counts for ``OutputFormat/pretty`` only.
  ///   - families: the families that will come; they too count for that one only.
  public init(
    _ format: OutputFormat, colour: Bool = false, families: Set<EventFamily> = [.process]
  ) {
    self.format = format
    pretty = PrettyFormat(colour: colour, families: families)
  }

  public mutating func write(
    _ event: DecodedEvent, context: inout FormattingContext, into buffer: inout OutputBuffer
  ) {
    switch format {
    case .pretty: pretty.write(event, context: &context, into: &buffer)
    case .json: json.write(event, context: &context, into: &buffer)
    case .compact: compact.write(event, context: &context, into: &buffer)
    case .tree: tree.write(event, context: &context, into: &buffer)
    }
  }

  public mutating func write(gap: Gap, into buffer: inout OutputBuffer) {
    switch format {
    case .pretty: pretty.write(gap: gap, into: &buffer)
    case .json: json.write(gap: gap, into: &buffer)
    case .compact: compact.write(gap: gap, into: &buffer)
    case .tree: tree.write(gap: gap, into: &buffer)
    }
  }

  public mutating func finish(into buffer: inout OutputBuffer) {
    switch format {
    case .pretty: pretty.finish(into: &buffer)
    case .json: json.finish(into: &buffer)
    case .compact: compact.finish(into: &buffer)
    case .tree: tree.finish(into: &buffer)
    }
  }
}
