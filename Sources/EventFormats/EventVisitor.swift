public import KernelEvents

/// What is shown a stream of events in the order of their sequences: an export, a report, a tree.
///
/// A recording and a running capture are shown alike. An event's own ``KernelEvents/DecodedEvent/gap`` is
/// shown apart, before the event; a visitor does not look for it. One value a stream, used by one thread.
public protocol EventVisitor: ~Copyable {
  /// How a visit fails, e.g. a full disk; it ends the stream.
  associatedtype Failure: Error
  /// Takes in the next event, lent for the call.
  mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext) throws(Failure)
  /// Takes in a place where events were lost.
  mutating func visit(_ gap: Gap) throws(Failure)
}
