/// One figure of one round.
package struct Sample: Hashable, Sendable {
  /// A transport or a control, by its name in the rows.
  package var transport: String
  /// Producers' CPUs; 0 where that means nothing.
  package var cpus: Int
  /// Bytes; 0 where that means nothing.
  package var payload: Int
  /// What was measured.
  package var metric: String
  /// "ns", "events/s", "events", "%", "1" …
  package var unit: String
  /// The round, counted from 0: figures of the same round are compared with one another.
  package var round: Int
  /// The figure.
  package var value: Double
}

/// What a part has measured: figures by round, and what a reader has to know besides.
package struct Samples: Sendable {
  /// Figures in the order they came.
  package private(set) var all: [Sample] = []
  /// Lines for the reader: what could not be measured and why, what was set how.
  package private(set) var notes: [String] = []

  /// Nothing yet.
  package init() {}

  /// Adds a figure.
  package mutating func add(
    _ metric: String, _ value: Double, unit: String, transport: String, cpus: Int = 0,
    payload: Int = 0, round: Int
  ) {
    all.append(
      Sample(
        transport: transport, cpus: cpus, payload: payload, metric: metric, unit: unit,
        round: round, value: value))
  }

  /// Adds a line for the reader, once.
  package mutating func note(_ line: String) {
    if !notes.contains(line) { notes.append(line) }
  }
}

/// A part of the evaluation: measures, round by round, all transports in turn.
package protocol EvaluationPart {
  /// Its name: a command's argument and the rows' `part`.
  static var name: String { get }
  /// What it measures, for `--help`.
  static var abstract: String { get }
  /// Measures.
  ///
  /// - Parameters:
  ///   - settings: what, and how long.
  ///   - progress: told of every round.
  /// - Returns: the figures; the caller makes rows of them.
  /// - Throws: one line that says what to do next; nothing is left attached or running.
  static func measure(_ settings: EvaluationSettings, _ progress: Progress) throws -> Samples
  /// What a transport's figure is held against: names of transports or controls, none for none.
  static func references(metric: String, transport: String) -> [String]
}

extension EvaluationPart {
  /// The ringbuf with libbpf's consumer, which is what others use.
  package static func references(metric: String, transport: String) -> [String] {
    transport == "ringbuf" ? [] : ["ringbuf"]
  }
}
