public import EventFormats
public import KernelEvents
import SequencerABI

/// Events as a SQLite database, for questions in plain SQL; docs/export.md tells its tables.
public struct SQLiteExport: EventExport, ~Copyable {
  /// Events after which what was written is handed to the file.
  private static let batch: UInt64 = 100_000

  private let file: OutputFile
  private let database: SQLiteDatabase
  private var processes: SQLiteProcesses
  private let insertEvent: SQLiteStatement
  private let insertFork: SQLiteStatement
  private let insertExec: SQLiteStatement
  private let insertExit: SQLiteStatement
  private let insertGap: SQLiteStatement
  private let insertMeta: SQLiteStatement
  private var details: EventDetails
  private var told: ExecText
  private var scratch: OutputBuffer
  private var events: UInt64 = 0
  private var gaps: UInt64 = 0
  private var lost: UInt64 = 0
  private var clockOffset: Int64?

  /// Makes an empty database.
  ///
  /// - Parameters:
  ///   - target: the file; a regular one.
  ///   - information: what the table `meta` is to hold besides.
  ///   - processLimit: processes whose row is known without a look-up.
  /// - Throws: ``ExportError`` where the file can't be made.
  public init(
    _ target: ExportTarget, information: [(key: String, value: String)] = [],
    processLimit: Int = 65_536
  ) throws(ExportError) {
    if target.path == "-" {
      throw ExportError("a database can't be written to a pipe; name a file with -o")
    }
    let file = try OutputFile(target, isStream: false)
    let database = try SQLiteDatabase.open(
      file.temporary ?? file.path, name: file.path)
    // What is made so far stays in memory: the first write is an event's.
    try database.execute("BEGIN")
    try database.execute("PRAGMA user_version = \(SQLiteSchema.version)")
    try database.execute(SQLiteSchema.tables)
    let processes = try SQLiteProcesses(database, limit: processLimit)
    let insertEvent = try database.prepare(
      """
      INSERT INTO events VALUES
        (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
      """)
    let insertFork = try database.prepare("INSERT INTO forks VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
    let insertExec = try database.prepare(
      "INSERT INTO execs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)")
    let insertExit = try database.prepare(
      "INSERT INTO exits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
    let insertGap = try database.prepare("INSERT INTO gaps VALUES (NULL, ?1, ?2, ?3, ?4, ?5)")
    let insertMeta = try database.prepare("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")
    for (key, value) in information {
      insertMeta.bind(1, text: Array(key.utf8).span.raw)
      insertMeta.bind(2, text: Array(value.utf8).span.raw)
      try database.run(insertMeta)
    }
    // All at once: what was made before a failure goes with its name here.
    self.file = file
    self.database = database
    self.processes = processes
    self.insertEvent = insertEvent
    self.insertFork = insertFork
    self.insertExec = insertExec
    self.insertExit = insertExit
    self.insertGap = insertGap
    self.insertMeta = insertMeta
    details = EventDetails()
    told = ExecText()
    scratch = OutputBuffer(capacity: 1024)
  }

  public mutating func visit(
    _ event: DecodedEvent, context: inout FormattingContext
  ) throws(ExportError) {
    clockOffset = context.clock.nanoseconds
    let header = event.header
    let process = try processes.id(
      of: .init(
        event.process, comm: event.comm, sequence: event.sequence, parentPID: header.parentPID,
        uid: header.uid), database, &context.clock)
    let target = try targetID(of: event, &context.clock)
    try insert(event, process, target, &context)
    if let payload = event.fork {
      try insert(payload, event, process, target ?? process)
    } else if let exec = event.exec {
      try insert(exec, event, process)
    } else if let payload = event.exit {
      try insert(payload, event, process, &context.clock)
    }
    events += 1
    if events % SQLiteExport.batch == 0 { try database.execute("COMMIT; BEGIN") }
  }

  public mutating func visit(_ gap: Gap) throws(ExportError) {
    gaps += 1
    lost &+= gap.total
    insertGap.bind(1, gap.cpu == Gap.unknownCPU ? nil : UInt64(gap.cpu))
    insertGap.bind(2, gap.total)
    scratch.removeAll()
    scratch.append(counts: gap.lost, always: [])
    insertGap.bind(3, text: scratch.bytes)
    insertGap.bind(4, gap.afterSequence)
    insertGap.bind(5, gap.beforeSequence)
    try database.run(insertGap)
  }

  public var temporaryPath: String? { file.temporary }

  public mutating func finish(progress: (_ done: Int, _ all: Int) -> Void) throws(ExportError) {
    try noteMeta("schema_version", number: UInt64(SQLiteSchema.version))
    try noteMeta("events", number: events)
    try noteMeta("gaps", number: gaps)
    try noteMeta("lost", number: lost)
    if let clockOffset {
      try noteMeta("clock_offset_ns", number: UInt64(bitPattern: clockOffset))
    }
    for (done, index) in SQLiteSchema.indexes.enumerated() {
      progress(done, SQLiteSchema.indexes.count)
      try database.execute(index)
    }
    try database.execute(SQLiteSchema.views)
    // What the planner knows of the tables; without it a join may begin at the wrong end.
    try database.execute("PRAGMA analysis_limit = 1000; ANALYZE; COMMIT")
    try file.finish()
  }

  private mutating func insert(
    _ event: DecodedEvent, _ process: Int64, _ target: Int64?, _ context: inout FormattingContext
  ) throws(ExportError) {
    let header = event.header
    insertEvent.bind(1, event.sequence)
    insertEvent.bind(2, event.timestamp)
    if let timestamp = event.timestamp {
      let time = context.clock.rfc3339(timestamp)
      insertEvent.bind(3, text: time.span.raw)
    } else {
      insertEvent.bindNull(3)
    }
    insertEvent.bind(4, UInt64(header.cpu))
    insertEvent.bind(5, text: event.kind.name)
    insertEvent.bind(6, text: event.family.name)
    insertEvent.bind(7, id: process)
    insertEvent.bind(8, id: target)
    insertEvent.bind(9, UInt64(header.pid))
    insertEvent.bind(10, UInt64(header.tid))
    insertEvent.bind(11, UInt64(header.parentPID))
    insertEvent.bind(12, UInt64(header.uid))
    scratch.removeAll()
    scratch.append(repairing: event.comm)
    insertEvent.bind(13, text: scratch.bytes)
    insertEvent.bind(14, header.cgroup)
    let cgroup = context.cgroupPath(header.cgroup)
    if let cgroup {
      scratch.removeAll()
      scratch.append(repairing: cgroup.span.raw)
      insertEvent.bind(15, text: scratch.bytes)
    } else {
      insertEvent.bindNull(15)
    }
    scratch.removeAll()
    details.write(event, cgroup: cgroup, into: &scratch)
    insertEvent.bind(16, text: scratch.bytes)
    try database.run(insertEvent)
  }

  private mutating func insert(
    _ payload: ForkPayload, _ event: DecodedEvent, _ process: Int64, _ child: Int64
  ) throws(ExportError) {
    insertFork.bind(1, event.sequence)
    insertFork.bind(2, id: process)
    insertFork.bind(3, id: child)
    insertFork.bind(4, UInt64(payload.childTID))
    insertFork.bind(5, payload.isThread ? 1 : 0)
    insertFork.bind(6, payload.cloneFlags)
    try database.run(insertFork)
    if !payload.isThread {
      try processes.noteFork(of: child, by: process, at: event.sequence, database)
    }
  }

  private mutating func insert(
    _ exec: ExecEvent, _ event: DecodedEvent, _ process: Int64
  ) throws(ExportError) {
    told.read(exec)
    insertExec.bind(1, event.sequence)
    insertExec.bind(2, id: process)
    insertExec.bind(3, text: told.path.bytes)
    insertExec.bind(4, text: told.arguments.bytes)
    insertExec.bind(5, exec.isTruncated ? 1 : 0)
    if told.hasDirectory {
      insertExec.bind(6, text: told.directory.bytes)
    } else {
      insertExec.bindNull(6)
    }
    let after = exec.payload.after
    insertExec.bind(7, UInt64(after.uid))
    insertExec.bind(8, UInt64(after.gid))
    insertExec.bind(9, UInt64(after.effectiveUID))
    insertExec.bind(10, UInt64(after.effectiveGID))
    insertExec.bind(11, exec.payload.inode)
    insertExec.bind(12, UInt64(exec.payload.device >> 20))
    insertExec.bind(13, UInt64(exec.payload.device & 0xF_FFFF))
    try database.run(insertExec)
    try processes.note(told, of: process, event, database)
  }

  private mutating func insert(
    _ payload: ExitPayload, _ event: DecodedEvent, _ process: Int64, _ clock: inout ClockOffset
  ) throws(ExportError) {
    let status = payload.status
    let isLast = payload.flags.contains(.lastThread)
    insertExit.bind(1, event.sequence)
    insertExit.bind(2, id: process)
    insertExit.bind(3, UInt64(event.header.tid))
    insertExit.bind(4, status.code.map(UInt64.init))
    insertExit.bind(5, status.signal.map(UInt64.init))
    insertExit.bind(6, status.dumpedCore ? 1 : 0)
    insertExit.bind(7, isLast ? 1 : 0)
    insertExit.bind(8, payload.runtime)
    try database.run(insertExit)
    if isLast { try processes.noteExit(of: process, payload, event, database, &clock) }
  }

  /// The row of the process that an event was done to: a fork's child, a signal's target, a woken task; nil
  /// where there is none.
  private mutating func targetID(
    of event: DecodedEvent, _ clock: inout ClockOffset
  ) throws(ExportError) -> Int64? {
    if let fork = event.fork {
      return try processes.id(
        of: .init(
          fork.child, comm: event.childComm, sequence: event.sequence,
          parentPID: fork.isThread ? nil : event.header.pid, uid: event.header.uid),
        database, &clock)
    }
    guard let target = event.target else { return nil }
    return try processes.id(
      of: .init(target, comm: event.targetComm, sequence: event.sequence), database, &clock)
  }

  private func noteMeta(_ key: String, number: UInt64) throws(ExportError) {
    insertMeta.bind(1, text: Array(key.utf8).span.raw)
    insertMeta.bind(2, number)
    try database.run(insertMeta)
  }
}
