import EventFormats
import KernelEvents
import SequencerABI

/// The rows of `processes`: finds a process's, makes it where it is new, tells it what happened.
///
/// The ids of recently seen ones are kept in memory; past a limit they are forgotten and looked up in the
/// database.
struct SQLiteProcesses: ~Copyable {
  private let insert: SQLiteStatement
  private let findProcess: SQLiteStatement
  private let findLiving: SQLiteStatement
  private let fork: SQLiteStatement
  private let exec: SQLiteStatement
  private let exit: SQLiteStatement
  private let limit: Int
  private var ids: [ProcessKey: Int64]
  private var living: [UInt32: Int64]
  /// Whether ids were forgotten, so that one that isn't here may be in the database.
  private var hasForgotten = false
  private var nextID: Int64 = 1
  private var scratch: OutputBuffer

  init(_ database: borrowing SQLiteDatabase, limit: Int) throws(ExportError) {
    let insert = try database.prepare(
      """
      INSERT INTO processes(id, pid, start_ns, parent_id, ppid, uid, comm, first_seq, started)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
      """)
    let findProcess = try database.prepare(
      "SELECT id FROM processes WHERE pid = ?1 AND start_ns = ?2")
    let findLiving = try database.prepare(
      """
      SELECT id FROM (SELECT id, exit_seq FROM processes WHERE pid = ?1 ORDER BY id DESC LIMIT 1)
      WHERE exit_seq IS NULL
      """)
    // Only towards an older row, so that no stream whatever can close a circle.
    let fork = try database.prepare(
      """
      UPDATE processes SET forked_seq = ?2,
        parent_id = CASE WHEN ?3 < id THEN ?3 ELSE parent_id END
      WHERE id = ?1 AND forked_seq IS NULL
      """)
    let exec = try database.prepare(
      """
      UPDATE processes SET exec_seq = ?2, uid = ?3, comm = ?4, exe = ?5, args = ?6, cwd = ?7
      WHERE id = ?1
      """)
    let exit = try database.prepare(
      """
      UPDATE processes SET exit_seq = ?2, exit_code = ?3, exit_signal = ?4, ended_ns = ?5, ended = ?6
      WHERE id = ?1 AND exit_seq IS NULL
      """)
    // All at once: what was prepared before a failure goes with its name here.
    self.insert = insert
    self.findProcess = findProcess
    self.findLiving = findLiving
    self.fork = fork
    self.exec = exec
    self.exit = exit
    self.limit = max(1, limit)
    ids = [:]
    living = [:]
    scratch = OutputBuffer(capacity: 256)
  }

  /// What an event tells of a process when it is seen first.
  struct Sight: ~Escapable {
    var key: ProcessKey
    var parentPID: UInt32?
    var uid: UInt32?
    var comm: RawSpan
    var sequence: UInt64

    @_lifetime(copy comm)
    init(
      _ key: ProcessKey, comm: RawSpan, sequence: UInt64, parentPID: UInt32? = nil,
      uid: UInt32? = nil
    ) {
      self.key = key
      self.parentPID = parentPID
      self.uid = uid
      self.comm = comm
      self.sequence = sequence
    }
  }

  /// The id of a process's row, which is made where there is none.
  mutating func id(
    of sight: Sight, _ database: borrowing SQLiteDatabase, _ clock: inout ClockOffset
  ) throws(ExportError) -> Int64 {
    if let known = ids[sight.key] { return known }
    if hasForgotten {
      findProcess.bind(1, UInt64(sight.key.pid))
      findProcess.bind(2, sight.key.start)
      if let found = try database.number(findProcess) {
        keep(found, sight.key)
        return found
      }
    }
    var parent: Int64?
    if let parentPID = sight.parentPID, parentPID != sight.key.pid {
      parent = try livingID(parentPID, database)
    }
    let id = nextID
    nextID += 1
    insert.bind(1, id: id)
    insert.bind(2, UInt64(sight.key.pid))
    insert.bind(3, sight.key.start)
    insert.bind(4, id: parent)
    insert.bind(5, sight.parentPID.map(UInt64.init))
    insert.bind(6, sight.uid.map(UInt64.init))
    scratch.removeAll()
    scratch.append(repairing: sight.comm)
    insert.bind(7, text: scratch.bytes)
    insert.bind(8, sight.sequence)
    let started = clock.rfc3339(sight.key.start)
    insert.bind(9, text: started.span.raw)
    try database.run(insert)
    keep(id, sight.key)
    living[sight.key.pid] = id
    return id
  }

