/// Why an export could not be written: one line that says what to do.
public struct ExportError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// An error with this text.
  public init(_ description: String) { self.description = description }
}
