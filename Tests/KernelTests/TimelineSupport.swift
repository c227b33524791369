import Foundation
import TestSupport
import Testing

/// A line of JSON, by its keys: an event of a trace, or what a workload wrote down.
struct TimelineLine {
  let fields: [String: Any]

  var type: String { text("type") ?? "" }
  var tid: Int { int("tid") ?? -1 }

  func int(_ key: String) -> Int? { fields[key] as? Int }
  func text(_ key: String) -> String? { fields[key] as? String }
  func flag(_ key: String) -> Bool { fields[key] as? Bool ?? false }
  func object(_ key: String) -> TimelineLine? {
    (fields[key] as? [String: Any]).map(TimelineLine.init)
  }

  /// What of `wanted` stands otherwise here, or not at all.
  func differences(from wanted: TimelineLine) -> [String] {
    wanted.fields.keys.sorted().flatMap { key -> [String] in
      if let inner = wanted.object(key), let told = object(key) {
        return told.differences(from: inner).map { "\(key).\($0)" }
      }
      let value = wanted.fields[key] as? NSObject
      guard let told = fields[key] as? NSObject else { return ["\(key) is missing"] }
      return told.isEqual(value) ? [] : ["\(key) is \(told), not \(value ?? NSNull())"]
    }
  }

  /// The lines of a file.
  static func all(_ file: String) throws -> [TimelineLine] {
    try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n")).map {
      guard let fields = try JSONSerialization.jsonObject(with: $0) as? [String: Any] else {
        throw SupportError("no object: \(String(decoding: $0, as: UTF8.self))")
      }
      return TimelineLine(fields: fields)
    }
  }
}

/// A trace of a command that has ended, and what the command wrote down.
struct Timeline {
  let lines: [TimelineLine]
  let log: [TimelineLine]
  let summary: RunSummary

  /// Traces a command with these options; it must end with 0, and the account must add up.
  init(_ options: [String], _ command: [String], readsLog: Bool = true) throws {
    let folder = try TemporaryFolder()
    let file = folder.file("log")
    let trace = try Trace(
      ["-o", "json"] + options + ["--"] + command, environment: ["WORKLOAD_LOG": file])
    let status = try trace.process.wait(seconds: 200)
    #expect(status == 0, "\(trace.errors)")
    summary = try trace.summary()
    lines = try TimelineLine.all(trace.folder.file("out"))
    let hasLog = readsLog && FileManager.default.fileExists(atPath: file)
    log = hasLog ? try TimelineLine.all(file) : []
    #expect(summary.offered == summary.delivered + summary.lost + summary.missed)
    #expect(summary.delivered == UInt64(events.count))
    #expect(
      summary.ordering_violations == 0 && summary.causality_violations == 0, "\(trace.errors)")
    let sequences = events.map { $0.int("seq") ?? -1 }
    #expect(zip(sequences, sequences.dropFirst()).allSatisfy { $0 < $1 })
  }

  /// The same of one of the workload's own kinds.
  init(_ options: [String], workload words: [String], readsLog: Bool = true) throws {
    try self.init(
      options, [try BuildFolder.program("workload")] + words, readsLog: readsLog)
  }

  var events: [TimelineLine] { lines.filter { $0.type != "gap" } }

  /// For what is to be told once each: nothing was lost.
  func expectWhole() {
    #expect(summary.lost == 0 && summary.missed == 0 && summary.gaps == 0)
  }

  /// The only place where such a line stands.
  func place(_ what: String, _ holds: (TimelineLine) -> Bool) throws -> Int {
    let places = lines.indices.filter { holds(lines[$0]) }
    guard places.count == 1 else { throw SupportError("\(places.count) times: \(what)") }
    return places[0]
  }
}

/// Records how lines differ from those that are wanted: as many, and each key of each.
func expectSame(_ what: String, _ lines: [TimelineLine], _ wanted: [TimelineLine]) {
  #expect(lines.count == wanted.count, "\(what)")
  let differing = zip(lines, wanted).enumerated().flatMap { index, pair in
    pair.0.differences(from: pair.1).map { "\(what) \(index): \($0)" }
  }
  #expect(differing.isEmpty, "\(differing.prefix(5))")
}
