import Foundation
import FoundationXML
import JSONSchemaValidation
import Testing

@testable import EvaluationReport

private func row(
  _ metric: String, _ transport: String, value: Double = 10, part: String = "producer",
  cpus: Int = 1, reference: String? = nil, ratio: Double? = nil, unit: String = "ns"
) -> EvaluationRow {
  EvaluationRow(
    part: part, transport: transport, cpus: cpus, payload: 56, metric: metric, value: value,
    unit: unit, reference: reference, ratio: ratio, spread: [value * 0.9, value * 1.1], rounds: 9)
}

private func file(_ rows: [EvaluationRow], notes: [String] = []) -> EvaluationFile {
  EvaluationFile(
    machine: EvaluationFile.Machine(
      processor: "A & B <processor>", cpus: 2, kernel: "6.18.0", hypervisor: nil,
      memory_bytes: 1 << 30, mitigations: ["meltdown": "Not affected"]),
    versions: ["ordinal": "0.1.0"], commit: "abc", build: "release",
    started: "2026-11-24T12:00:00Z", duration_s: 12, options: ["quick": "false"],
    sizes: ["sequencer": 4_194_304], notes: notes, rows: rows)
}

@Suite("Statistics")
struct StatisticsTests {
  @Test("medians and quartiles are those of a textbook")
  func quantiles() {
    #expect(Statistics.median([]) == nil)
    #expect(Statistics.median([3]) == 3)
    #expect(Statistics.median([4, 1, 3, 2]) == 2.5)
    #expect(Statistics.quartiles([1, 2, 3, 4, 5]) == [2, 4])
    #expect(Statistics.quantile([1, 2, 3, 4], 0.25) == 1.75)
    #expect(Statistics.quartiles([]).isEmpty)
  }

  @Test("ratios are of the same round, and their median is not the medians' ratio")
  func pairs() throws {
    var measurements = Measurements(part: "producer")
    // The machine was twice as slow in round 1.
    for (round, ours, theirs) in [(0, 10.0, 20.0), (1, 20, 40), (2, 11, 20), (3, 9, 0)] {
      measurements.add(
        transport: "sequencer", cpus: 1, payload: 56, metric: "cost", unit: "ns", round: round,
        value: ours)
      measurements.add(
        transport: "ringbuf", cpus: 1, payload: 56, metric: "cost", unit: "ns", round: round,
        value: theirs)
    }
    // A round that the other has not.
    measurements.add(
      transport: "sequencer", cpus: 1, payload: 56, metric: "cost", unit: "ns", round: 4,
      value: 100)
    let rows = measurements.rows { _, transport in transport == "ringbuf" ? [] : ["ringbuf"] }
    try #require(rows.count == 2)
    #expect(rows[0].transport == "sequencer")
    #expect(rows[0].value == 11)
    #expect(rows[0].ratio == 0.5)
    // Nothing is held against nothing: neither round 3 nor round 4.
    #expect(rows[0].rounds == 3)
    #expect(rows[0].spread == [0.5, 0.525])
    #expect(rows[1].reference == nil && rows[1].ratio == nil && rows[1].rounds == 4)
  }
}

@Suite("Result files")
struct EvaluationFileTests {
  @Test("a row has these keys, a null where there is nothing")
  func keys() throws {
    let data = try JSONEncoder().encode(row("cost", "ringbuf"))
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(Set(object.keys) == Set(EvaluationRow.columns))
    #expect(object["reference"] is NSNull && object["ratio"] is NSNull)
  }

  @Test("what is written is read, and is what the schema says")
  func roundTrip() throws {
    let written = file([row("cost", "sequencer", reference: "ringbuf", ratio: 0.3)], notes: ["n"])
    let data = try written.json()
    let read = try EvaluationFile(json: data, name: "a")
    #expect(read.rows == written.rows && read.machine == written.machine)
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let schema = try SchemaValidator(
      file: root.appendingPathComponent("schema/evaluation.schema.json"))
    #expect(schema.problems(in: try JSONValue(parsing: [UInt8](data))) == [])
  }

  @Test(
    "what is no result is refused in one line",
    arguments: [
      "", "{}", "[]", "{\"evaluation\": 1}", String(repeating: "[", count: 5000),
    ])
  func hostile(_ text: String) {
    let error = #expect(throws: ReportError.self) {
      try EvaluationFile(json: Data(text.utf8), name: "x.json")
    }
    #expect(error?.description.contains("x.json") == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test("another version and a wrong spread are refused")
  func mismatch() throws {
    var other = file([])
    other.evaluation = 2
    let version = try other.json()
    #expect(throws: ReportError.self) { try EvaluationFile(json: version, name: "x") }
    var odd = row("cost", "ringbuf")
    odd.spread = [1]
    let spread = try file([odd]).json()
    #expect(throws: ReportError.self) { try EvaluationFile(json: spread, name: "x") }
  }

