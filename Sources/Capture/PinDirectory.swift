import BPFLoader
import Glibc

/// The place of a pinned capture: a directory in bpffs and a lock beside it.
///
/// The lock makes one consumer sure: the kernel drops it with the process, however that ends.
struct PinDirectory: ~Copyable {
  static let maps = ["control", "ring", "cpu_state", "doorbell", "tasks"]
  let path: String
  let name: String
  private let lock: Int32
  private let lockFile: String

  private init(path: String, name: String, lock: Int32, lockFile: String) {
    self.path = path
    self.name = name
    self.lock = lock
    self.lockFile = lockFile
  }

  /// Locks the pinned name.
  ///
  /// - Throws: if bpffs is not mounted, the name is no file name, or another process holds it.
  static func lock(name: String) throws(CaptureError) -> PinDirectory {
    try check(name)
    guard let mount = MountTable.current()?.mountPoint(ofType: "bpf") else {
      throw CaptureError(
        "--pin needs the BPF file system; mount it: mount -t bpf bpf /sys/fs/bpf")
    }
    let parent = "\(mount)/ordinal"
    unsafe mkdir(parent, 0o700)
    unsafe mkdir("/run/ordinal", 0o700)
    let file = "/run/ordinal/\(name).lock"
    let descriptor = try takeLock(file, name: name)
    let text = "\(getpid())\n"
    ftruncate(descriptor, 0)
    _ = unsafe pwrite(descriptor, text, text.utf8.count, 0)
    return PinDirectory(
      path: "\(parent)/\(name)", name: name, lock: descriptor, lockFile: file)
  }

  /// Throws if `name` can't be a pinned capture's.
  static func check(_ name: String) throws(CaptureError) {
    guard !name.isEmpty, name.utf8.count <= 64,
      name.utf8.allSatisfy({
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D
          || $0 == 0x5F
      })
    else {
      throw CaptureError(
        "--pin '\(name)' is not a name; use up to 64 letters, digits, '-' and '_'")
    }
  }

  /// The process that holds the lock; nil where none does, as far as can be told without trying it.
  static func holder(of name: String) -> Int32? {
    guard let text = SystemFile.text("/run/ordinal/\(name).lock"),
      let pid = Int32(text.split(separator: "\n").first ?? ""), pid > 0,
      kill(pid, 0) == 0 || errno == EPERM
    else { return nil }
    return pid
  }

  private static func takeLock(_ file: String, name: String) throws(CaptureError) -> Int32 {
    while true {
      // O_NOFOLLOW: the directory is root's alone, and still no link is followed.
      let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else {
        throw CaptureError(
          "can't open the lock \(file): \(unsafe String(cString: strerror(errno))); run as root")
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        var holder = [UInt8](repeating: 0, count: 32)
        let got = unsafe pread(descriptor, &holder, holder.count, 0)
        let pid = String(decoding: holder.prefix(max(0, got)).prefix { $0 != 10 }, as: UTF8.self)
        close(descriptor)
        throw CaptureError(
          "'\(name)' is being read by process \(pid.isEmpty ? "?" : pid); a ring has one consumer: "
            + "end that process or use another --pin name")
      }
      // The last holder removes the file: what is locked must still be what others will open.
      var status = stat()
      if unsafe fstat(descriptor, &status) == 0 && status.st_nlink > 0 { return descriptor }
      close(descriptor)
    }
  }

  deinit {
    _ = unsafe unlink(lockFile)
    close(lock)
  }

  /// Whether an earlier capture left its pins here.
  var holdsCapture: Bool { unsafe access("\(path)/control", F_OK) == 0 }

  func make() throws(CaptureError) {
    if unsafe mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw CaptureError(
        "can't make \(path): \(unsafe String(cString: strerror(errno))); "
          + "check that bpffs is writable")
    }
  }

  /// Removes every pin; programs and maps go with the last descriptor.
  func remove() {
    RecordingTrail(name: name).remove()
    // All there is: another version may have pinned other programs. Links first, so that no program
    // stands on a map that nobody can name any more.
    let entries = (try? PinnedCaptures.entries(of: path)) ?? []
    for entry in entries where entry.hasPrefix("link_") { unsafe unlink("\(path)/\(entry)") }
    for entry in entries where !entry.hasPrefix("link_") { unsafe unlink("\(path)/\(entry)") }
    unsafe rmdir(path)
    // The parent stays while another name uses it.
    if let slash = path.lastIndex(of: "/") { unsafe rmdir(String(path[..<slash])) }
  }
}
