public import KernelEvents

/// What of a process tree is drawn, and how.
public struct TreeOptions: Sendable {
  /// Which alike siblings become one row.
  public enum Folding: Sendable, Equatable {
    /// As much as it takes for the tree to be read: not at all where it is small.
    case automatic
    /// Siblings of one program that ended alike and whose children did, where they are so many.
    case alike(Int)
    /// None: a row a process.
    case none
  }

  /// Which alike siblings become one row.
  public var folding = Folding.automatic
  /// Levels below a root that are drawn; nil: all, or what ``Folding/automatic`` finds readable.
  public var depth: Int?
  /// The process that is drawn as the only root; nil: all.
  public var subtree: ProcessKey?
  /// Only processes whose name or arguments (with blanks between) hold these bytes, and their
  /// ancestors; nil: all.
  public var search: [UInt8]?
  /// Only processes that failed, and their ancestors.
  public var failedOnly = false
  /// Times of day in UTC, in place of seconds since the recording began.
  public var absoluteTimes = false
  /// With colours of ANSI terminals.
  public var colour = false
  /// Characters in a line at most; nil: as many as it takes.
  public var width: Int?

  /// Draws everything, folded as it takes to be read.
  public init() {}
}
