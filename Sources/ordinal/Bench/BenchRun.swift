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
    [ProducerPart.self, ConsumerPart.self, ZeroLossPart.self, LatencyPart.self, IdlePart.self]
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
      try write(try measure(parts, name: name))
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

  private func write(_ file: EvaluationFile) throws {
    try writeOut(file.table)
    if let path = options.json { try save(try file.json(), path) }
    if let path = options.csv { try save(Data(file.csv.utf8), path) }
  }

  private func save(_ data: Data, _ path: String) throws(Failure) {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    } catch {
      throw Failure(
        "can't write '\(path)': \(error.localizedDescription); write elsewhere", status: 1)
    }
    complain("wrote \(path)")
  }
}
