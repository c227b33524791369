import Foundation
import JSONSchemaValidation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Every part of `ordinal bench`, for a moment: figures of all that is asked for, in files as promised. What
  /// the figures are is the machine's affair, but for those that are promises.
  @Suite("ordinal bench")
  struct BenchKernelTests {
    private func bench(_ arguments: [String]) throws -> (rows: [JSONValue], text: String) {
      let folder = try TemporaryFolder()
      let file = folder.file("result.json")
      let result = try run(
        BuildFolder.program("ordinal"), ["bench"] + arguments + ["--json", file], seconds: 180)
      try #require(result.status == 0, "\(result.text.suffix(2000))")
      let data = try Data(contentsOf: URL(fileURLWithPath: file))
      let value = try JSONValue(parsing: [UInt8](data))
      #expect(try SchemaValidator.shipped("evaluation.schema.json").problems(in: value) == [])
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      var rows: [JSONValue] = []
      while let row = value["rows"]?[rows.count] { rows.append(row) }
      return (rows, result.text)
    }

    private func number(_ row: JSONValue) -> Double? {
      switch row["value"] {
      case .integer(let value): Double(value)
      case .number(let value): value
      default: nil
      }
    }

    @Test(
      "a part measures every transport",
      arguments: [
        ("producer", "rate"), ("consumer", "drain_rate"), ("zero-loss", "zero_loss_park"),
        ("latency", "p50_spin_50"), ("idle", "wakeups"), ("overhead", "mean_call"),
        ("capture", "capture_rate_overload"), ("order", "judged_tokens_park"),
        ("faults", "capture_rate_stopped"),
      ])
    func part(_ name: String, _ metric: String) throws {
      let (rows, text) = try bench([
        name, "--quick", "--rounds", "1", "--payload", "56", "--transports",
        "sequencer,ringbuf,ringbuf-ticket,perf",
      ])
      for transport in ["sequencer", "ringbuf", "ringbuf-ticket", "perf"] {
        let figures = rows.filter {
          $0["transport"]?.string == transport && $0["metric"]?.string == metric
        }
        #expect(!figures.isEmpty, "\(name) has no \(metric) of \(transport)")
        #expect(figures.allSatisfy { ($0["rounds"]?.integer ?? 0) > 0 })
        #expect(figures.allSatisfy { (number($0) ?? 0) > 0 }, "\(figures)")
      }
      #expect(rows.allSatisfy { $0["part"]?.string == name || $0["part"]?.string == "model" })
      // The promises.
      for row in rows where row["transport"]?.string == "sequencer" {
        let metric = row["metric"]?.string ?? ""
        if ["violations", "unaccounted", "torn"].contains(where: metric.hasPrefix) {
          #expect(number(row) == 0, "\(row)")
        }
      }
      // Where it is, and where it lies.
      #expect(text.contains("ordinal: \(name) (1 of 1)") && text.contains("ordinal: wrote "))
    }

    @Test("the pieces of the ring are measured one by one")
    func design() throws {
      let (rows, _) = try bench(["design", "--quick", "--rounds", "1"])
      for name in ["as_is", "batch_16", "small_slot", "128", "64_ahead_4_huge"] {
        #expect(rows.contains { $0["transport"]?.string == name }, "\(name)")
      }
      #expect(rows.contains { $0["metric"]?.string == "huge_kilobytes" })
    }

    @Test("families: programs by each clock, bystanders, streams by each transport")
    func families() throws {
      let (rows, _) = try bench(["families", "--quick", "--rounds", "1"])
      func has(_ metric: String, _ transport: String) -> Bool {
        rows.contains {
          $0["metric"]?.string == metric && $0["transport"]?.string == transport
            && (number($0) ?? 0) > 0
        }
      }
      for clock in ["precise", "coarse", "none"] {
        for family in ["syscall", "sched", "file"] {
          #expect(has("event_\(family)", clock), "\(family), \(clock)")
        }
      }
      #expect(has("run_syscall_enter", "precise") && has("run", "empty"))
      for transport in ["off", "empty", "file"] { #expect(has("bystander", transport)) }
      for stream in ["syscall", "sched"] {
        for transport in ["off", "null", "ordinal", "sequencer", "ringbuf", "perf"] {
          #expect(has("cpu_\(stream)", transport), "\(stream), \(transport)")
        }
        #expect(has("events_\(stream)", "ordinal") && has("events_\(stream)", "ringbuf"))
      }
      // What is lost is told: nothing else is missing, so the part lies between none and all.
      for row in rows where row["metric"]?.string?.hasPrefix("loss_") == true {
        #expect((0...1).contains(number(row) ?? -1), "\(row)")
      }
    }

    @Test("recording: every event is in the file or told as lost, and every reader reads")
    func recording() throws {
      let (rows, text) = try bench(["recording", "--quick", "--rounds", "1"])
      func value(_ metric: String, _ transport: String) -> Double? {
        rows.first { $0["metric"]?.string == metric && $0["transport"]?.string == transport }
          .flatMap(number)
      }
      for recorder in ["ordinal", "ordinal-zstd"] {
        for load in ["spawn", "calls", "calls_100k"] {
          let place: Comment = "\(recorder), \(load)"
          #expect((value("made_\(load)", recorder) ?? 0) > 0, place)
          // The work counted them itself; somebody else on the machine may make that call, too.
          #expect((-100...0).contains(value("unaccounted_\(load)", recorder) ?? 1), place)
          #expect((0...1).contains(value("captured_\(load)", recorder) ?? -1), place)
          #expect((value("told_\(load)", recorder) ?? -1) >= 0, place)
          #expect((value("cpu_\(load)", recorder) ?? 0) > 0, place)
        }
      }
      // A record is whole slots of 128 bytes; compressed they are fewer.
      #expect((value("bytes_calls", "ordinal") ?? 0) >= 128)
      #expect((value("bytes_calls", "ordinal-zstd") ?? 1000) < 128)
      for reader in ["verify", "verify-zstd", "replay-compact", "replay-json"] {
        #expect((value("read_rate_calls", reader) ?? 0) > 0, "\(reader)")
      }
      for way in ["tail", "read", "verify"] { #expect((value("recovery", way) ?? 0) > 0, "\(way)") }
      // The others are measured, or it is said why not.
      for other in ["perf-record", "perf-record-equal", "trace-cmd", "trace-cmd-equal"] {
        #expect(
          value("captured_calls", other) != nil || text.contains("\(other) is not measured"),
          "\(other)")
      }
      let instances = try? FileManager.default.contentsOfDirectory(
        atPath: "/sys/kernel/tracing/instances")
      #expect(!(instances ?? []).contains { $0.hasPrefix("ordinal-bench-") })
    }

    @Test("a report is made of results, and of nothing else")
    func report() throws {
      let folder = try TemporaryFolder()
      let (json, csv, page) = (folder.file("a.json"), folder.file("a.csv"), folder.file("a.html"))
      let program = try BuildFolder.program("ordinal")
      let measured = try run(
        program,
        [
          "bench", "consumer", "--quick", "--rounds", "2", "--transports", "sequencer", "--json",
          json, "--csv", csv,
        ])
      #expect(measured.status == 0)
      let made = try run(
        program, ["bench", "report", json, "-o", page, "--plots", folder.file("plots")])
      #expect(made.status == 0, "\(made.text)")
      let html = try String(contentsOfFile: page, encoding: .utf8)
      #expect(html.contains("<svg") && html.contains("drain_rate") && html.contains("ringbuf"))
      #expect(FileManager.default.fileExists(atPath: folder.file("plots/drain.svg")))
      let table = try String(contentsOfFile: csv, encoding: .utf8)
      #expect(table.contains("consumer,sequencer,1,56,drain_rate,"))
      let refused = try run(program, ["bench", "report", csv, "-o", page])
      #expect(refused.status == 2)
      #expect(refused.text.contains("is no result of"))
    }
  }
}
