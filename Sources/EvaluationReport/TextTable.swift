import Foundation

extension EvaluationFile {
  /// The rows for a terminal, a table a part, and the notes.
  public var table: String {
    var text = ""
    var parts: [String] = []
    for row in rows where !parts.contains(row.part) { parts.append(row.part) }
    for part in parts {
      text += "\(part)\n" + TextTable.lines(rows.filter { $0.part == part }) + "\n"
    }
    for capture in CaptureTable.all(rows) {
      text +=
        "\(TextTable.printable(capture.title))\n"
        + TextTable.aligned(
          [CaptureTable.header] + capture.lines.map { $0.map(TextTable.printable) },
          right: [0, 2, 3, 4, 5, 6, 7]) + "\n"
    }
    if let recording = RecordingTable(rows) {
      text +=
        "Recorders of the same work\n"
        + TextTable.aligned(
          [RecordingTable.header] + recording.lines.map { $0.map(TextTable.printable) },
          right: RecordingTable.right) + "\n"
    }
    let findings = WantedFigure.all.map { ($0, $0.finding(rows)) }.filter { $0.1.isMet != nil }
    if !findings.isEmpty { text += "wanted of the sequencer, and the worst that was measured\n" }
    for (figure, finding) in findings {
      text +=
        "  \(finding.isMet == true ? "met   " : "missed")  \(figure.name): \(figure.bound.text), "
        + "\(TextTable.printable(finding.measured))\n"
    }
    for note in notes { text += "note: \(TextTable.printable(note))\n" }
    return text
  }
}

/// Rows in aligned columns.
enum TextTable {
  private static let header = [
    "metric", "transport", "cpus", "bytes", "value", "unit", "ratio", "quartiles", "to", "rounds",
  ]
  /// Columns of figures stand to the right.
  private static let right: Set<Int> = [2, 3, 4, 6, 9]

  static func lines(_ rows: [EvaluationRow]) -> String {
    aligned([header] + rows.map(cells), right: right)
  }

  /// Lines of cells, the first of them a header; columns in `right` stand to the right.
  static func aligned(_ cells: [[String]], right: Set<Int>) -> String {
    let widths = (cells.first ?? []).indices.map { column in
      cells.map { $0[column].count }.max() ?? 0
    }
    return cells.map { row in
      let line = row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        return right.contains(column) ? space + row[column] : row[column] + space
      }.joined(separator: "  ")
      return "  " + String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  private static func cells(_ row: EvaluationRow) -> [String] {
    let quartiles = row.spread.map(figure).joined(separator: " … ")
    return [
      printable(row.metric), printable(row.transport), row.cpus == 0 ? "" : "\(row.cpus)",
      row.payload == 0 ? "" : "\(row.payload)", figure(row.value), printable(row.unit),
      row.ratio.map(figure) ?? "", row.rounds > 1 ? quartiles : "", printable(row.reference ?? ""),
      "\(row.rounds)",
    ]
  }

  /// Three digits that count, or all in front of the point.
  static func figure(_ value: Double) -> String {
    if !value.isFinite { return "\(value)" }
    let size = abs(value)
    if value == value.rounded(), size < 1e6 { return String(format: "%.0f", value) }
    if size >= 1e9 { return String(format: "%.3gG", value / 1e9) }
    if size >= 1e6 { return String(format: "%.3gM", value / 1e6) }
    if size >= 100 { return String(format: "%.0f", value) }
    if size >= 0.01 { return String(format: "%.3g", value) }
    return String(format: "%.2g", value)
  }

  /// What may come from a file, without what could act on a terminal.
  static func printable(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: result.append("\u{FFFD}")
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
