internal import CTestSupport
public import Foundation
internal import Glibc

func bpfExists(_ kind: UInt32, _ id: UInt32) -> Bool {
  test_bpf_exists(test_bpf_kind(rawValue: kind), id) != 0
}

/// `processes` of /proc/stat: the tasks made since boot, as the kernel itself counts them.
public func taskCount() throws -> UInt64 {
  let text = try readFile("/proc/stat")
  for line in text.split(separator: "\n") where line.hasPrefix("processes ") {
    if let count = UInt64(line.dropFirst("processes ".count)) { return count }
  }
  throw SupportError("/proc/stat has no `processes`")
}

/// Whether this process is root.
public var isRoot: Bool { geteuid() == 0 }

/// Closes a descriptor.
public func closeDescriptor(_ descriptor: Int32) { close(descriptor) }

/// A pipe; both ends are the caller's to close.
public func makePipe() throws -> (read: Int32, write: Int32) {
  var ends: [Int32] = [0, 0]
  guard unsafe pipe(&ends) == 0 else { throw SupportError("no pipe") }
  return (ends[0], ends[1])
}

/// A new pseudo terminal; both ends are the caller's to close.
public func makeTerminal() throws -> (master: Int32, slave: Int32) {
  var ends: (Int32, Int32) = (0, 0)
  guard unsafe test_open_terminal(&ends.0, &ends.1) == 0 else {
    throw SupportError("no pseudo terminal")
  }
  return ends
}

/// Reads what there is, at most `count` bytes; nothing at the end.
public func readSome(_ descriptor: Int32, _ count: Int = 65536) -> Data {
  var bytes = [UInt8](repeating: 0, count: count)
  let got = unsafe read(descriptor, &bytes, count)
  return Data(bytes.prefix(max(0, got)))
}

/// Reads to the end.
public func readAll(_ descriptor: Int32) -> Data {
  var data = Data()
  while true {
    let some = readSome(descriptor)
    if some.isEmpty { return data }
    data.append(some)
  }
}

/// Writes all of `text`.
public func writeAll(_ descriptor: Int32, _ text: String) {
  _ = unsafe write(descriptor, text, text.utf8.count)
}

/// The third letter of /proc/PID/stat: R, S, T, Z …; nil if there is no such process.
public func processState(_ pid: Int32) -> Character? {
  guard let text = try? readFile("/proc/\(pid)/stat"),
    let bracket = text.lastIndex(of: ")")
  else { return nil }
  return text[text.index(bracket, offsetBy: 2)]
}

/// A number of a line "Name:   123 kB" of a file of /proc.
public func procNumber(_ file: String, _ name: String) throws -> UInt64 {
  let text = try readFile(file)
  for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
    let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
    if fields.count > 1, let number = UInt64(fields[1]) { return number }
  }
  throw SupportError("\(file) has no \(name)")
}

/// Removes an empty directory, e.g. a cgroup.
public func removeDirectory(_ path: String) { unsafe rmdir(path) }

/// The whole of a file whose size is not known before, as those of /proc.
public func readFile(_ path: String) throws -> String {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw SupportError("can't open \(path)") }
  defer { close(descriptor) }
  return String(decoding: readAll(descriptor), as: UTF8.self)
}
