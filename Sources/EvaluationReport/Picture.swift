import Foundation
import Markup

/// The elements of our plots: SVG that brings its own style, for light and for dark pages.
enum Picture {
  private static let style = """
    text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:16px;font-weight:600}\
    .tick{font-size:11px;fill:#59636e}.end{text-anchor:end}.middle{text-anchor:middle}\
    .grid{stroke:#d1d9e0;stroke-width:1}.spread{stroke:#1f2328;stroke-width:2}\
    .bar{fill:#8aa4c2}.ours{fill:#c2571a}path{fill:none;stroke-width:2}.dash{stroke-dasharray:6 4}\
    .s0{stroke:#c2571a}.s1{stroke:#2f6fb0}.s2{stroke:#3b8a4e}.s3{stroke:#8a5fb0}.s4{stroke:#b08a1a}\
    .s5{stroke:#1a9a9a}.s6{stroke:#b03a6a}.s7{stroke:#6a6a6a}\
    .d0{fill:#c2571a}.d1{fill:#2f6fb0}.d2{fill:#3b8a4e}.d3{fill:#8a5fb0}.d4{fill:#b08a1a}\
    .d5{fill:#1a9a9a}.d6{fill:#b03a6a}.d7{fill:#6a6a6a}.page{fill:#fff}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.tick{fill:#9198a1}.grid{stroke:#3d444d}\
    .spread{stroke:#e6edf3}.page{fill:#0d1117}}
    """

  /// - Parameters:
  ///   - title: the heading.
  ///   - source: what it was measured on, below the picture.
  ///   - facts: all that a reader must know of the run, for whoever has the file alone.
  ///   - width: of the picture, pixels.
  ///   - height: of the picture, without the line for its source.
  ///   - body: its elements.
  /// - Returns: the document.
  static func svg(
    title: String, source: String, facts: String, width: Double, height: Double, _ body: String
  ) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(height + 20))" \
    width="\(number(width))" height="\(number(height + 20))" role="img" \
    aria-label="\(Markup.escape(title))"><desc>\(Markup.escape(facts))</desc>\
    <style>\(style)</style><rect class="page" width="100%" height="100%"/>\
    \(text(title, 16, 24, "title"))\(body)\(text(source, 16, height + 10, "tick"))</svg>

    """
  }

  static func text(_ text: String, _ x: Double, _ y: Double, _ style: String) -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" class=\"\(style)\">\(Markup.escape(text))</text>"
  }

  static func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ style: String
  ) -> String {
    "<line x1=\"\(number(x1))\" y1=\"\(number(y1))\" x2=\"\(number(x2))\" y2=\"\(number(y2))\" "
      + "class=\"\(style)\"/>"
  }

  static func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ style: String
  ) -> String {
    "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(0, width)))\" "
      + "height=\"\(number(height))\" class=\"\(style)\"/>"
  }

  static func dot(_ x: Double, _ y: Double, _ style: String) -> String {
    "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3.5\" class=\"\(style)\"/>"
  }

  static func path(_ points: [(Double, Double)], _ style: String) -> String {
    guard let first = points.first else { return "" }
    var text = "M\(number(first.0)) \(number(first.1))"
    for point in points.dropFirst() { text += "L\(number(point.0)) \(number(point.1))" }
    return "<path d=\"\(text)\" class=\"\(style)\"/>"
  }

  /// Never "nan" or "inf", which no reader takes.
  static func number(_ value: Double) -> String {
    value.isFinite ? String(format: "%.1f", value) : "0"
  }
}
