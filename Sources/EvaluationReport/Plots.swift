extension EvaluationFile {
  /// The plots that the rows are enough for, each with a name for a file.
  public func plots() -> [(name: String, svg: String)] {
    var plots: [(name: String, svg: String)] = []
    for cpus in Set(rows.filter { $0.metric == "net_cost" }.map(\.cpus)).sorted() {
      bars(
        "cost-\(cpus)", "Cost of an event, \(cpus == 1 ? "one CPU" : "\(cpus) CPUs"), 56 bytes",
        part: "producer", metric: "net_cost", cpus: cpus, isLogarithmic: true, into: &plots)
    }
    lines(
      "rate", "Events a second by CPUs that produce, 56 bytes", part: "producer", metric: "rate",
      into: &plots)
    bars(
      "drain", "What one CPU can drain, 56 bytes", part: "consumer", metric: "drain_rate", cpus: 1,
      isLogarithmic: false, into: &plots)
    for waiting in ["spin", "park"] {
      bars(
        "zero-loss-\(waiting)", "Highest rate without loss, consumer \(waiting)s",
        part: "zero-loss", metric: "zero_loss_\(waiting)", cpus: 1, isLogarithmic: true,
        into: &plots)
      for rate in ["10", "50", "90"] {
        bars(
          "latency-\(waiting)-\(rate)",
          "99 of 100 events are younger, consumer \(waiting)s, \(rate) % of the ringbuf's rate",
          part: "latency", metric: "p99_\(waiting)_\(rate)", cpus: 1, isLogarithmic: true,
          into: &plots)
      }
    }
    for metric in unique(rows.filter { $0.part == "capture" && $0.unit == "1" }.map(\.metric)) {
      for cpus in Set(rows.filter { $0.part == "capture" && $0.metric == metric }.map(\.cpus))
        .sorted()
      {
        bars(
          "capture-\(metric)-\(cpus)", "\(metric), \(cpus) CPUs", part: "capture", metric: metric,
          cpus: cpus, isLogarithmic: false, into: &plots)
      }
    }
    for metric in unique(
      rows.filter { $0.part == "overhead" && $0.metric.hasPrefix("mean") }.map(\.metric))
    {
      bars(
        "overhead-\(metric)", "Time of the traced work: \(metric)", part: "overhead",
        metric: metric, cpus: nil, isLogarithmic: false, into: &plots)
    }
    families(into: &plots)
    model(into: &plots)
    return plots
  }

  /// What an event of each family costs, and what traced work loses to streams of them.
  private func families(into plots: inout [(name: String, svg: String)]) {
    let prefix = "event_"
    var bars: [BarChart.Bar] = []
    for row in rows
    where row.part == "families" && row.transport == "precise" && row.metric.hasPrefix(prefix) {
      bars.append(
        BarChart.Bar(
          label: String(row.metric.dropFirst(prefix.count)), value: row.value, spread: row.spread,
          isOurs: true))
    }
    if !bars.isEmpty {
      bars.sort { $0.value < $1.value }
      let chart = BarChart(
        title: "Time in the programs an event, by family", unit: "ns", bars: bars,
        isLogarithmic: false)
      plots.append(("families-event", chart.svg(of: self)))
    }
    let streams = rows.filter { $0.part == "families" && $0.metric.hasPrefix("cpu_") }
    for metric in unique(streams.map(\.metric)) {
      for cpus in Set(streams.filter { $0.metric == metric }.map(\.cpus)).sorted() {
        self.bars(
          "families-\(metric)-\(cpus)",
          "CPU time of a turn of the traced work: \(metric), \(cpus) CPUs", part: "families",
          metric: metric, cpus: cpus, isLogarithmic: true, into: &plots)
      }
    }
  }

  /// The transports' figures of a metric; each once, whatever it is held against.
  private func bars(
    _ name: String, _ title: String, part: String, metric: String, cpus: Int?, isLogarithmic: Bool,
    into plots: inout [(name: String, svg: String)]
  ) {
    var bars: [BarChart.Bar] = []
    var unit = ""
    for row in rows where row.part == part && row.metric == metric {
      guard cpus == nil || row.cpus == cpus,
        row.payload == 56 || row.payload == 0 || part == "families",
        !bars.contains(where: { $0.label == row.transport })
      else { continue }
      unit = row.unit
      bars.append(
        BarChart.Bar(
          label: row.transport, value: row.value,
          spread: row.reference == nil ? row.spread : [],
          isOurs: row.transport.hasPrefix("sequencer") || row.transport == "ordinal"))
    }
    if bars.isEmpty { return }
    bars.sort { $0.value < $1.value }
    plots.append(
      (
        name,
        BarChart(title: title, unit: unit, bars: bars, isLogarithmic: isLogarithmic)
          .svg(of: self)
      ))
  }

  private func lines(
    _ name: String, _ title: String, part: String, metric: String,
    into plots: inout [(name: String, svg: String)]
  ) {
    var lines: [LineChart.Line] = []
    var unit = ""
    for row in rows where row.part == part && row.metric == metric && row.payload == 56 {
      // As many as can be told apart; the others are as the ones that are shown.
      guard Self.drawn.contains(row.transport) else { continue }
      unit = row.unit
      let point = (x: Double(row.cpus), y: row.value)
      if let index = lines.firstIndex(where: { $0.name == row.transport }) {
        if !lines[index].points.contains(where: { $0.x == point.x }) {
          lines[index].points.append(point)
        }
      } else {
        lines.append(LineChart.Line(name: row.transport, points: [point]))
      }
    }
    guard lines.contains(where: { $0.points.count > 1 }) else { return }
    plots.append(
      (
        name,
        LineChart(
          title: title, xLabel: "CPUs", yLabel: unit, lines: lines,
          isLogarithmic: (x: true, y: true)
        ).svg(of: self)
      ))
  }

  private static let drawn = [
    "sequencer", "ringbuf", "ringbuf-ticket", "ringbuf-time", "perf", "perf-every", "bare",
    "fetch-add",
  ]

  private func model(into plots: inout [(name: String, svg: String)]) {
    var lines: [LineChart.Line] = []
    for row in rows where row.part == "model" && row.metric == "predicted_rate" {
      let point = (x: Double(row.cpus), y: row.value)
      if let index = lines.firstIndex(where: { $0.name == row.transport }) {
        lines[index].points.append(point)
      } else {
        lines.append(LineChart.Line(name: row.transport, points: [point], isPredicted: true))
      }
    }
    guard !lines.isEmpty else { return }
    plots.append(
      (
        "model",
        LineChart(
          title: "Predicted events a second", xLabel: "CPUs", yLabel: "events/s", lines: lines,
          isLogarithmic: (x: true, y: true)
        ).svg(of: self)
      ))
  }

  /// What was measured on, in a line.
  var source: String {
    "\(machine.processor), \(machine.cpus) CPUs, Linux \(machine.kernel), commit \(commit), \(started)"
  }

  /// ``facts``, a line each.
  var factsText: String {
    facts.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
  }

  private func unique(_ names: [String]) -> [String] {
    var seen: [String] = []
    for name in names where !seen.contains(name) { seen.append(name) }
    return seen
  }
}
