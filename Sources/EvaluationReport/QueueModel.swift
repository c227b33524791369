/// A small closed queueing model of producers that share a line: the machine repairman's.
///
/// Each of N CPUs works by itself for Z ns (its own lines, its own instructions), then needs what only one
/// can have at a time for S ns: the line with the cursor, handed from core to core; with a spinlock, all the
/// lines that the lock and its section touch. Exact mean value analysis (Reiser and Lavenberg, Mean-Value
/// Analysis of Closed Multichain Queuing Networks, J. ACM 27(2), 1980) gives the rate.
public struct QueueModel: Sendable {
  /// ns that a CPU works by itself for an event.
  public var think: Double
  /// ns that an event holds what is shared.
  public var service: Double

  /// A model of these times.
  public init(think: Double, service: Double) {
    self.think = think
    self.service = service
  }

  /// Events a second of `cpus` CPUs together.
  public func rate(cpus: Int) -> Double {
    var queue = 0.0
    var rate = 0.0
    for count in 1...max(1, cpus) {
      let response = service * (1 + queue)
      rate = Double(count) / (think + response)
      queue = rate * response
    }
    return rate * 1e9
  }

  /// The service time, ns, with which `cpus` CPUs of that think time come to `rate` events a second; nil if
  /// no service time does: alone with their own work they would be slower.
  public static func service(rate: Double, cpus: Int, think: Double) -> Double? {
    var low = 0.0
    var high = 1e9 / rate
    guard QueueModel(think: think, service: low).rate(cpus: cpus) > rate else { return nil }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if QueueModel(think: think, service: middle).rate(cpus: cpus) > rate {
        low = middle
      } else {
        high = middle
      }
    }
    return (low + high) / 2
  }
}

/// A machine, as far as the model knows it: what it takes to hand a line from CPU to CPU.
public struct LineHandOver: Sendable {
  /// CPUs that are as near to one another, and what a hand-over between two of them takes.
  public struct Level: Sendable {
    /// CPUs of a group at this level: those of the level before, several times.
    public var cpus: Int
    /// ns between two that this level has in common and no nearer one.
    public var time: Double
  }

  /// As rows name it.
  public var name: String
  /// From the nearest to the furthest; the last holds for all that are further.
  public var levels: [Level]

  /// The paper's machine, AWS c6a.48xlarge: two AMD EPYC 7R13 of 48 cores, 192 CPUs.
  ///
  /// Medians of compare-and-exchange between two CPUs of a c6a.metal, as nviennot/core-to-core-latency
  /// (github.com, README at 0dddf50) has them: 9.8 ns between two threads of a core, 23 within a group of
  /// eight cores, 107 between groups, 197 between sockets. CPUs fill core after core, group after group.
  public static let epyc7R13 = LineHandOver(
    name: "EPYC 7R13",
    levels: [
      Level(cpus: 2, time: 9.8), Level(cpus: 16, time: 23), Level(cpus: 96, time: 107),
      Level(cpus: 192, time: 197),
    ])

  /// The mean over pairs of different CPUs, of `cpus` that fill one group after the other, ns.
  public func mean(cpus: Int) -> Double {
    if cpus <= 1 { return 0 }
    // Ordered pairs of which both are in the same group of `size`.
    func pairs(_ size: Int) -> Double {
      let (full, rest) = (cpus / size, cpus % size)
      return Double(full * size * (size - 1) + rest * max(0, rest - 1))
    }
    let all = Double(cpus * (cpus - 1))
    var sum = 0.0
    var nearer = 0.0
    for (index, level) in levels.enumerated() {
      let within = index == levels.count - 1 ? all : pairs(level.cpus)
      sum += (within - nearer) * level.time
      nearer = within
    }
    return sum / all
  }
}

