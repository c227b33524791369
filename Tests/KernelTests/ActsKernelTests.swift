import Foundation
import TestSupport
import Testing

extension LiveKernelTests {
  /// Acts on credentials, namespaces, tracees, BPF objects, modules and mounts, against what the program that
  /// does them says of each: its own ids, capabilities and namespaces of /proc before and after, and what the
  /// calls returned.
  @Suite struct ActsKernelTests {
    @Test(arguments: ["namespace", "ptrace", "bpf", "module", "mount"])
    func eachActIsToldOnceAndExactly(_ family: String) throws {
      let folder = try TemporaryFolder()
      let place = folder.file("place")
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      let told = try expectActs(family, place: place, folder)
      #expect(told.count >= 4)
    }

    /// Changes of every kind, those that change nothing (which are no events), and a set-uid program.
    @Test func credentials() throws {
      let folder = try TemporaryFolder()
      let copy = folder.file("setuid-workload")
      try FileManager.default.copyItem(atPath: try BuildFolder.program("workload"), toPath: copy)
      try FileManager.default.setAttributes([.posixPermissions: 0o4755], ofItemAtPath: copy)
      let told = try expectActs("cred", place: copy, folder)
      // 15 where the kernel runs 32-bit programs.
      #expect(told.count >= 14)
      let last = try #require(told.last?["after"] as? [String: Any])
      #expect(last["uid"] as? Int == 1000 && last["euid"] as? Int == 0)
      // No address of the kernel's leaves it.
      #expect(told.allSatisfy { ($0["after"] as? [String: Any])?.count == 16 })
    }

    /// Two families that stand on the same calls share what is kept of a task.
    @Test func familiesSideBySide() throws {
      let folder = try TemporaryFolder()
      let told = try lines(
        [
          "--events", "cred,namespace", "--", "/usr/bin/unshare", "--map-root-user", "--mount",
          "--net",
          "/bin/true",
        ], log: nil, folder)
      #expect(told.map { $0["type"] as? String } == ["cred", "namespace"])
      let users = told.map { ($0["after"] as? [String: Any])?["user_ns"] as? Int }
      let inodes = told.map { ($0["after"] as? [String: Any])?["user"] as? Int }
      #expect(users[0] != nil && users[0] == inodes[1])
    }

    /// What a task has before a change is what it had after the one before, from its fork on.
    @Test func changesFollowOneAnother() throws {
      let folder = try TemporaryFolder()
      let count = 1000
      let told = try lines(
        [
          "--events", "process,cred,namespace", "--", try BuildFolder.program("workload"), "acts",
          "storm", "\(count)",
        ], log: nil, folder)
      var forked: Set<Int> = []
      var last: [String: NSDictionary] = [:]
      var counts: [String: Int] = [:]
      for line in told {
        let type = try #require(line["type"] as? String)
        counts[type, default: 0] += 1
        if type == "fork", let child = line["child"] as? [String: Any] {
          forked.insert(try #require(child["tid"] as? Int))
        }
        guard type == "cred" || type == "namespace" else { continue }
        let tid = try #require(line["tid"] as? Int)
        let before = try #require(line["before"] as? NSDictionary)
        #expect(forked.contains(tid))
        if let known = last["\(type) \(tid)"] { #expect(known == before) }
        last["\(type) \(tid)"] = try #require(line["after"] as? NSDictionary)
      }
      #expect(counts["cred"] == 4 * count && counts["namespace"] == 4 * count / 10)
    }

    /// A task is made in new namespaces: first its fork is told, then what it has.
    @Test func forkComesFirst() throws {
      let folder = try TemporaryFolder()
      let told = try lines(
        [
          "--events", "process,cred", "--", try BuildFolder.program("workload"), "acts", "cred",
          "/nonexistent",
        ], log: folder.file("log"), folder, status: 90)
      let birth = try #require(
        told.firstIndex {
          $0["type"] as? String == "cred" && $0["syscall_name"] as? String == "clone"
        })
      let task = try #require((told[birth]["task"] as? [String: Any])?["tid"] as? Int)
      let fork = told.firstIndex {
        ($0["child"] as? [String: Any])?["tid"] as? Int == task
      }
      #expect(try #require(fork) < birth)
    }

    /// A strange pid namespace: the ids that a tracer there gives are told as the initial namespace's.
    @Test func traceeInAPIDNamespace() throws {
      let folder = try TemporaryFolder()
      let workload = try BuildFolder.program("workload")
      let told = try lines(
        [
          "--events", "ptrace", "--", "/usr/bin/unshare", "--pid", "--fork", workload, "acts",
          "ptrace",
          folder.path,
        ], log: folder.file("log"), folder)
      let options = try #require(
        told.first { $0["request_name"] as? String == "PTRACE_SETOPTIONS" })
      let tracee = try #require(told.first { $0["request_name"] as? String == "PTRACE_TRACEME" })
      #expect(options["asked_pid"] as? Int == 2)
      let target = try #require(options["target"] as? [String: Any])
      #expect(target["pid"] as? Int == tracee["pid"] as? Int)
      #expect(target["start"] as? UInt64 == tracee["start"] as? UInt64)
    }

    /// Runs the workload's acts and compares each line with what the workload wrote down.
    private func expectActs(
      _ family: String, place: String, _ folder: TemporaryFolder
    ) throws -> [[String: Any]] {
      let log = folder.file("log")
      let told = try lines(
        ["--events", family, "--", try BuildFolder.program("workload"), "acts", family, place],
        log: log, folder)
      let done = try objects(Data(contentsOf: URL(fileURLWithPath: log)))
      #expect(told.count == done.count)
      for (index, (line, act)) in zip(told, done).enumerated() {
        for problem in differences(line, act) { Issue.record("\(family) \(index): \(problem)") }
      }
      return told
    }

    /// The lines of a flawless trace with these arguments, whose command ends with `status`.
    private func lines(
      _ arguments: [String], log: String?, _ folder: TemporaryFolder, status wanted: Int32 = 0
    ) throws -> [[String: Any]] {
      let trace = try Trace(
        ["-o", "json"] + arguments, environment: log.map { ["WORKLOAD_LOG": $0] } ?? [:])
      let status = try trace.process.wait()
      #expect(status == wanted, "\(trace.errors)")
      let summary = try trace.summary()
      #expect(summary.lost == 0 && summary.missed == 0 && summary.gaps == 0)
      #expect(summary.ordering_violations == 0 && summary.causality_violations == 0)
      return try objects(Data(contentsOf: URL(fileURLWithPath: trace.folder.file("out"))))
    }

    private func objects(_ text: Data) throws -> [[String: Any]] {
      try text.split(separator: UInt8(ascii: "\n")).map { line in
        guard let object = try JSONSerialization.jsonObject(with: line) as? [String: Any] else {
          throw SupportError("no object: \(String(decoding: line, as: UTF8.self))")
        }
        return object
      }
    }

    /// What of `wanted` stands otherwise in `line`, or not at all.
    private func differences(
      _ line: [String: Any], _ wanted: [String: Any], in path: String = ""
    ) -> [String] {
      wanted.keys.sorted().flatMap { key -> [String] in
        guard let value = wanted[key], let told = line[key] else {
          return ["\(path)\(key) is missing"]
        }
        if let value = value as? [String: Any], let told = told as? [String: Any] {
          return differences(told, value, in: "\(path)\(key).")
        }
        let isSame = (told as? NSObject)?.isEqual(value as? NSObject) ?? false
        return isSame ? [] : ["\(path)\(key) is \(told), not \(value)"]
      }
    }
  }
}
