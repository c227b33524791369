/// A figure that the project wants, and whether rows show it.
public struct WantedFigure: Sendable {
  /// What a ratio, or a value where there is no reference, has to be.
  public enum Bound: Sendable {
    case atLeast(Double)
    case atMost(Double)
    case below(Double)
    case above(Double)

    func holds(_ value: Double) -> Bool {
      switch self {
      case .atLeast(let bound): value >= bound
      case .atMost(let bound): value <= bound
      case .below(let bound): value < bound
      case .above(let bound): value > bound
      }
    }

    var text: String {
      switch self {
      case .atLeast(let bound): "≥ \(TextTable.figure(bound))"
      case .atMost(let bound): "≤ \(TextTable.figure(bound))"
      case .below(let bound): "< \(TextTable.figure(bound))"
      case .above(let bound): "> \(TextTable.figure(bound))"
      }
    }

    /// The value that is furthest from holding.
    func worst(_ values: [Double]) -> Double? {
      switch self {
      case .atLeast, .above: values.min()
      case .atMost, .below: values.max()
      }
    }
  }

  /// In words.
  public var name: String
  public var part: String
  /// Metrics that begin so; one that ends in `!` is meant alone.
  public var metric: String
  /// What the ratio is to; nil: the value itself counts.
  public var reference: String?
  public var bound: Bound
  /// CPU counts for which it is wanted; nil: all.
  public var cpus: Int?
  /// Payloads for which it is wanted; nil: all.
  public var payload: Int?

  /// What rows show of a wanted figure.
  public struct Finding: Sendable {
    /// The worst of the figures, and where.
    public var measured: String
    /// nil: there are no rows to tell.
    public var isMet: Bool?
  }

  /// Whether every row that it is about holds it.
  public func finding(_ rows: [EvaluationRow]) -> Finding {
    let about = rows.filter { row in
      row.part == part && row.transport == "sequencer"
        && (metric.hasSuffix("!") ? row.metric + "!" == metric : row.metric.hasPrefix(metric))
        && (cpus == nil || row.cpus == cpus) && (payload == nil || row.payload == payload)
        && (reference == nil || row.reference == reference)
    }
    let figures = about.compactMap { row in
      (reference == nil ? row.value : row.ratio).map { (row, $0) }
    }
    guard let worst = bound.worst(figures.map(\.1)),
      let row = figures.first(where: { $0.1 == worst })?.0
    else { return Finding(measured: "not measured", isMet: nil) }
    var place = row.metric
    if row.cpus > 0 { place += ", \(row.cpus) CPU\(row.cpus == 1 ? "" : "s")" }
    if row.payload > 0 { place += ", \(row.payload) bytes" }
    return Finding(
      measured: "\(TextTable.figure(worst)) (\(place))", isMet: bound.holds(worst))
  }

  /// What is wanted of the sequencer. "Net" is without what the loop costs that drives the producers.
  public static let all: [WantedFigure] =
    [
      WantedFigure(
        "Rate of one producer, net, over the ringbuf's", "producer", "net_rate!", to: "ringbuf",
        .atLeast(3), cpus: 1, payload: 56),
      WantedFigure(
        "Rate of one producer, net, over perf's output", "producer", "net_rate!", to: "perf",
        .atLeast(10), cpus: 1, payload: 56),
      WantedFigure(
        "Transport cost of an event, of the ringbuf's", "producer", "net_cost!", to: "ringbuf",
        .atMost(0.25), cpus: 1, payload: 56),
      WantedFigure(
        "Rate over that of a bare fetch-add with the same fill", "producer", "rate!", to: "bare",
        .atLeast(0.8), payload: 56),
      WantedFigure(
        "Rate on 16 CPUs over the ringbuf's", "producer", "rate!", to: "ringbuf", .atLeast(3),
        cpus: 16, payload: 56),
      WantedFigure(
        "Highest rate without loss over the ringbuf's", "zero-loss", "zero_loss", to: "ringbuf",
        .atLeast(3)),
      WantedFigure(
        "… over the batched ringbuf's", "zero-loss", "zero_loss", to: "ringbuf-batched", .above(1)),
      WantedFigure(
        "… over ringbufs merged by time", "zero-loss", "zero_loss", to: "ringbuf-time", .above(1)),
      WantedFigure(
        "… over ringbufs merged by ticket", "zero-loss", "zero_loss", to: "ringbuf-ticket",
        .above(1)),
      WantedFigure(
        "Drained by one CPU, over libbpf's ringbuf", "consumer", "drain_rate", to: "ringbuf",
        .atLeast(3), payload: 56),
      WantedFigure(
        "Latency p99, parked, of the ringbuf's", "latency", "p99_park", to: "ringbuf", .atMost(1)),
      WantedFigure(
        "Latency p99, spinning, of the ringbuf's", "latency", "p99_spin", to: "ringbuf",
        .atMost(1.0 / 3)),
      WantedFigure("Idle CPU time, of the ringbuf's", "idle", "cpu", to: "ringbuf", .atMost(1)),
    ]
    + ["ringbuf", "bpftrace", "perf-record"].map { rival in
      WantedFigure(
        "Time of the traced work, of that with \(rival)", "overhead", "mean", to: rival,
        rival == "ringbuf" ? .atMost(1) : .below(1))
    } + [
      WantedFigure("Violations of the order", "order", "violations", to: nil, .atMost(0)),
      WantedFigure(
        "Captured at the paper's sizes", "capture", "capture_rate_paper", to: nil, .atLeast(1)),
      WantedFigure("Events without an account", "capture", "unaccounted", to: nil, .atMost(0)),
      WantedFigure(
        "… under faults", "faults", "unaccounted", to: nil, .atMost(0)),
      WantedFigure("Order violations under faults", "faults", "violations", to: nil, .atMost(0)),
      WantedFigure("Torn events under faults", "faults", "torn", to: nil, .atMost(0)),
    ]

  private init(
    _ name: String, _ part: String, _ metric: String, to reference: String?, _ bound: Bound,
    cpus: Int? = nil, payload: Int? = nil
  ) {
    self.name = name
    self.part = part
    self.metric = metric
    self.reference = reference
    self.bound = bound
    self.cpus = cpus
    self.payload = payload
  }
}
