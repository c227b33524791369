import CSQLite
import Glibc

/// A database that is being made, by one thread; closed with the value.
///
/// The handle does not leave the value, and statements are used with the database that made them.
@safe struct SQLiteDatabase: ~Copyable {
  private let handle: OpaquePointer
  private let name: String

  /// Opens an empty file to make a database of.
  ///
  /// Nothing is kept that a crash could be recovered from: the file has another name until it is whole.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - name: what it is called in errors.
  /// - Returns: the database.
  /// - Throws: ``ExportError`` where it can't be opened.
  static func open(_ path: String, name: String) throws(ExportError) -> SQLiteDatabase {
    var opened: OpaquePointer?
    // An absolute or `./` path: SQLite takes one that begins with `file:` for a URI otherwise.
    let plain = path.hasPrefix("/") ? path : "./" + path
    let code = unsafe sqlite3_open_v2(
      plain, &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil)
    guard let handle = unsafe opened else {
      throw ExportError("can't open a database: out of memory; free some")
    }
    let database = unsafe SQLiteDatabase(handle: handle, name: name)
    guard code == SQLITE_OK else { throw database.failure() }
    try database.execute(
      """
      PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = FILE; PRAGMA cache_size = -65536;
      """)
    return database
  }

  private init(handle: OpaquePointer, name: String) {
    unsafe self.handle = unsafe handle
    self.name = name
  }

  deinit { unsafe sqlite3_close_v2(handle) }

  /// Runs statements that give no rows.
  func execute(_ text: String) throws(ExportError) {
    guard unsafe sqlite3_exec(handle, text, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  /// Compiles a statement that is used often.
  func prepare(_ text: StaticString) throws(ExportError) -> SQLiteStatement {
    var statement: OpaquePointer?
    // The text lives as long as the program, and ends with a NUL.
    let code = unsafe sqlite3_prepare_v3(
      handle, UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self),
      Int32(text.utf8CodeUnitCount + 1), UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement = unsafe statement else { throw failure() }
    return unsafe SQLiteStatement(handle: statement)
  }

  /// Runs a statement with the values bound to it and makes it ready for the next ones.
  func run(_ statement: borrowing SQLiteStatement) throws(ExportError) {
    let code = statement.step()
    statement.reset()
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure() }
  }

  /// Runs a statement that looks up one number; nil where there is no row.
  func number(_ statement: borrowing SQLiteStatement) throws(ExportError) -> Int64? {
    let code = statement.step()
    let number = code == SQLITE_ROW ? statement.number : nil
    statement.reset()
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw failure() }
    return number
  }

  private func failure() -> ExportError {
    let code = unsafe sqlite3_errcode(handle)
    let system = unsafe sqlite3_system_errno(handle)
    switch code {
    case SQLITE_FULL: return .system("can't write", name, system == 0 ? ENOSPC : system)
    case SQLITE_IOERR:
      if system != 0 { return .system("can't write", name, system) }
      return ExportError("can't write \(name): disk I/O error; free some space, or write elsewhere")
    case SQLITE_CONSTRAINT:
      return ExportError(
        "two events have the same sequence; the recordings are of different runs, export them one by one"
      )
    default:
      // sqlite3_errmsg() lends a string until the next call.
      return ExportError(
        "can't write \(name): \(unsafe String(cString: sqlite3_errmsg(handle))); write elsewhere")
    }
  }
}

/// A compiled statement, with values of its own; gone with the value, which must go before its database.
///
/// The handle does not leave the value.
@safe struct SQLiteStatement: ~Copyable {
  private let handle: OpaquePointer

  init(handle: OpaquePointer) { unsafe self.handle = unsafe handle }

  deinit { unsafe sqlite3_finalize(handle) }

  /// Binds an integer; one of 2⁶³ or more as the negative number of the same bits.
  func bind(_ index: Int32, _ number: UInt64) {
    unsafe sqlite3_bind_int64(handle, index, Int64(bitPattern: number))
  }

  /// Binds an integer, or null.
  func bind(_ index: Int32, _ number: UInt64?) {
    if let number { bind(index, number) } else { unsafe sqlite3_bind_null(handle, index) }
  }

  /// Binds a row's id, or null.
  func bind(_ index: Int32, id: Int64?) {
    if let id {
      unsafe sqlite3_bind_int64(handle, index, id)
    } else {
      unsafe sqlite3_bind_null(handle, index)
    }
  }

  /// Binds valid UTF-8 as text; SQLite copies it.
  func bind(_ index: Int32, text bytes: RawSpan) {
    // An empty span may have no address, and would bind null.
    if bytes.isEmpty { return bind(index, text: "") }
    // The pointer is used during the call only.
    unsafe bytes.withUnsafeBytes { bytes in
      _ = unsafe sqlite3_bind_text64(
        handle, index, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
        UInt64(bytes.count), transient, UInt8(SQLITE_UTF8))
    }
  }

  /// Binds a literal as text.
  func bind(_ index: Int32, text literal: StaticString) {
    // It lives as long as the program, so SQLite needs no copy.
    _ = unsafe sqlite3_bind_text64(
      handle, index, UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self),
      UInt64(literal.utf8CodeUnitCount), nil, UInt8(SQLITE_UTF8))
  }

  /// Binds null.
  func bindNull(_ index: Int32) { unsafe sqlite3_bind_null(handle, index) }

  fileprivate func step() -> Int32 { unsafe sqlite3_step(handle) }
  fileprivate func reset() { unsafe sqlite3_reset(handle) }
  fileprivate var number: Int64? {
    unsafe sqlite3_column_type(handle, 0) == SQLITE_NULL
      ? nil : unsafe sqlite3_column_int64(handle, 0)
  }
}

/// SQLITE_TRANSIENT: the macro casts −1, which Swift's importer does not take.
private var transient: sqlite3_destructor_type {
  // SQLite compares it and never calls it.
  unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
