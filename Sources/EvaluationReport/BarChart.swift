import Foundation

/// Bars that lie, a label each, with the quartiles as a line; an SVG that stands alone.
struct BarChart {
  struct Bar {
    var label: String
    var value: Double
    var spread: [Double]
    /// Drawn in the colour of what the page is about.
    var isOurs: Bool
  }

  let title: String
  let unit: String
  let bars: [Bar]
  let isLogarithmic: Bool

  /// - Parameter file: whose rows these are.
  /// - Returns: the picture.
  func svg(of file: EvaluationFile) -> String {
    let axis = Axis(
      bars.flatMap { [$0.value] + $0.spread }, isLogarithmic: isLogarithmic)
    let left = 170.0
    let width = 520.0
    let step = 24.0
    let top = 48.0
    let height = top + Double(bars.count) * step + 44
    let bottom = top + Double(bars.count) * step
    func x(_ value: Double) -> Double { left + axis.place(value) * width }
    var body = ""
    for tick in axis.ticks {
      body += Picture.line(x(tick), top - 4, x(tick), bottom, "grid")
      body += Picture.text(Axis.label(tick), x(tick), bottom + 14, "tick middle")
    }
    for (index, bar) in bars.enumerated() {
      let y = top + Double(index) * step
      body += Picture.text(bar.label, left - 8, y + 15, "end")
      body += Picture.rectangle(
        left, y + 4, x(bar.value) - left, step - 8, bar.isOurs ? "ours" : "bar")
      if bar.spread.count == 2 {
        let middle = y + step / 2
        body += Picture.line(x(bar.spread[0]), middle, x(bar.spread[1]), middle, "spread")
      }
      body += Picture.text(
        Axis.label(bar.value), max(x(bar.value), x(bar.spread.last ?? bar.value)) + 6, y + 15,
        "tick")
    }
    body += Picture.text(
      unit + (isLogarithmic ? ", logarithmic" : ""), left + width / 2, bottom + 34, "tick middle")
    return Picture.svg(
      title: title, source: file.source, facts: file.factsText, width: left + width + 70,
      height: height, body)
  }
}
