import Foundation

/// A scale from values to places on a page.
struct Axis {
  let isLogarithmic: Bool
  let low: Double
  let high: Double
  /// Round values that are marked, within the scale.
  let ticks: [Double]

  /// A scale that holds all finite `values`; a linear one begins at zero.
  init(_ values: [Double], isLogarithmic: Bool) {
    let usable = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      let least = usable.min() ?? 1
      let most = max(usable.max() ?? 10, least)
      let first = floor(log10(least))
      let last = max(ceil(log10(most)), first + 1)
      low = pow(10, first)
      high = pow(10, last)
      let steps = last - first <= 2 ? [1.0, 2, 5] : [1.0]
      ticks = stride(from: first, through: last, by: 1).flatMap { power in
        steps.map { $0 * pow(10, power) }
      }.filter { $0 <= pow(10, last) * 1.0001 }
    } else {
      let most = max(usable.max() ?? 1, 1e-12)
      let step = Axis.roundStep(most / 5)
      low = 0
      high = (most / step).rounded(.up) * step
      ticks = stride(from: 0, through: high * 1.0001, by: step).map { $0 }
    }
  }

  /// Where `value` lies between 0 and 1.
  func place(_ value: Double) -> Double {
    let part =
      isLogarithmic
      ? (log10(max(value, low)) - log10(low)) / (log10(high) - log10(low))
      : (value - low) / (high - low)
    return min(max(part, 0), 1)
  }

  private static func roundStep(_ rough: Double) -> Double {
    let power = pow(10, floor(log10(rough)))
    for step in [1.0, 2, 5] where step * power >= rough { return step * power }
    return 10 * power
  }

  /// A value in few characters: 20M, 1.5k, 0.02.
  static func label(_ value: Double) -> String {
    for (size, unit) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where abs(value) >= size {
      return String(format: "%.3g%@", value / size, unit)
    }
    return String(format: "%.3g", value)
  }
}
