/// What recorders made of the same work: a line for each load and recorder.
struct RecordingTable {
  /// The columns' names.
  static let header = [
    "load", "CPUs", "recorder", "events/s", "in the file", "told as lost", "bytes/s", "bytes/event",
    "CPU s", "CPU ns/event", "work",
  ]
  /// Columns of figures.
  static let right: Set<Int> = [1, 3, 4, 5, 6, 7, 8, 9, 10]
  /// Cells in the order of ``header``; figures are medians of the rounds, `work` is its CPU time over that
  /// without a recorder.
  let lines: [[String]]

  /// The table that rows make; nil where nothing was recorded.
  init?(_ rows: [EvaluationRow]) {
    let prefix = "captured_"
    let rows = rows.filter { $0.part == "recording" }
    var loads: [(name: String, cpus: Int)] = []
    for row in rows where row.metric.hasPrefix(prefix) {
      let load = (name: String(row.metric.dropFirst(prefix.count)), cpus: row.cpus)
      if !loads.contains(where: { $0 == load }) { loads.append(load) }
    }
    if loads.isEmpty { return nil }
    lines = loads.flatMap { load in
      let rates = rows.filter { $0.metric == prefix + load.name && $0.cpus == load.cpus }
      return rates.sorted { $0.transport < $1.transport }.map { rate in
        func row(_ metric: String, to reference: String? = nil) -> EvaluationRow? {
          rows.first {
            $0.metric == "\(metric)_\(load.name)" && $0.transport == rate.transport
              && $0.cpus == load.cpus && (reference == nil || $0.reference == reference)
          }
        }
        func cell(_ metric: String) -> String {
          row(metric).map { TextTable.figure($0.value) } ?? ""
        }
        return [
          load.name, "\(load.cpus)", rate.transport, cell("made"), CaptureTable.percent(rate.value),
          cell("told"), cell("bytes_rate"), cell("bytes"), cell("cpu"), cell("cpu_event"),
          row("turn", to: "off")?.ratio.map(TextTable.figure) ?? "",
        ]
      }
    }
  }
}
