/// Where a run says what it is doing; lines for people.
package struct Progress: Sendable {
  /// Says a line.
  package let say: @Sendable (String) -> Void
  /// Sends lines to `say`.
  package init(_ say: @escaping @Sendable (String) -> Void) { self.say = say }
  /// Says nothing.
  package static var silent: Progress { Progress { _ in } }
}
