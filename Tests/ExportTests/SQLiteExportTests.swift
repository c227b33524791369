import EventExports
import EventFormats
import Foundation
import KernelEvents
import SequencerABI
import TestSupport
import Testing

@Suite("Export to SQLite")
struct SQLiteExportTests {
  private func export(
    _ records: [RecordBuilder], limit: Int = 65_536,
    information: [(key: String, value: String)] = []
  ) throws -> (folder: ExportFolder, database: Database) {
    let folder = try ExportFolder()
    var export = try SQLiteExport(
      ExportTarget(path: folder.path("db")), information: information, processLimit: limit)
    try show(records, to: &export)
    try export.finish()
    return (folder, try Database(folder.path("db")))
  }

  @Test("a story: who started what, what it did, how it ended")
  func story() throws {
    let (_, database) = try export(Stream.story, information: [("host", "alpha")])
    #expect(
      try database.rows(
        "SELECT id, pid, start_ns, parent_id, ppid, comm, exe, args, cwd FROM processes")
        == [
          "1|40|1000|NULL|1|sh|NULL|NULL|NULL",
          "2|41|2000000000|1|40|sleep|/usr/bin/sleep|[\"sleep\",\"9\"]|/home/user",
          "3|0|0|NULL|1|swapper/3|NULL|NULL|NULL",
        ])
    #expect(
      try database.rows(
        """
        SELECT forked_seq, exec_seq, exit_seq, exit_code, exit_signal, started, ended_ns, ended
        FROM processes WHERE pid = 41
        """) == [
          "1|5|7|NULL|9|1970-01-01T00:00:02.000000000Z|3000007000|1970-01-01T00:00:03.000007000Z"
        ])
    #expect(
      try database.rows("SELECT seq, type, process_id, target_id FROM events") == [
        "0|syscall_enter|1|NULL", "1|fork|1|2", "2|sched_wakeup_new|1|2", "3|syscall_exit|1|NULL",
        "4|sched_switch|3|2", "5|exec|2|NULL", "6|signal_generate|1|2", "7|exit|2|NULL",
        "8|sched_switch|2|NULL",
      ])
    #expect(try database.rows("SELECT seq, process_id, child_id, thread FROM forks") == ["1|1|2|0"])
    #expect(
      try database.rows("SELECT seq, exe, args, inode, device_major FROM execs") == [
        "5|/usr/bin/sleep|[\"sleep\",\"9\"]|42|8"
      ])
    #expect(
      try database.rows("SELECT seq, process_id, tid, code, signal, last_thread FROM exits") == [
        "7|2|41|NULL|9|1"
      ])
    #expect(
      try database.rows("SELECT cpu, lost, by_family, after_seq, before_seq FROM gaps") == [
        "3|3|{\"process\":1,\"signal\":2}|2|6"
      ])
    #expect(
      try database.rows(
        "SELECT value FROM meta WHERE key IN ('host', 'events', 'lost') ORDER BY key")
        == ["9", "alpha", "3"])
  }

  @Test("views and plain SQL answer who started a process and what it did")
  func answers() throws {
    let grandchild = ProcessKey(pid: 42, start: 3_000_000_000)
    let (_, database) = try export(
      Stream.numbered([
        .fork(parent: Stream.shell, child: Stream.child),
        .fork(parent: Stream.child, child: grandchild), .exec(process: grandchild),
        Stream.signal(15, by: grandchild, to: Stream.shell),
        .exit(process: ProcessKey(pid: 99, start: 5)),
        .fork(parent: Stream.shell, child: ProcessKey(pid: 43, start: 4_000_000_000)),
      ]))
    // Depth first: a child stands behind its parent, before its parent's sibling.
    #expect(
      try database.rows("SELECT place, depth, pid FROM process_tree ORDER BY place") == [
        "1|0|40", "2|1|41", "3|2|42", "4|1|43", "5|0|99",
      ])
    #expect(
      try database.rows("SELECT place FROM process_tree WHERE pid IN (42, 43) ORDER BY place")
        == ["3", "4"])
    #expect(
      try database.rows(
        "SELECT ancestor_id, distance FROM ancestry WHERE process_id = 3 ORDER BY distance")
        == ["2|1", "1|2"])
    // Who killed it, and what made that one.
    #expect(
      try database.rows(
        """
        SELECT killer.pid, maker.pid, details ->> 'signal_name' FROM events
          JOIN processes AS victim ON victim.id = events.target_id
          JOIN processes AS killer ON killer.id = events.process_id
          JOIN processes AS maker ON maker.id = killer.parent_id
        WHERE type = 'signal_generate' AND victim.pid = 40
        """) == ["42|41|SIGTERM"])
    // The indexes are used for it.
    let plan = try database.rows("EXPLAIN QUERY PLAN SELECT * FROM events WHERE process_id = 3")
    #expect(plan.joined().contains("events_process"))
  }

  @Test("the queries of docs/export.md can be asked")
  func documentation() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/export.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let queries = text.components(separatedBy: "```sql\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(queries.count == 5)
    let (_, database) = try export(Stream.story)
    var answers = try queries.map { try database.rows($0) }
    #expect(
      answers.removeFirst() == [
        " sh|40|NULL|NULL", "   sleep|41|/usr/bin/sleep|signal 9", " swapper/3|0|NULL|NULL",
      ])
    #expect(answers.contains(["6|1970-01-01T00:00:03.000006000Z|sh|40|SIGKILL"]))
    // Every table, view and column that is told is there.
    let tables = try database.rows(
      """
      SELECT name FROM sqlite_schema
      WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'
      """)
    #expect(tables.count == 9)
    for name in tables {
      #expect(text.contains("| `\(name)` |"), "\(name)")
      for column in try database.rows("SELECT name FROM pragma_table_info('\(name)')") {
        let isTold = text.contains("`\(column)`")
        #expect(isTold, "\(name).\(column)")
      }
    }
  }

  @Test("whatever comes is told, and a small memory tells the same", arguments: 0..<12)
  func anything(seed: UInt64) throws {
    let records = Stream.random(seed: seed, processes: 30, count: 800)
    let (_, database) = try export(records)
    #expect(try database.rows("PRAGMA integrity_check") == ["ok"])
    #expect(try database.rows("PRAGMA foreign_key_check") == [])
    #expect(try database.rows("SELECT count(*) FROM events") == ["\(records.count)"])
    #expect(try database.rows("SELECT count(*) FROM events WHERE NOT json_valid(details)") == ["0"])
    #expect(
      try database.rows("SELECT count(*) FROM processes WHERE parent_id >= id") == ["0"])
    // An event's own keys are those of its JSON line.
    var format = JSONFormat()
    var context = FormattingContext(clock: ClockOffset(nanoseconds: 0), cgroups: nil)
    let details = try database.rows("SELECT details FROM events ORDER BY seq")
    for (record, told) in zip(records, details) {
      var buffer = OutputBuffer()
      try decoding(record.bytes()) { format.write($0, context: &context, into: &buffer) }
      let line = String(decoding: buffer.array, as: UTF8.self)
      let own = told.dropFirst().dropLast()
      #expect(own.isEmpty || line.hasSuffix("," + own + "}\n") || own.contains("comm_b64"))
    }
    let (_, small) = try export(records, limit: 1)
    for table in ["processes", "events", "forks", "execs", "exits", "gaps"] {
      #expect(
        try database.rows("SELECT * FROM \(table)") == small.rows("SELECT * FROM \(table)"),
        "\(table)")
    }
  }

  @Test("bytes that are no text are told twice: readable, and exact")
  func bytes() throws {
    var record = RecordBuilder.exec(
      process: Stream.child, path: [0x2F, 0xFF], workingDirectory: [], arguments: [0xFE, 0],
      count: 1, comm: "x")
    record.payload.replaceSubrange(40..<42, with: [0x61, 0xFF])
    let (_, database) = try export([record])
    #expect(
      try database.rows(
        """
        SELECT hex(exe), args, cwd, hex(processes.comm), details ->> 'exe_b64',
          details ->> '$.args_b64[0]', details ->> 'comm_b64'
        FROM processes JOIN events ON events.process_id = processes.id
        """) == ["2FEFBFBD|[\"\u{FFFD}\"]|NULL|61EFBFBD|L/8=|/g==|Yf8="])
  }

  @Test("two events of one sequence are refused, with what to do")
  func duplicate() throws {
    let folder = try ExportFolder()
    var export = try SQLiteExport(ExportTarget(path: folder.path("db")))
    let error = #expect(throws: ExportError.self) {
      try show([Stream.story[1], Stream.story[1]], to: &export)
    }
    #expect(error?.description.contains("export them one by one") == true)
  }
}
