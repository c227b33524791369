import Glibc

/// Where a page goes: a file that is replaced whole or not at all, standard output, or a device.
struct PageTarget {
  private let path: String
  private let isStandardOutput: Bool
  /// Whether the path is something that can't be replaced, such as a pipe.
  private let isSpecial: Bool

  /// Checks the place before anything long is begun.
  ///
  /// - Parameter path: the file; `-` is standard output.
  /// - Throws: one line, if nothing can be written there.
  init(_ path: String) throws(Failure) {
    self.path = path
    isStandardOutput = path == "-"
    if isStandardOutput {
      isSpecial = true
      return
    }
    if path.isEmpty { throw Failure("-o '' names no file; give a path") }
    var status = stat()
    // The kernel fills `status`.
    let isThere = unsafe stat(path, &status) == 0
    let type = status.st_mode & S_IFMT
    if isThere && type == S_IFDIR { throw Failure("'\(path)' is a folder; name a file in it") }
    isSpecial = isThere && type != S_IFREG
    if isSpecial { return }
    let folder = PageTarget.folder(of: path)
    guard unsafe access(folder, W_OK | X_OK) == 0 else {
      throw Failure(
        "can't write into '\(folder)': \(unsafe String(cString: strerror(errno))); write elsewhere with -o"
      )
    }
  }

  /// Refuses to write over what is read.
  ///
  /// - Parameter files: the files that are read.
  /// - Throws: one line, if one of them is this one.
  func check(isNoneOf files: [String]) throws(Failure) {
    var own = stat()
    // The kernel fills both.
    guard !isStandardOutput, unsafe stat(path, &own) == 0 else { return }
    for file in files {
      var other = stat()
      if unsafe stat(file, &other) == 0, own.st_dev == other.st_dev, own.st_ino == other.st_ino {
        throw Failure("'\(path)' is the recording itself; name another file with -o")
      }
    }
  }

  /// Writes the page, for its owner alone.
  ///
  /// - Throws: one line, if it can't be written whole; what was there before is there still.
  func write(_ bytes: RawSpan) throws(Failure) {
    if isStandardOutput { return try writeOut(bytes) }
    if isSpecial {
      let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw problem(errno) }
      defer { close(descriptor) }
      guard writeAll(bytes, to: descriptor) else { throw problem(errno) }
      return
    }
    let temporary = "\(path).\(getpid()).tmp"
    _ = unsafe unlink(temporary)
    let descriptor = unsafe open(
      temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw problem(errno) }
    let isWritten = writeAll(bytes, to: descriptor)
    var code = isWritten ? 0 : errno
    if close(descriptor) != 0 && code == 0 { code = errno }
    if code == 0, unsafe rename(temporary, path) != 0 { code = errno }
    if code != 0 {
      _ = unsafe unlink(temporary)
      throw problem(code)
    }
  }

  private func problem(_ code: Int32) -> Failure {
    Failure(
      "can't write '\(path)': \(unsafe String(cString: strerror(code))); \(writeRemedy(code))",
      status: 1)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
