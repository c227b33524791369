/// The figures of one part by round, until rows are made of them.
public struct Measurements: Sendable {
  private struct Key: Hashable {
    var transport: String
    var cpus: Int
    var payload: Int
    var metric: String
  }
  private struct Series {
    var unit: String
    var values: [Int: Double] = [:]
  }
  private let part: String
  private var order: [Key] = []
  private var series: [Key: Series] = [:]

  /// No figures of `part`.
  public init(part: String) { self.part = part }

  /// Adds the figure of a round; a second one of the same round replaces it.
  public mutating func add(
    transport: String, cpus: Int, payload: Int, metric: String, unit: String, round: Int,
    value: Double
  ) {
    let key = Key(transport: transport, cpus: cpus, payload: payload, metric: metric)
    if series[key] == nil {
      order.append(key)
      series[key] = Series(unit: unit)
    }
    series[key]?.values[round] = value
  }

  /// A row for each series and each reference that it has figures of the same rounds with; one without a
  /// reference where there is none.
  ///
  /// - Parameter references: what a metric of a transport is held against, by name.
  /// - Returns: the rows, in the order in which the figures came.
  public func rows(references: (_ metric: String, _ transport: String) -> [String])
    -> [EvaluationRow]
  {
    order.flatMap { key -> [EvaluationRow] in
      guard let own = series[key], let median = Statistics.median(Array(own.values.values))
      else { return [] }
      func row(_ reference: String?, _ ratios: [Double]) -> EvaluationRow {
        EvaluationRow(
          part: part, transport: key.transport, cpus: key.cpus, payload: key.payload,
          metric: key.metric, value: median, unit: own.unit, reference: reference,
          ratio: Statistics.median(ratios),
          spread: Statistics.quartiles(reference == nil ? Array(own.values.values) : ratios),
          rounds: reference == nil ? own.values.count : ratios.count)
      }
      var rows: [EvaluationRow] = []
      for reference in references(key.metric, key.transport) {
        var other = key
        other.transport = reference
        let base = series[other]?.values ?? [:]
        // Nothing is held against nothing.
        let ratios = own.values.compactMap { round, value in
          base[round].flatMap { $0 == 0 ? nil : value / $0 }
        }
        if !ratios.isEmpty { rows.append(row(reference, ratios)) }
      }
      return rows.isEmpty ? [row(nil, [])] : rows
    }
  }
}
