import BenchmarkSupport
import EventFormats
import Glibc

/// The result of a run, with what it ran on.
struct Report {
  var drains: [DrainResult] = []
  var checks: [AllocationCheck] = []
  var verifier: VerifierResult?
  let commit: String

  /// Lines for people.
  var text: String {
    var lines: [String] = []
    for drain in drains {
      let best = drain.drain.min() ?? .nan
      let worst = drain.drain.max() ?? .nan
      lines.append(
        "drain, \(drain.ringBytes >> 20) MiB ring, \(drain.recordsPerRound) one-slot records a round, "
          + "\(drain.drain.count) rounds: median \(millions(drain.medianTime)) M records/s "
          + "(\(fixed(drain.medianTime, 2)) ns each), "
          + "min \(millions(worst)), max \(millions(best)); "
          + "\(fixed(drain.medianRatio, 2)) times the time of a bare loop over the same words "
          + "(\(millions(drain.medianTouchTime)) M/s); "
          + "publish: \(fixed(drain.medianPublishTime, 2)) ns each, "
          + "\(fixed(drain.medianPublishRatio, 2)) times that loop")
    }
    lines += checks.map { "allocations, " + $0.text }
    if let verifier {
      lines.append(
        "verifier, \(verifier.events) events a round, \(verifier.verify.count) rounds: "
          + "\(fixed(median(verifier.verify), 1)) ns an event decoded and judged, "
          + "\(fixed(median(verifier.decode), 1)) ns decoded only; the judge adds "
          + "\(fixed(verifier.medianCost, 1)) ns")
    }
    return lines.joined(separator: "\n")
  }

  /// One JSON object.
  var json: String {
    let machine =
      "{\"cpu\":\(quoted(Machine.processor)),\"cpus\":\(sysconf(Int32(_SC_NPROCESSORS_ONLN))),"
      + "\"kernel\":\(quoted(Machine.kernel))}"
    let drains = drains.map { drain in
      let rates = drain.drain.map { 1e9 / $0 }
      return "{\"ring_bytes\":\(drain.ringBytes),\"records_per_round\":\(drain.recordsPerRound),"
        + "\"rounds\":\(drain.drain.count),\"records_per_second\":{"
        + "\"median\":\(fixed(1e9 / drain.medianTime, 0)),"
        + "\"min\":\(fixed(rates.min() ?? 0, 0)),\"max\":\(fixed(rates.max() ?? 0, 0))},"
        + "\"ns_per_record\":\(fixed(drain.medianTime, 3)),"
        + "\"bare_loop_ns_per_record\":\(fixed(drain.medianTouchTime, 3)),"
        + "\"time_to_bare_loop\":\(fixed(drain.medianRatio, 3)),"
        + "\"publish_ns_per_record\":\(fixed(drain.medianPublishTime, 3)),"
        + "\"publish_to_bare_loop\":\(fixed(drain.medianPublishRatio, 3))}"
    }
    let checks = checks.map {
      "{\"path\":\(quoted($0.path)),\"records\":\($0.records),\"allocations\":\($0.allocations)}"
    }
    let verifier =
      verifier.map {
        ",\"verifier\":{\"events\":\($0.events),\"rounds\":\($0.verify.count),"
          + "\"ns_per_event\":\(fixed(median($0.verify), 1)),"
          + "\"decode_ns_per_event\":\(fixed(median($0.decode), 1)),"
          + "\"cost_ns_per_event\":\(fixed($0.medianCost, 1))}"
      } ?? ""
    return "{\"benchmark\":\"ring\",\"commit\":\(quoted(commit)),\"build\":\"\(Machine.build)\","
      + "\"machine\":\(machine),\"drain\":[\(drains.joined(separator: ","))],"
      + "\"allocations\":[\(checks.joined(separator: ","))]\(verifier)}"
  }

  private func quoted(_ text: String) -> String {
    let escaped = text.flatMap { character -> [Character] in
      character == "\"" || character == "\\" ? ["\\", character] : [character]
    }
    return "\"" + String(escaped) + "\""
  }

  private func millions(_ nanoseconds: Double) -> String { fixed(1e3 / nanoseconds, 1) }

  private func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "0" }
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    let rounded = (value * scale).rounded()
    let whole = (rounded / scale).rounded(.towardZero)
    if digits == 0 { return "\(Int(whole))" }
    let rest = "\(Int(rounded - whole * scale))"
    return "\(Int(whole))." + String(repeating: "0", count: digits - rest.count) + rest
  }
}