  /// Notes that a process was made, and by which.
  mutating func noteFork(
    of child: Int64, by parent: Int64, at sequence: UInt64, _ database: borrowing SQLiteDatabase
  ) throws(ExportError) {
    fork.bind(1, id: child)
    fork.bind(2, sequence)
    fork.bind(3, id: parent)
    try database.run(fork)
  }

  /// Notes what a process runs from now on.
  mutating func note(
    _ told: borrowing ExecText, of id: Int64, _ event: DecodedEvent,
    _ database: borrowing SQLiteDatabase
  ) throws(ExportError) {
    exec.bind(1, id: id)
    exec.bind(2, event.sequence)
    exec.bind(3, UInt64(event.header.uid))
    scratch.removeAll()
    scratch.append(repairing: event.comm)
    exec.bind(4, text: scratch.bytes)
    exec.bind(5, text: told.path.bytes)
    exec.bind(6, text: told.arguments.bytes)
    if told.hasDirectory {
      exec.bind(7, text: told.directory.bytes)
    } else {
      exec.bindNull(7)
    }
    try database.run(exec)
  }

  /// Notes how a process ended.
  mutating func noteExit(
    of id: Int64, _ payload: ExitPayload, _ event: DecodedEvent,
    _ database: borrowing SQLiteDatabase, _ clock: inout ClockOffset
  ) throws(ExportError) {
    exit.bind(1, id: id)
    exit.bind(2, event.sequence)
    exit.bind(3, payload.status.code.map(UInt64.init))
    exit.bind(4, payload.status.signal.map(UInt64.init))
    exit.bind(5, event.timestamp)
    if let timestamp = event.timestamp {
      let ended = clock.rfc3339(timestamp)
      exit.bind(6, text: ended.span.raw)
    } else {
      exit.bindNull(6)
    }
    try database.run(exit)
    if living[event.header.pid] == id { living[event.header.pid] = nil }
  }

  private mutating func livingID(
    _ pid: UInt32, _ database: borrowing SQLiteDatabase
  ) throws(ExportError) -> Int64? {
    if let known = living[pid] { return known }
    guard hasForgotten else { return nil }
    findLiving.bind(1, UInt64(pid))
    let found = try database.number(findLiving)
    if let found { living[pid] = found }
    return found
  }

  private mutating func keep(_ id: Int64, _ key: ProcessKey) {
    if ids.count >= limit {
      ids.removeAll(keepingCapacity: true)
      living.removeAll(keepingCapacity: true)
      hasForgotten = true
    }
    ids[key] = id
  }
}

/// An exec's strings as the database has them: UTF-8, the arguments as a JSON array.
struct ExecText: ~Copyable {
  private(set) var path = OutputBuffer(capacity: 1024)
  private(set) var arguments = OutputBuffer(capacity: 4096)
  private(set) var directory = OutputBuffer(capacity: 512)
  private(set) var hasDirectory = false
  private var joined: [UInt8] = []

  /// Takes the strings of an exec.
  mutating func read(_ exec: ExecEvent) {
    path.removeAll()
    path.append(repairing: exec.path)
    arguments.removeAll()
    _ = arguments.append(argumentsOf: exec)
    directory.removeAll()
    hasDirectory = false
    if let components = exec.workingDirectory {
      joined.removeAll(keepingCapacity: true)
      components.append(to: &joined)
      let bytes = joined
      directory.append(repairing: bytes.span.raw)
      hasDirectory = true
    }
  }
}
