import Markup

/// One page of result files: what was wanted and what was measured, plots, tables.
public enum HTMLReport {
  private static let style = """
    body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;\
    color:#1f2328;background:#fff}table{border-collapse:collapse;margin:1rem 0;font-size:13px;\
    display:block;overflow-x:auto}th,td{padding:.2rem .6rem;text-align:left;\
    border-bottom:1px solid #d1d9e0}td.n{text-align:right;font-variant-numeric:tabular-nums}\
    .yes{color:#1a7f37}.no{color:#c2571a;font-weight:600}figure{margin:1rem 0}\
    svg{max-width:100%;height:auto}details{margin:1rem 0}summary{cursor:pointer}\
    @media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}\
    th,td{border-color:#3d444d}.yes{color:#3fb950}.no{color:#f0883e}}
    """

  /// The page, in one file without references to others.
  ///
  /// - Parameter files: results, each with a name for its heading.
  /// - Returns: HTML; every text from a file is escaped.
  public static func page(_ files: [(name: String, file: EvaluationFile)]) -> String {
    var body = ""
    for (name, file) in files { body += section(name, file) }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Ordinal: evaluation</title><style>\(style)</style></head>
      <body><h1>Ordinal: evaluation</h1>
      \(body)</body></html>

      """
  }

  private static func section(_ name: String, _ file: EvaluationFile) -> String {
    var text = "<h2>\(Markup.escape(name))</h2>\n"
    text +=
      "<p>\(Markup.escape(file.machine.processor)), \(file.machine.cpus) CPUs, Linux "
      + "\(Markup.escape(file.machine.kernel)), \(Markup.escape(file.started)), commit "
      + "\(Markup.escape(file.commit)), \(Markup.escape(file.build)) build.</p>\n"
    text += "<h3>Wanted and measured</h3>\n" + wanted(file.rows)
    if !file.notes.isEmpty {
      text +=
        "<h3>Notes</h3>\n<ul>"
        + file.notes.map { "<li>\(Markup.escape($0))</li>" }.joined() + "</ul>\n"
    }
    for capture in CaptureTable.all(file.rows) {
      text += "<h3>\(Markup.escape(capture.title))</h3>\n"
      text += cells(CaptureTable.header, capture.lines) { $0 != 1 }
    }
    if let recording = RecordingTable(file.rows) {
      text += "<h3>Recorders of the same work</h3>\n"
      text += cells(RecordingTable.header, recording.lines) { RecordingTable.right.contains($0) }
    }
    for plot in file.plots() { text += "<figure>\(plot.svg)</figure>\n" }
    var parts: [String] = []
    for row in file.rows where !parts.contains(row.part) { parts.append(row.part) }
    for part in parts {
      text +=
        "<details><summary>All figures: \(Markup.escape(part))</summary>"
        + table(file.rows.filter { $0.part == part }) + "</details>\n"
    }
    text +=
      "<details><summary>Machine and run</summary><table>"
      + file.facts.map {
        "<tr><th>\(Markup.escape($0.key))</th><td>\(Markup.escape($0.value))</td></tr>"
      }.joined() + "</table></details>\n"
    return text
  }

  /// A table; `isRight` tells the columns that are set to the right, by their number.
  private static func cells(
    _ header: [String], _ lines: [[String]], isRight: (Int) -> Bool
  ) -> String {
    var text = "<table><tr>" + header.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
    for line in lines {
      text += "<tr>"
      for (index, cell) in line.enumerated() {
        let style = isRight(index) ? " class=\"n\"" : ""
        text += "<td\(style)>\(Markup.escape(cell))</td>"
      }
      text += "</tr>\n"
    }
    return text + "</table>\n"
  }

  private static func wanted(_ rows: [EvaluationRow]) -> String {
    var text =
      "<table><tr><th>figure</th><th>wanted</th><th>measured, the worst</th><th></th></tr>\n"
    for figure in WantedFigure.all {
      let finding = figure.finding(rows)
      let verdict =
        switch finding.isMet {
        case true?: "<td class=\"yes\">met</td>"
        case false?: "<td class=\"no\">missed</td>"
        case nil: "<td></td>"
        }
      text +=
        "<tr><td>\(Markup.escape(figure.name))</td><td>\(figure.bound.text)</td>"
        + "<td>\(Markup.escape(finding.measured))</td>\(verdict)</tr>\n"
    }
    return text + "</table>\n"
  }

  private static func table(_ rows: [EvaluationRow]) -> String {
    let header = [
      "metric", "transport", "CPUs", "payload", "value", "unit", "ratio", "to", "quartiles",
      "rounds",
    ]
    var text = "<table><tr>" + header.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
    for row in rows {
      let spread = row.spread.map(TextTable.figure).joined(separator: " … ")
      text +=
        "<tr><td>\(Markup.escape(row.metric))</td><td>\(Markup.escape(row.transport))</td>"
        + "<td class=\"n\">\(row.cpus)</td><td class=\"n\">\(row.payload)</td>"
        + "<td class=\"n\">\(TextTable.figure(row.value))</td><td>\(Markup.escape(row.unit))</td>"
        + "<td class=\"n\">\(row.ratio.map(TextTable.figure) ?? "")</td>"
        + "<td>\(Markup.escape(row.reference ?? ""))</td><td>\(spread)</td>"
        + "<td class=\"n\">\(row.rounds)</td></tr>\n"
    }
    return text + "</table>"
  }
}
