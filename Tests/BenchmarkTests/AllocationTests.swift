import Foundation
import TestSupport
import Testing

/// No record costs an allocation on its way out of the ring: counted, not timed. What it costs to
/// write one down is counted in a release build, by a step of ./test.
struct AllocationTests {
  @Test func recordsAllocateNothing() throws {
    let program = try BuildFolder.program("ring-benchmark")
    let (status, text) = try run(
      program, ["--check-allocations", "--records", "1000000"], seconds: 300)
    #expect(status == 0, "\(text)")
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("allocations, ") }
    let paths = lines.map { $0.dropFirst(13).prefix { $0 != ":" } }
    #expect(paths.first == "drain")
    for line in lines {
      let counts = line.split(separator: " ").compactMap { Int($0) }
      #expect(counts.first == 0, "\(line)")
      #expect(counts.count == 2 && counts[1] >= 100_000, "\(line)")
    }
  }

  @Test func resultsAreOneObject() throws {
    let program = try BuildFolder.program("ring-benchmark")
    let (status, text) = try run(
      program,
      [
        "--json", "--size", "1", "--size", "2", "--rounds", "1", "--records", "1000", "--commit",
        "a \"b\"",
      ],
      seconds: 300)
    #expect(status == 0, "\(text)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["commit"] as? String == "a \"b\"")
    let machine = try #require(object["machine"] as? [String: Any])
    #expect(machine["cpu"] is String && machine["kernel"] is String && machine["cpus"] is Int)
    let drains = try #require(object["drain"] as? [[String: Any]])
    #expect(drains.compactMap { $0["ring_bytes"] as? Int } == [1 << 20, 2 << 20])
    for drain in drains {
      let rates = try #require(drain["records_per_second"] as? [String: Double])
      #expect(rates.keys.sorted() == ["max", "median", "min"])
    }
  }
}
