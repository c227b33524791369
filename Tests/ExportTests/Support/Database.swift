import CSQLite
import TestSupport

/// A database read with SQLite itself: each row as text, values between bars, `NULL` for null.
@safe final class Database {
  private var handle: OpaquePointer?

  init(_ path: String) throws {
    guard unsafe sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, nil) == SQLITE_OK else {
      throw SupportError("can't open \(path)")
    }
  }

  deinit { unsafe sqlite3_close(handle) }

  func rows(_ query: String) throws -> [String] {
    var statement: OpaquePointer?
    guard unsafe sqlite3_prepare_v2(handle, query, -1, &statement, nil) == SQLITE_OK else {
      throw SupportError("\(unsafe String(cString: sqlite3_errmsg(handle))): \(query)")
    }
    defer { unsafe sqlite3_finalize(statement) }
    var rows: [String] = []
    while true {
      let code = unsafe sqlite3_step(statement)
      if code == SQLITE_DONE { return rows }
      guard code == SQLITE_ROW else {
        throw SupportError("\(unsafe String(cString: sqlite3_errmsg(handle))): \(query)")
      }
      let values = (0..<(unsafe sqlite3_column_count(statement))).map { column in
        unsafe sqlite3_column_text(statement, column).map { unsafe String(cString: $0) } ?? "NULL"
      }
      rows.append(values.joined(separator: "|"))
    }
  }
}
