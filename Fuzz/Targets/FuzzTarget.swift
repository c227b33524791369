/// Something of the product that takes bytes from outside, and what must hold whatever they are.
///
/// One source for all who run it: libFuzzer (`scripts/fuzz.sh`), and the tests, which replay the
/// corpus and what a generator makes.
enum FuzzTarget: String, CaseIterable, Sendable {
  /// One record: decoded and written in every format.
  case record
  /// A whole ring with its control area and counters, read by the consumer that users get.
  case ring
  /// Command lines, up to the request that a trace would run.
  case options
  /// Texts of /proc and /sys, globs, sizes.
  case text
  /// Files, read as recordings.
  case recording

  /// Takes `bytes`.
  ///
  /// - Throws: ``Finding`` where something that must hold does not. A trap, a signal or a hang is a
  ///   finding as well, which the caller sees by itself.
  func run(_ bytes: [UInt8]) throws(Finding) {
    switch self {
    case .record: try RecordTarget.run(bytes)
    case .ring: try RingTarget.run(bytes)
    case .options: try OptionsTarget.run(bytes)
    case .text: try TextTarget.run(bytes)
    case .recording: try RecordingTarget.run(bytes)
    }
  }
}

/// Something that must hold and does not.
struct Finding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Throws a ``Finding`` unless `condition` holds.
func demand(
  _ condition: Bool, _ message: @autoclosure () -> String
) throws(Finding) {
  if !condition { throw Finding(message()) }
}