/// What the model says of measured rows.
public enum ModelRows {
  /// Lines of an event's own that another CPU may have had last: the slot's, and about one of a ringbuf.
  private static let ownLines = ["sequencer": 2.0, "bare": 1.0, "ringbuf": 1.0, "fetch-add": 0]
  /// Hand-overs of one event in a row: the ticket's line; with a spinlock its own line, the positions and the
  /// header, 4 to 8 (docs/evaluation.md).
  private static let serial = [
    ("fetch-add", 1.0), ("bare", 1.0), ("sequencer", 1.0), ("ringbuf-4", 4.0), ("ringbuf-8", 8.0),
  ]
  /// CPU counts that are told of.
  static let counts = [1, 2, 4, 8, 16, 32, 64, 96, 128, 192]

  /// Predictions for the CPUs that were measured, beside what was measured, and for up to 192 CPUs of the
  /// paper's machine. From one CPU's costs and, for this machine's hand-over, the control `bare` on all CPUs.
  /// (The bare fetch-add alone would say too little: a core that has the line does several adds in a row
  /// before it lets go.)
  ///
  /// - Parameter rows: those of the part "producer", 56 bytes, without a time stamp.
  /// - Returns: rows of the part "model": `predicted_here` with the measured rate as reference,
  ///   `hand_over` in ns, and `predicted_rate` of the paper's machine. Empty without the rows it needs.
  public static func make(_ rows: [EvaluationRow]) -> [EvaluationRow] {
    func figure(_ metric: String, _ transport: String, _ cpus: Int) -> Double? {
      rows.first {
        $0.part == "producer" && $0.metric == metric && $0.transport == transport
          && $0.cpus == cpus && $0.payload == 56
      }?.value
    }
    func row(
      _ metric: String, _ transport: String, _ cpus: Int, _ value: Double, _ unit: String,
      measured: Double? = nil
    ) -> EvaluationRow {
      EvaluationRow(
        part: "model", transport: transport, cpus: cpus, payload: 56, metric: metric,
        value: value, unit: unit, reference: measured == nil ? nil : "measured",
        ratio: measured.map { value / $0 }, spread: [], rounds: 1)
    }
    guard let loop = figure("cost", "null", 1) else { return [] }
    var result: [EvaluationRow] = []
    let measured = Set(rows.filter { $0.part == "producer" && $0.metric == "rate" }.map(\.cpus))
    let most = measured.max() ?? 1
    if most > 1, let bare = figure("cost", "bare", 1),
      let contended = figure("rate", "bare", most),
      let here = QueueModel.service(rate: contended, cpus: most, think: bare)
    {
      result.append(row("hand_over", "bare", most, here, "ns"))
      // The ringbuf's is what its own contended rate says: that many lines in a row.
      if let alone = figure("cost", "ringbuf", 1), let rate = figure("rate", "ringbuf", most),
        let service = QueueModel.service(rate: rate, cpus: most, think: alone / 2)
      {
        result.append(row("hand_overs", "ringbuf", most, service / here, "1"))
      }
      for name in ["fetch-add", "bare", "sequencer"] {
        guard let alone = figure("cost", name, 1) else { continue }
        for cpus in measured.sorted() {
          let others = 1 - 1 / Double(cpus)
          // What `bare` has of its own is in the hand-over that it was solved for.
          let more = max(0, (ownLines[name] ?? 0) - (ownLines["bare"] ?? 0))
          let think = alone + more * others * here
          let rate =
            cpus == 1
            ? 1e9 / alone : QueueModel(think: think, service: here).rate(cpus: cpus)
          result.append(
            row(
              "predicted_here", name, cpus, rate, "events/s", measured: figure("rate", name, cpus)))
        }
      }
    }
    let there = LineHandOver.epyc7R13
    for (name, handOvers) in serial {
      let base = name.hasPrefix("ringbuf") ? "ringbuf" : name
      guard let alone = figure("cost", base, 1) else { continue }
      for cpus in counts {
        let time = there.mean(cpus: cpus)
        let others = 1 - 1 / Double(cpus)
        let think = max(0, alone - loop) + (ownLines[base] ?? 0) * others * time
        result.append(
          row(
            "predicted_rate", name, cpus,
            QueueModel(think: think, service: handOvers * time).rate(cpus: cpus), "events/s"))
      }
    }
    return result
  }
}
