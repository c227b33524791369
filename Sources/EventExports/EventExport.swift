public import EventFormats
public import KernelEvents

/// What turns a stream of events into a file of another format.
///
/// It is shown the stream as ``EventFormats/EventVisitor`` says, then ``finish()`` is called. A value that
/// goes away without leaves no file behind. Memory does not grow with the length of the stream.
public protocol EventExport: EventVisitor, ~Copyable where Failure == ExportError {
  /// The name of the unfinished file, to be removed where the process must end at once; nil where there is
  /// none, and once it has its own name.
  var temporaryPath: String? { get }
  /// Writes what is left and gives the file its name.
  ///
  /// - Parameter progress: called before each step of long work, with the number of steps that are done and
  ///   of all.
  /// - Throws: ``ExportError`` where that fails.
  mutating func finish(progress: (_ done: Int, _ all: Int) -> Void) throws(ExportError)
}

extension EventExport where Self: ~Copyable {
  /// Writes what is left and gives the file its name.
  ///
  /// - Throws: ``ExportError`` where that fails.
  public mutating func finish() throws(ExportError) { try finish { _, _ in } }
}

/// The lines of `ordinal trace -o json`, in a file.
public struct JSONExport: EventExport, ~Copyable {
  private var file: ExportFile
  private var format = JSONFormat()

  /// Opens the target.
  ///
  /// - Parameter target: the file, or a stream.
  /// - Throws: ``ExportError`` where it can't be written.
  public init(_ target: ExportTarget) throws(ExportError) {
    self.init(try ExportFile(target))
  }

  private init(_ file: consuming ExportFile) { self.file = file }

  public mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(ExportError) {
    format.write(event, context: &context, into: &file.buffer)
    try file.flushIfDue()
  }

  public mutating func visit(_ gap: Gap) throws(ExportError) {
    format.write(gap: gap, into: &file.buffer)
    try file.flushIfDue()
  }

  public var temporaryPath: String? { file.temporaryPath }

  public mutating func finish(progress: (_ done: Int, _ all: Int) -> Void) throws(ExportError) {
    try file.finish()
  }
}
