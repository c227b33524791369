/// What a recording can't be written or read for: one line that says what to do.
public struct RecordingError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// An error with this text.
  public init(_ description: String) { self.description = description }
}
