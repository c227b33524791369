/// Medians and quartiles.
public enum Statistics {
  /// The value below which `part` of the values lie, between two of them by their distances (type 7 of
  /// Hyndman and Fan, 1996); nil of nothing.
  public static func quantile(_ values: [Double], _ part: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let place = Double(sorted.count - 1) * min(max(part, 0), 1)
    let below = Int(place)
    guard below + 1 < sorted.count else { return sorted[below] }
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (place - Double(below))
  }

  /// The middle value; nil of nothing.
  public static func median(_ values: [Double]) -> Double? { quantile(values, 0.5) }

  /// The first and the third quartile; empty of nothing.
  public static func quartiles(_ values: [Double]) -> [Double] {
    guard let low = quantile(values, 0.25), let high = quantile(values, 0.75) else { return [] }
    return [low, high]
  }
}
