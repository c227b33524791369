/// Judges the order of a stream by its tokens: numbers that were given one after the other, each only
/// after the one before was over, so that a stream in which they do not rise is out of order whatever its
/// tickets or stamps say.
///
/// Loss does not mislead it: a missing number contradicts nothing. One value a stream; not for
/// concurrent use.
package struct TokenOracle: Sendable {
  /// Tokens observed.
  package private(set) var observed: UInt64 = 0
  /// Tokens that came behind a later one, or twice.
  package private(set) var violations: UInt64 = 0
  /// Of the tokens in the order in which they were given, those whose stamp is before that of the one
  /// before them: the clock went backwards.
  package var clockBackwards: UInt64 {
    var count: UInt64 = 0
    var previous: UInt64 = 0
    for entry in stamps.sorted(by: { $0.number < $1.number }) {
      if entry.stamp < previous { count += 1 }
      previous = entry.stamp
    }
    return count
  }

  private var highest: UInt64?
  private var stamps: [(number: UInt64, stamp: UInt64)] = []

  /// Nothing observed yet.
  package init() {}

  /// Takes the next token of the stream in.
  ///
  /// - Parameters:
  ///   - number: the token.
  ///   - stamp: ns, when its event was made; nil where events carry none.
  package mutating func observe(_ number: UInt64, stamp: UInt64? = nil) {
    observed += 1
    if let stamp { stamps.append((number, stamp)) }
    if let highest, number <= highest {
      violations += 1
    } else {
      highest = number
    }
  }
}
