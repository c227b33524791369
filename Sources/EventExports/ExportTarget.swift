import Glibc

/// Where an export goes.
public struct ExportTarget: Sendable {
  /// The file to make; `-` for standard output, where the format is a stream.
  public var path: String
  /// Whether a file that is there is replaced.
  public var isReplacing: Bool

  /// Names a target; the parameters are the properties.
  public init(path: String, isReplacing: Bool = false) {
    self.path = path
    self.isReplacing = isReplacing
  }
}

/// A file that comes to be whole or not at all: it is written under a temporary name beside its own, and gets
/// its own at the end. A pipe, a device or standard output is written in place.
///
/// A value that goes away before ``finish()`` takes the temporary file with it.
struct OutputFile: ~Copyable {
  /// The name at the end, for errors too.
  let path: String
  /// The name until then, of a file of mode 0600; nil for what is written in place.
  let temporary: String?
  /// Open for writing.
  let descriptor: Int32
  private let isReplacing: Bool

  /// Opens a target.
  ///
  /// - Parameters:
  ///   - target: the target.
  ///   - isStream: whether bytes are written one after the other, so that no regular file is needed.
  /// - Throws: ``ExportError`` where it can't be written, or is there and may not be replaced.
  init(_ target: ExportTarget, isStream: Bool) throws(ExportError) {
    let opened = try OutputFile.open(target, isStream: isStream)
    isReplacing = target.isReplacing
    path = opened.path
    temporary = opened.temporary
    descriptor = opened.descriptor
  }

  deinit {
    close(descriptor)
    // Gone already where finish() gave it its name.
    if let temporary { unsafe unlink(temporary) }
  }

  /// Gives the file its name; where there is one of that name by now, only if it may be replaced.
  func finish() throws(ExportError) {
    guard let temporary else { return }
    if fsync(descriptor) != 0, errno != EINVAL { throw .system("can't write", path, errno) }
    if isReplacing {
      guard unsafe rename(temporary, path) == 0 else { throw .system("can't name", path, errno) }
      return
    }
    // link() refuses a name that is taken, in one step; not every file system has it.
    if unsafe link(temporary, path) == 0 {
      unsafe unlink(temporary)
      return
    }
    if errno == EEXIST {
      throw ExportError("\(path) came to be meanwhile; name another file, or give --force")
    }
    guard unsafe access(path, F_OK) != 0, unsafe rename(temporary, path) == 0 else {
      throw .system("can't name", path, errno)
    }
  }

  private static func open(
    _ target: ExportTarget, isStream: Bool
  ) throws(ExportError) -> (path: String, temporary: String?, descriptor: Int32) {
    if isStream, target.path == "-" {
      let descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
      guard descriptor >= 0 else { throw .system("can't write to", "standard output", errno) }
      return ("standard output", nil, descriptor)
    }
    let path = OutputFile.resolved(target.path)
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      if status.st_mode & S_IFMT != S_IFREG {
        guard isStream, status.st_mode & S_IFMT != S_IFDIR else {
          throw ExportError("\(path) is no regular file; name another one")
        }
        let descriptor = unsafe Glibc.open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("can't write to", path, errno) }
        return (path, nil, descriptor)
      }
      guard target.isReplacing else {
        throw ExportError("\(path) is there already; name another file, or give --force")
      }
    }
    let (descriptor, temporary) = try openTemporary(beside: path)
    return (path, temporary, descriptor)
  }

  private static func openTemporary(beside path: String) throws(ExportError) -> (Int32, String) {
    let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path.utf8.index(after: $0) }
    let folder = cut.map { String(path[..<$0]) } ?? ""
    guard cut != path.endIndex, !path.isEmpty else {
      throw ExportError("'\(path)' names no file; give one with -o")
    }
    for attempt in 0..<1000 {
      // A name of its own, so that it fits wherever the file's does.
      let temporary = "\(folder).ordinal-\(getpid())-\(attempt).partial"
      let descriptor = unsafe Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 { return (descriptor, temporary) }
      guard errno == EEXIST else { break }
    }
    throw .system("can't make a file beside", path, errno)
  }

  /// What a symbolic link leads to, so that what it names is replaced and not the link.
  private static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }
}
