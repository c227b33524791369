import Glibc

/// The files of a recording: `NAME` itself, and `NAME.000001` and so on where it was rotated or appended to.
package enum RecordingFiles {
  /// The segments of the recording `path`, in the order of their numbers; empty where there is none.
  ///
  /// - Throws: if the directory can't be read.
  package static func segments(of path: String) throws(RecordingError) -> [String] {
    let (directory, name) = split(path)
    guard let listing = unsafe opendir(directory.isEmpty ? "." : directory) else {
      throw RecordingError(cannot: "list", directory.isEmpty ? "." : directory, errno)
    }
    defer { unsafe closedir(listing) }
    var numbers: [(number: UInt64, name: String)] = []
    var isThere = false
    while let entry = unsafe readdir(listing) {
      // The name is NUL-terminated inside the entry.
      let found = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe String(
          cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      // By bytes: Swift takes names for equal that are written in different ways.
      if found.utf8.elementsEqual(name.utf8) {
        isThere = true
      } else if let number = number(of: found, in: name) {
        numbers.append((number, found))
      }
    }
    numbers.sort { $0.number < $1.number }
    return ((isThere ? [name] : []) + numbers.map(\.name)).map { directory + $0 }
  }

  /// Bytes of a file; 0 where they can't be told.
  static func byteCount(of path: String) -> UInt64 {
    var status = stat()
    return unsafe stat(path, &status) == 0 ? UInt64(max(0, status.st_size)) : 0
  }

  /// The name of segment `number`.
  static func path(of path: String, number: UInt64) -> String {
    let digits = String(number)
    return "\(path).\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
  }

  /// The number for a segment behind those there are.
  static func next(behind segments: [String], of path: String) -> UInt64 {
    let name = split(path).name
    return segments.compactMap { number(of: split($0).name, in: name) }.max().map { $0 &+ 1 } ?? 1
  }

  private static func number(of found: String, in name: String) -> UInt64? {
    guard found.utf8.starts(with: (name + ".").utf8) else { return nil }
    let digits = found.utf8.dropFirst(name.utf8.count + 1)
    guard digits.count >= 6, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt64(String(decoding: digits, as: UTF8.self))
  }

  /// The directory with its slash, or nothing, and the name in it.
  private static func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return ("", path) }
    return (String(path[...slash]), String(path[path.index(after: slash)...]))
  }
}
