import BenchmarkSupport
import Foundation

/// The result of a run, with what it ran on.
struct Report {
  let commit: String
  let rounds: Int
  let milliseconds: Int
  /// ns.
  let nap: Int
  var latencies: [Latency] = []
  var costs: [Cost] = []

  init(commit: String, rounds: Int, milliseconds: Int, nap: Int) {
    self.commit = commit
    self.rounds = rounds
    self.milliseconds = milliseconds
    self.nap = nap
  }

  /// Lines for people.
  var text: String {
    var lines = [
      "Publish to delivery, \(rounds) rounds of \(milliseconds) ms; naps of \(nap / 1000) us when adaptive.",
      "",
      row(
        [
          "wait", "events/s", "offered/s", "p50 us", "p99 us", "p99.9 us", "samples", "CPU %",
          "sleeps/s", "lost",
        ]),
    ]
    for latency in latencies {
      let sorted = latency.samples.sorted()
      func microseconds(_ part: Double) -> String {
        latency.quantile(part, sorted: sorted).map { fixed($0 / 1000, 1) } ?? "-"
      }
      lines.append(
        row([
          latency.mode.rawValue, "\(latency.rate)", fixed(median(latency.offered), 0),
          microseconds(0.5), microseconds(0.99), microseconds(0.999), "\(sorted.count)",
          fixed(median(latency.cpu) * 100, 2), fixed(median(latency.sleeps), 0), "\(latency.lost)",
        ]))
    }
    lines += [
      "",
      "The traced program's time, over its time untraced in the same round: median (min - max).",
      "", row(["work", "wait", "us a loop", "ratio", "spread", "", "", "", "sleeps/event"]),
    ]
    for cost in costs {
      lines.append(
        row([
          cost.work.rawValue, cost.mode?.rawValue ?? "off", fixed(median(cost.times) / 1000, 2),
          cost.mode == nil ? "1" : fixed(median(cost.ratios), 3),
          cost.mode == nil
            ? "" : "\(fixed(cost.ratios.min() ?? 0, 2))-\(fixed(cost.ratios.max() ?? 0, 2))",
          "", "", "", cost.mode == nil ? "" : fixed(median(cost.sleeps), 3),
        ]))
    }
    return lines.joined(separator: "\n")
  }

  /// One JSON object: figures, not samples.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let result = Result(
      benchmark: "waking", commit: commit, build: Machine.build, kernel: Machine.kernel,
      processor: Machine.processor, cpus: Machine.cpus, rounds: rounds,
      milliseconds: milliseconds, nap_ns: nap,
      latency: latencies.map { latency in
        let sorted = latency.samples.sorted()
        return Result.Latency(
          wait: latency.mode, events_per_second: latency.rate,
          offered_per_second: median(latency.offered), samples: sorted.count,
          p50_ns: latency.quantile(0.5, sorted: sorted),
          p99_ns: latency.quantile(0.99, sorted: sorted),
          p999_ns: latency.quantile(0.999, sorted: sorted),
          p50_by_round_ns: latency.medians, cpu: median(latency.cpu), cpu_by_round: latency.cpu,
          sleeps_per_second: median(latency.sleeps), lost: latency.lost)
      }, cost: costs)
    return String(decoding: try encoder.encode(result), as: UTF8.self)
  }

  private struct Result: Encodable {
    struct Latency: Encodable {
      var wait: Mode
      var events_per_second: Int
      var offered_per_second: Double
      var samples: Int
      var p50_ns: Double?
      var p99_ns: Double?
      var p999_ns: Double?
      var p50_by_round_ns: [Double]
      var cpu: Double
      var cpu_by_round: [Double]
      var sleeps_per_second: Double
      var lost: Int
    }
    var benchmark: String
    var commit: String
    var build: String
    var kernel: String
    var processor: String
    var cpus: Int
    var rounds: Int
    var milliseconds: Int
    var nap_ns: Int
    var latency: [Latency]
    var cost: [Cost]
  }

  private func row(_ words: [String]) -> String {
    words.map { $0 + String(repeating: " ", count: max(0, 10 - $0.count)) }.joined(separator: " ")
  }

  private func median(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.sorted()[values.count / 2]
  }

  private func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