  @Test("CSV quotes what must be quoted, and says of what machine it is")
  func csv() {
    let text = file([row("a,\"b\"", "ringbuf")], notes: ["two\nlines"]).csv
    let lines = text.components(separatedBy: "\r\n")
    #expect(lines.contains("# processor: A & B <processor>"))
    #expect(lines.contains("# note: two lines"))
    #expect(lines.contains(EvaluationRow.columns.joined(separator: ",")))
    #expect(lines.contains("producer,ringbuf,1,56,\"a,\"\"b\"\"\",10.0,ns,,,9.0 11.0,9"))
  }

  @Test("the terminal gets no control characters from a file")
  func table() {
    let text = file([row("\u{1B}[31mred", "ring\u{202E}buf")], notes: ["\u{7}"]).table
    #expect(!text.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" || $0 == "\u{7}" })
    #expect(text.contains("10"))
  }
}

@Suite("Plots and pages")
struct PageTests {
  private static let rows: [EvaluationRow] = {
    var rows: [EvaluationRow] = []
    for (transport, cost) in [("sequencer", 12.0), ("ringbuf", 30), ("<bare & \"x\">", 6)] {
      for cpus in [1, 2] {
        rows.append(row("net_cost", transport, value: cost, cpus: cpus))
        rows.append(
          row("rate", transport, value: 1e9 / cost, cpus: cpus, unit: "events/s"))
        rows.append(row("cost", transport, value: cost + 8, cpus: cpus))
      }
    }
    rows.append(row("cost", "null", value: 8))
    rows.append(
      row("drain_rate", "sequencer", value: .greatestFiniteMagnitude, part: "consumer"))
    rows.append(row("zero_loss_spin", "sequencer", value: 0, part: "zero-loss"))
    rows.append(row("p99_park_10", "ringbuf", value: 4, part: "latency"))
    rows.append(
      row("capture_rate", "perf", value: 0.23, part: "capture", unit: "1"))
    rows.append(row("mean_exec", "off", value: 4, part: "overhead"))
    rows += ModelRows.make(rows)
    return rows
  }()

  @Test("every plot is well-formed, whatever the names")
  func wellFormed() throws {
    let plots = file(PageTests.rows).plots()
    #expect(
      Set(plots.map(\.name)).isSuperset(of: [
        "cost-1", "cost-2", "rate", "drain", "zero-loss-spin", "latency-park-10", "model",
      ]))
    for plot in plots {
      let parser = XMLParser(data: Data(plot.svg.utf8))
      #expect(parser.parse(), "\(plot.name): \(String(describing: parser.parserError))")
      #expect(!plot.svg.contains("nan") && !plot.svg.contains("inf"))
      // Whoever has the picture alone knows what it was measured on.
      #expect(plot.svg.contains("commit abc") && plot.svg.contains("bytes, sequencer: 4194304"))
    }
  }

  @Test("nothing is plotted of nothing")
  func empty() { #expect(file([]).plots().isEmpty) }

  @Test("a page escapes what a file says, and tells met from missed")
  func page() {
    let hostile = row("<script>alert(1)</script>", "\"><img src=x>")
    let rows = [
      hostile, row("net_rate", "sequencer", reference: "ringbuf", ratio: 3.5),
      row("net_cost", "sequencer", reference: "ringbuf", ratio: 0.3),
    ]
    let page = HTMLReport.page([("<b>", file(rows, notes: ["<i>"]))])
    #expect(!page.contains("<script>") && !page.contains("<img") && !page.contains("<i>"))
    #expect(page.contains("&lt;script&gt;"))
    #expect(page.contains("class=\"yes\">met"))
    #expect(page.contains("class=\"no\">missed"))
    #expect(page.contains("not measured"))
  }
}

@Suite("The paper's table")
struct CaptureTableTests {
  @Test("a line for each CPU count and transport, in the terminal and on a page")
  func table() {
    func line(_ transport: String, _ rate: Double, _ cpus: Int) -> [EvaluationRow] {
      [
        row(
          "capture_rate_paper_forks", transport, value: rate, part: "capture", cpus: cpus, unit: "1"
        ),
        row("offered_paper_forks", transport, value: 100_000, part: "capture", cpus: cpus),
        row("delivered_paper_forks", transport, value: rate * 100_000, part: "capture", cpus: cpus),
        row("violations_paper_forks", transport, value: 3, part: "capture", cpus: cpus),
      ]
    }
    let rows = line("sequencer", 1, 2) + line("perf-8k", 0.999999, 2) + line("perf-8k", 0.9, 1)
    let text = file(rows).table
    let lines = text.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(lines.contains("2 sequencer 100000 100000 100 % 3"))
    // What is not all is never called all.
    #expect(lines.contains("2 perf-8k 100000 100000 99.99 % 3"))
    #expect(lines.contains("1 perf-8k 100000 90000 90.00 % 3"))
    let page = HTMLReport.page([("a", file(rows))])
    #expect(page.contains("its table 5.2") && page.contains("<td class=\"n\">90.00 %</td>"))
    #expect(CaptureTable.all([row("rate", "sequencer")]).isEmpty)
  }
}

