/// One figure of the evaluation, as files and tables have it: tidy, a row a figure.
public struct EvaluationRow: Codable, Hashable, Sendable {
  /// The part of the evaluation that measured it: "producer", "latency" …
  public var part: String
  /// The transport, or the control, that was measured.
  public var transport: String
  /// CPUs that produced; 0 where that means nothing.
  public var cpus: Int
  /// Bytes of an event's payload; 0 where that means nothing.
  public var payload: Int
  /// What was measured.
  public var metric: String
  /// The median of the rounds.
  public var value: Double
  /// The unit of ``value``: "ns", "events/s", "events", "1" …
  public var unit: String
  /// What it is held against, by a name as in ``transport``; nil: nothing.
  public var reference: String?
  /// The median of the rounds' ratios, each of the figure over the reference's of the same round.
  public var ratio: Double?
  /// The first and the third quartile: of the ratios where there is a reference, else of the values.
  public var spread: [Double]
  /// Rounds that it is the median of.
  public var rounds: Int

  /// A row of all its columns.
  public init(
    part: String, transport: String, cpus: Int, payload: Int, metric: String, value: Double,
    unit: String, reference: String?, ratio: Double?, spread: [Double], rounds: Int
  ) {
    self.part = part
    self.transport = transport
    self.cpus = cpus
    self.payload = payload
    self.metric = metric
    self.value = value
    self.unit = unit
    self.reference = reference
    self.ratio = ratio
    self.spread = spread
    self.rounds = rounds
  }

  /// The columns' names, in the order of a table.
  public static let columns = [
    "part", "transport", "cpus", "payload", "metric", "value", "unit", "reference", "ratio",
    "spread", "rounds",
  ]

  // Null where there is no reference: every row has every key.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(part, forKey: .part)
    try container.encode(transport, forKey: .transport)
    try container.encode(cpus, forKey: .cpus)
    try container.encode(payload, forKey: .payload)
    try container.encode(metric, forKey: .metric)
    try container.encode(value, forKey: .value)
    try container.encode(unit, forKey: .unit)
    try container.encode(reference, forKey: .reference)
    try container.encode(ratio, forKey: .ratio)
    try container.encode(spread, forKey: .spread)
    try container.encode(rounds, forKey: .rounds)
  }
}
