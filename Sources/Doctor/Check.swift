/// One thing that was looked at, and what to do if it isn't as it should be.
public struct Check: Hashable, Sendable {
  /// How it stands.
  public enum Status: String, CaseIterable, Hashable, Sendable {
    /// As it should be.
    case ok
    /// Tracing does not run without it.
    case missing
    /// Tracing runs, with a limit that the detail names.
    case warning
    /// Can't be seen from here.
    case unknown
  }

  /// A short, stable name; what programs look for in the JSON form.
  public let name: String
  /// How it stands.
  public let status: Status
  /// What was seen.
  public let detail: String
  /// What to do; nil where nothing needs doing.
  public let remedy: String?

  /// Creates a check.
  public init(_ name: String, _ status: Status, _ detail: String, remedy: String? = nil) {
    self.name = name
    self.status = status
    self.detail = detail
    self.remedy = remedy
  }
}
