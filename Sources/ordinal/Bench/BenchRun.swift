import ArgumentParser
import BPFLoader
import Evaluation
import EvaluationReport
import EvaluationTransports
import Foundation
import Sequencer

/// Runs parts of the evaluation and writes what they found.
struct BenchRun {
  /// All parts, in the order in which `ordinal bench all` runs them.
  static var parts: [any EvaluationPart.Type] {
    [
      ProducerPart.self, ConsumerPart.self, ZeroLossPart.self, LatencyPart.self, IdlePart.self,
      OverheadPart.self, DesignPart.self,
      CapturePart.self, OrderPart.self, FaultsPart.self, FamiliesPart.self,
    ]
  }

  private let options: BenchOptions
  private let settings: EvaluationSettings

  init(_ options: BenchOptions) throws {
    self.options = options
    do { settings = try options.settings() } catch {
      complain(error.message)
      throw ExitCode(error.status)
    }
  }

  func run(_ parts: [any EvaluationPart.Type], name: String) throws {
    do {
      guard geteuid() == 0 else {
        throw Failure("bench loads programs into the kernel: run it as root")
      }
      let outputs = try Outputs(options)
      try outputs.write(try measure(parts, name: name), name: "ordinal bench \(name)")
    } catch let failure as Failure {
      complain(failure.message)
      throw ExitCode(failure.status)
    } catch {
      complain("\(error)")
      throw ExitCode(2)
    }
  }

  private func measure(_ parts: [any EvaluationPart.Type], name: String) throws -> EvaluationFile {
    let began = Date()
    var rows: [EvaluationRow] = []
    var notes: [String] = []
    if MachineFacts.build == "debug" {
      notes.append("A debug build: its figures say nothing about the program that users run.")
    }
    for (index, part) in parts.enumerated() {
      let heading = "\(part.name) (\(index + 1) of \(parts.count))"
      let start = monotonicNow()
      let progress = Progress { line in
        let seconds = (monotonicNow() - start) / 1_000_000_000
        complain("\(heading), \(seconds) s: \(line)")
      }
      progress.say(part.abstract)
      let samples = try part.measure(settings, progress)
      var measurements = Measurements(part: part.name)
      for sample in samples.all {
        measurements.add(
          transport: sample.transport, cpus: sample.cpus, payload: sample.payload,
          metric: sample.metric, unit: sample.unit, round: sample.round, value: sample.value)
      }
      rows += measurements.rows { part.references(metric: $0, transport: $1) }
      notes += samples.notes.map { "\(part.name): \($0)" }
    }
    rows += ModelRows.make(rows)
    return EvaluationFile(
      machine: MachineFacts.machine,
      versions: ["ordinal": Ordinal.configuration.version, "libbpf": LibBPF.version],
      commit: ProcessInfo.processInfo.environment["ORDINAL_COMMIT"] ?? "unknown",
      build: MachineFacts.build, started: ISO8601DateFormatter().string(from: began),
      duration_s: Date().timeIntervalSince(began).rounded(),
      options: [
        "part": name, "quick": "\(settings.isQuick)", "rounds": "\(settings.rounds)",
        "cpus": settings.cpuCounts.map(String.init).joined(separator: ","),
        "payload": settings.payloads.map(String.init).joined(separator: ","),
        "transports": settings.transports.map(\.rawValue).joined(separator: ","),
      ], sizes: settings.sizes, notes: notes, rows: rows)
  }

  /// Where results go.
  private struct Outputs {
    let json, csv, html, plots: BenchOutput?

    init(_ options: BenchOptions) throws(Failure) {
      json = try Outputs.file(options.json)
      csv = try Outputs.file(options.csv)
      html = try Outputs.file(options.html)
      if let folder = options.plots { plots = try BenchOutput(folder: folder) } else { plots = nil }
    }

    private static func file(_ path: String?) throws(Failure) -> BenchOutput? {
      guard let path else { return nil }
      return try BenchOutput(file: path)
    }

    func write(_ file: EvaluationFile, name: String) throws {
      // Files first: a terminal that went away must not take the figures with it.
      try json?.save(try file.json())
      try csv?.save(Data(file.csv.utf8))
      try html?.save(Data(HTMLReport.page([(name, file)]).utf8))
      try plots?.save(file.plots())
      try writeOut(file.table)
    }
  }
}