@Suite("What recorders made of the same work")
struct RecordingTableTests {
  @Test("a line for each load, CPU count and recorder, in the terminal and on a page")
  func table() throws {
    func line(_ recorder: String, _ captured: Double, _ cpus: Int) -> [EvaluationRow] {
      [
        row("captured_calls", recorder, value: captured, part: "recording", cpus: cpus, unit: "1"),
        row("told_calls", recorder, value: 17, part: "recording", cpus: cpus),
        row("cpu_event_calls", recorder, value: 39.5, part: "recording", cpus: cpus),
      ]
    }
    let rows = line("perf-record", 0.99999, 1) + line("ordinal", 1, 1) + line("ordinal", 1, 2)
    let table = try #require(RecordingTable(rows))
    // A figure that was not measured is no figure; what is missing is never rounded away.
    #expect(
      table.lines == [
        ["calls", "1", "ordinal", "", "100 %", "17", "", "", "", "39.5", ""],
        ["calls", "1", "perf-record", "", "99.99 %", "17", "", "", "", "39.5", ""],
        ["calls", "2", "ordinal", "", "100 %", "17", "", "", "", "39.5", ""],
      ])
    #expect(file(rows).table.contains("Recorders of the same work"))
    #expect(HTMLReport.page([("a", file(rows))]).contains("<h3>Recorders of the same work</h3>"))
    #expect(RecordingTable([row("rate", "sequencer")]) == nil)
  }
}

@Suite("Wanted figures")
struct WantedFigureTests {
  private func finding(_ name: String, _ rows: [EvaluationRow]) -> Bool?? {
    WantedFigure.all.first { $0.name.hasPrefix(name) }.map { $0.finding(rows).isMet }
  }

  @Test("the worst of the rows decides")
  func worst() {
    let good = row("rate", "sequencer", cpus: 1, reference: "bare", ratio: 0.9)
    let bad = row("rate", "sequencer", cpus: 2, reference: "bare", ratio: 0.7)
    #expect(finding("Rate over that of a bare", [good]) == .some(true))
    #expect(finding("Rate over that of a bare", [good, bad]) == .some(false))
    #expect(finding("Rate over that of a bare", []) == .some(nil))
    let other = row("rate", "sequencer", cpus: 2, reference: "ringbuf", ratio: 0.1)
    #expect(finding("Rate over that of a bare", [good, other]) == .some(true))
    // What is wanted without a time stamp is not decided by what was measured with one.
    let stamped = row("rate_stamped", "sequencer", cpus: 2, reference: "bare", ratio: 0.1)
    #expect(finding("Rate over that of a bare", [good, stamped]) == .some(true))
  }

  @Test("a count has no reference")
  func counts() {
    let none = row("violations_tokens", "sequencer", value: 0, part: "order")
    let some = row("violations_tokens", "sequencer", value: 1, part: "order")
    let others = row("violations_tokens", "perf", value: 9, part: "order")
    #expect(finding("Violations", [none, others]) == .some(true))
    #expect(finding("Violations", [none, some]) == .some(false))
  }
}

@Suite("Queueing model")
struct QueueModelTests {
  @Test("one CPU waits for nobody")
  func alone() {
    #expect(abs(QueueModel(think: 15, service: 5).rate(cpus: 1) - 50e6) < 1)
  }

  @Test("without work of its own the line is all there is", arguments: [1, 2, 16, 192])
  func saturated(_ cpus: Int) {
    #expect(abs(QueueModel(think: 0, service: 20).rate(cpus: cpus) - 50e6) < 1)
  }

  @Test("two CPUs, worked out by hand")
  func two() {
    // Q1 = 10/(30+10) = 1/4; R2 = 10·5/4 = 12.5; X2 = 2/42.5.
    #expect(abs(QueueModel(think: 30, service: 10).rate(cpus: 2) - 2e9 / 42.5) < 1)
  }

  @Test("more CPUs are never slower, and never above the line's own rate")
  func bounds() {
    let model = QueueModel(think: 100, service: 10)
    var last = 0.0
    for cpus in 1...192 {
      let rate = model.rate(cpus: cpus)
      #expect(rate >= last && rate <= 1e8 * 1.000001)
      last = rate
    }
    #expect(last > 0.99e8)
  }

  @Test("the service time is found again")
  func inverse() throws {
    let rate = QueueModel(think: 18, service: 24).rate(cpus: 2)
    let found = try #require(QueueModel.service(rate: rate, cpus: 2, think: 18))
    #expect(abs(found - 24) < 0.001)
    #expect(QueueModel.service(rate: 1e12, cpus: 2, think: 18) == nil)
  }

  @Test("hand-overs are near within a group and further with more of them")
  func distances() {
    let machine = LineHandOver.epyc7R13
    #expect(machine.mean(cpus: 1) == 0)
    #expect(machine.mean(cpus: 2) == 9.8)
    // Of three, one pair shares a core.
    #expect(abs(machine.mean(cpus: 3) - (9.8 + 23 + 23) / 3) < 1e-9)
    // Of 32, 15 of a CPU's 31 others are in its group, one of these on its core.
    #expect(abs(machine.mean(cpus: 32) - (9.8 + 14 * 23 + 16 * 107) / 31) < 1e-9)
    #expect(abs(machine.mean(cpus: 192) - (9.8 + 14 * 23 + 80 * 107 + 96 * 197) / 191) < 1e-9)
  }
}
