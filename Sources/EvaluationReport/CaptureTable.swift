import Foundation

/// What was captured of a workload, as the white paper's table 5.2 has it: a line for each CPU count and
/// transport.
struct CaptureTable {
  /// Of what workload, in words.
  let title: String
  /// The columns' names.
  static let header = [
    "CPUs", "transport", "offered", "delivered", "captured", "told as lost", "without account",
    "order violations",
  ]
  /// Cells in the order of ``header``; counts are medians of the rounds.
  let lines: [[String]]

  private static let titles = [
    "forks": "Processes that end at once, equal bytes",
    "paper_forks": "The same at the paper's sizes (its table 5.2)",
    "paper_printed": "The same, a line written for each event, as the paper's perf program did",
    "overload": "Overload: 100 laps of 512 KiB, all transports at full speed",
  ]

  /// The tables that rows are enough for, in the order of the rows.
  static func all(_ rows: [EvaluationRow]) -> [CaptureTable] {
    let prefix = "capture_rate_"
    let rows = rows.filter { $0.part == "capture" }
    var workloads: [String] = []
    for row in rows where row.metric.hasPrefix(prefix) {
      let workload = String(row.metric.dropFirst(prefix.count))
      if !workloads.contains(workload) { workloads.append(workload) }
    }
    return workloads.map { workload in
      let rates = rows.filter { $0.metric == prefix + workload }
      let lines = Set(rates.map(\.cpus)).sorted().flatMap { cpus in
        rates.filter { $0.cpus == cpus }.map { rate in
          func count(_ metric: String) -> String {
            rows.first {
              $0.metric == "\(metric)_\(workload)" && $0.transport == rate.transport
                && $0.cpus == cpus
            }.map { String(format: "%.0f", $0.value) } ?? ""
          }
          return [
            "\(cpus)", rate.transport, count("offered"), count("delivered"), percent(rate.value),
            count("lost"), count("unaccounted"), count("violations"),
          ]
        }
      }
      return CaptureTable(title: titles[workload] ?? workload, lines: lines)
    }
  }

  /// Never "100 %" where something is missing.
  static func percent(_ part: Double) -> String {
    part == 1 ? "100 %" : String(format: "%.2f %%", min((part * 10000).rounded(.down) / 100, 99.99))
  }
}
