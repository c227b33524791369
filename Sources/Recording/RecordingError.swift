import Glibc

/// Why a recording can't be written or read: one line that says what to do.
public struct RecordingError: Error, CustomStringConvertible, Sendable {
  /// One line.
  public let description: String
  /// `errno`, where a system call failed.
  public let code: Int32?
  /// Whether a file is too short to be a recording.
  var isShort = false

  /// An error with this text.
  public init(_ description: String) {
    self.description = description
    code = nil
  }

  /// An error of a system call on a file.
  init(cannot verb: String, _ path: String, _ code: Int32) {
    let remedy =
      switch code {
      case EEXIST: "name a file that does not exist, or use --append to go on with a recording"
      case ENOSPC, EDQUOT: "free some space, or record elsewhere"
      case EFBIG: "raise `ulimit -f`, or rotate with --rotate-size"
      case EACCES, EPERM, EROFS: "name a file in a directory you may use"
      case ENOENT, ENOTDIR: "check the path"
      case EISDIR: "name a file, not a directory"
      case EMFILE, ENFILE: "raise `ulimit -n`"
      default: "use another file"
      }
    description = "can't \(verb) \(path): \(unsafe String(cString: strerror(code))); \(remedy)"
    self.code = code
  }
}
