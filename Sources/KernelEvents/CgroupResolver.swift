import Glibc

// glibc declares these for _GNU_SOURCE only, which Swift's Glibc module doesn't set. The C function
// takes an int, a pointer and an int, which Swift's and C's conventions pass alike.
@_silgen_name("open_by_handle_at")
private func openByHandle(
  _ mount: Int32, _ handle: UnsafeMutableRawPointer, _ flags: Int32
) -> Int32
/// O_PATH of asm-generic/fcntl.h.
private let openPathOnly: Int32 = 0o10_000_000

/// Turns a cgroup v2 id into its path, as seen from the root of the cgroup2 mount.
///
/// It asks the kernel for the directory the id names (a file handle of kernfs is the id itself) and
/// keeps the answer, a refusal included: an id is never given twice. It needs CAP_DAC_READ_SEARCH;
/// without it, without a cgroup2 mount, or for a cgroup that is gone, there is no path.
public struct CgroupResolver: ~Copyable {
  /// Where cgroup2 is mounted; nil where it isn't.
  public let mountPoint: [UInt8]?
  private let mount: Int32
  private let limit: Int
  private var paths: [UInt64: [UInt8]?] = [:]
  private var lastID: UInt64 = 0
  private var lastPath: [UInt8]?
  private var hasLast = false
  /// Bytes of the paths that it was told.
  private var toldBytes = 0
  private static var toldLimit: Int { 16 << 20 }

  /// Finds the cgroup2 mount and opens it.
  ///
  /// - Parameter limit: ids whose answer is kept; past it all are forgotten and asked for again.
  public init(limit: Int = 4096) {
    self.limit = max(1, limit)
    let found = readFile("/proc/self/mountinfo").flatMap(cgroup2MountPoint(inMountInfo:))
    mountPoint = found
    mount = found.map { openDirectory($0) } ?? -1
  }

  /// A resolver that knows what it is told, and asks no kernel: for events of a recording.
  ///
  /// - Parameter limit: paths kept; past it all are forgotten.
  public init(recorded limit: Int) {
    self.limit = max(1, limit)
    mountPoint = nil
    mount = -1
  }

  /// Takes in the path of the cgroup `id`.
  public mutating func learn(_ id: UInt64, _ path: [UInt8]) {
    hasLast = false
    if let known = paths[id], known == path { return }
    if paths.count >= limit || toldBytes > CgroupResolver.toldLimit {
      paths.removeAll(keepingCapacity: true)
      toldBytes = 0
    }
    toldBytes += path.count
    paths[id] = .some(path)
  }

  deinit { if mount >= 0 { close(mount) } }

  /// The path of the cgroup `id`: "/" for the root, else "/a/b"; nil where it can't be had.
  public mutating func path(of id: UInt64) -> [UInt8]? {
    if hasLast, lastID == id { return lastPath }
    let answer: [UInt8]?
    if let known = paths[id] {
      answer = known
    } else {
      answer = lookUp(id)
      if paths.count >= limit { paths.removeAll(keepingCapacity: true) }
      paths[id] = .some(answer)
    }
    lastID = id
    lastPath = answer
    hasLast = true
    return answer
  }

  private func lookUp(_ id: UInt64) -> [UInt8]? {
    guard mount >= 0, let mountPoint else { return nil }
    // struct file_handle: bytes, type (FILEID_KERNFS), then the 64-bit id.
    var handle: (bytes: UInt32, type: Int32, id: UInt64) = (8, 0xFE, id)
    // The kernel reads 16 bytes of the tuple, whose layout is that of struct file_handle.
    let directory = unsafe withUnsafeMutableBytes(of: &handle) { bytes in
      unsafe openByHandle(mount, bytes.baseAddress!, openPathOnly | O_CLOEXEC)
    }
    guard directory >= 0 else { return nil }
    defer { close(directory) }
    guard let target = readLink("/proc/self/fd/\(directory)") else { return nil }
    return relativePath(of: target, under: mountPoint)
  }
}

/// `target` as seen from `mountPoint`; nil where it lies elsewhere (another cgroup namespace).
package func relativePath(of target: [UInt8], under mountPoint: [UInt8]) -> [UInt8]? {
  var target = target[...]
  // What the kernel writes behind the name of a directory that is gone.
  let gone = " (deleted)".utf8
  if target.count > gone.count, target.suffix(gone.count).elementsEqual(gone) {
    target = target.dropLast(gone.count)
  }
  let prefix = mountPoint == [UInt8(ascii: "/")] ? [] : mountPoint
  guard target.starts(with: prefix) else { return nil }
  let rest = target.dropFirst(prefix.count)
  if rest.isEmpty { return [UInt8(ascii: "/")] }
  return rest.first == UInt8(ascii: "/") ? Array(rest) : nil
}

/// The mount point of the first cgroup2 line of a mountinfo file; one that shows the hierarchy's
/// own root is preferred.
package func cgroup2MountPoint(inMountInfo text: [UInt8]) -> [UInt8]? {
  var fallback: [UInt8]?
  for line in text.split(separator: UInt8(ascii: "\n")) {
    let fields = line.split(separator: UInt8(ascii: " "))
    guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6,
      dash + 1 < fields.count, fields[dash + 1].elementsEqual("cgroup2".utf8)
    else { continue }
    let point = unescapeOctal(fields[4])
    if fields[3].elementsEqual("/".utf8) { return point }
    if fallback == nil { fallback = point }
  }
  return fallback
}

/// Undoes the kernel's `\040` for bytes that would break a line of mountinfo.
private func unescapeOctal(_ text: ArraySlice<UInt8>) -> [UInt8] {
  var bytes: [UInt8] = []
  var position = text.startIndex
  while position < text.endIndex {
    if text[position] == UInt8(ascii: "\\"), position + 3 < text.endIndex,
      let value = UInt8(
        String(decoding: text[position + 1...position + 3], as: UTF8.self), radix: 8)
    {
      bytes.append(value)
      position += 4
    } else {
      bytes.append(text[position])
      position += 1
    }
  }
  return bytes
}

private func openDirectory(_ path: [UInt8]) -> Int32 {
  // The array is NUL-terminated for the time of the call.
  unsafe (path + [0]).withUnsafeBytes { bytes in
    unsafe open(
      bytes.baseAddress!.assumingMemoryBound(to: CChar.self), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  }
}

private func readLink(_ path: String) -> [UInt8]? {
  var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
  // The kernel writes at most the array's count of bytes.
  let count = unsafe target.withUnsafeMutableBytes { bytes in
    unsafe readlink(
      path, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
  }
  return count > 0 && count < target.count ? Array(target[..<count]) : nil
}

private func readFile(_ path: String) -> [UInt8]? {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var content: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    // The kernel writes at most the array's count of bytes.
    let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { return count == 0 ? content : nil }
    content.append(contentsOf: chunk[..<count])
  }
}
