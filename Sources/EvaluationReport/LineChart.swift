import Foundation

/// Lines over a number of CPUs, or whatever grows; an SVG that stands alone.
struct LineChart {
  struct Line {
    var name: String
    var points: [(x: Double, y: Double)]
    /// A prediction and no measurement: dashed, without dots.
    var isPredicted = false
  }

  let title: String
  let xLabel: String
  let yLabel: String
  let lines: [Line]
  let isLogarithmic: (x: Bool, y: Bool)

  /// - Parameter file: whose rows these are.
  /// - Returns: the picture.
  func svg(of file: EvaluationFile) -> String {
    let xs = Axis(lines.flatMap { $0.points.map(\.x) }, isLogarithmic: isLogarithmic.x)
    let ys = Axis(lines.flatMap { $0.points.map(\.y) }, isLogarithmic: isLogarithmic.y)
    let left = 70.0
    let top = 48.0
    let width = 460.0
    let height = 300.0
    func place(_ point: (x: Double, y: Double)) -> (Double, Double) {
      (left + xs.place(point.x) * width, top + (1 - ys.place(point.y)) * height)
    }
    var body = ""
    for tick in ys.ticks {
      let y = top + (1 - ys.place(tick)) * height
      body += Picture.line(left, y, left + width, y, "grid")
      body += Picture.text(Axis.label(tick), left - 8, y + 4, "tick end")
    }
    for tick in xs.ticks {
      let x = left + xs.place(tick) * width
      body += Picture.line(x, top, x, top + height, "grid")
      body += Picture.text(Axis.label(tick), x, top + height + 16, "tick middle")
    }
    for (index, line) in lines.enumerated() {
      let places = line.points.sorted { $0.x < $1.x }.map(place)
      body += Picture.path(places, "s\(index % 8)\(line.isPredicted ? " dash" : "")")
      if !line.isPredicted {
        for point in places { body += Picture.dot(point.0, point.1, "d\(index % 8)") }
      }
      let y = top + 10 + Double(index) * 20
      body += Picture.path(
        [(left + width + 16, y - 4), (left + width + 40, y - 4)],
        "s\(index % 8)\(line.isPredicted ? " dash" : "")")
      body += Picture.text(line.name, left + width + 46, y, "")
    }
    body += Picture.text(xLabel, left + width / 2, top + height + 36, "tick middle")
    body += Picture.text(yLabel, left, top - 10, "tick")
    let rows = max(top + height + 48, top + 30 + Double(lines.count) * 20)
    return Picture.svg(
      title: title, source: file.source, facts: file.factsText, width: left + width + 250,
      height: rows, body)
  }
}
