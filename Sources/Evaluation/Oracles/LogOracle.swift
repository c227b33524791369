/// Judges the part of a stream that one thread made by what that thread wrote down itself: what is
/// delivered of it must be in its log, and in the log's order.
///
/// Loss does not mislead it: a delivered stream may leave entries out. Entries may occur more than once,
/// as process ids do. One value a thread; not for concurrent use.
package struct LogOracle: Sendable {
  /// Entries observed.
  package private(set) var observed: UInt64 = 0
  /// Entries that are not in the log behind the one before: out of order, twice, or never made.
  package private(set) var violations: UInt64 = 0

  private let log: [UInt64]
  // Where each entry is in the log, ascending.
  private let places: [UInt64: [Int]]
  private var next = 0

  /// An oracle for the stream of the thread that wrote `log`.
  package init(log: [UInt64]) {
    self.log = log
    places = Dictionary(grouping: log.indices, by: { log[$0] })
  }

  /// Takes the next entry of the stream in.
  package mutating func observe(_ entry: UInt64) {
    observed += 1
    // The usual case: nothing is lost.
    if next < log.count, log[next] == entry {
      next += 1
      return
    }
    // The first place from `next` on: to take the first leaves the most for those that follow.
    guard let place = places[entry]?.first(where: { $0 >= next }) else {
      violations += 1
      return
    }
    next = place + 1
  }
}
