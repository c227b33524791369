import Glibc

/// Which file a pinned capture is being recorded to, for the recorder's successor.
///
/// A recorder that is killed between its write to the file and its release of the ring leaves records in
/// both. Its successor looks at that file's end and goes on behind it: no sequence twice, none left out.
public struct RecordingTrail: Sendable {
  private let file: String

  init(name: String) { file = "/run/ordinal/\(name).recording" }

  /// Notes the path of the file that is recorded to, before the first record is in it.
  ///
  /// - Parameter path: relative ones are of the working directory.
  /// - Throws: one line, if it can't be noted.
  public func note(_ path: String) throws(CaptureError) {
    let absolute = path.hasPrefix("/") ? path : "\(workingDirectory())/\(path)"
    let next = file + ".new"
    // The directory is root's alone; a whole file in its place by one step.
    let descriptor = unsafe open(
      next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    guard unsafe write(descriptor, absolute, absolute.utf8.count) == absolute.utf8.count,
      unsafe rename(next, file) == 0
    else { throw failure() }
  }

  /// The file that was recorded to last; nil where none was.
  public var path: String? {
    let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4097)
    let got = unsafe read(descriptor, &bytes, bytes.count)
    guard got > 0, got < bytes.count else { return nil }
    return String(decoding: bytes[..<got], as: UTF8.self)
  }

  func remove() { _ = unsafe unlink(file) }

  private func failure() -> CaptureError {
    CaptureError(
      "can't write \(file): \(unsafe String(cString: strerror(errno))); free some space in /run")
  }

  private func workingDirectory() -> String {
    // Made by malloc(), NUL-terminated.
    guard let path = unsafe getcwd(nil, 0) else { return "." }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }
}
