import Glibc

/// Small text files of /proc and /sys.
package enum SystemFile {
  /// A file's whole text; nil if it can't be opened or read.
  ///
  /// Their size can't be asked beforehand (stat says 0 or a page), so this reads up to the end.
  package static func text(_ path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, 4096) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return String(decoding: content, as: UTF8.self) }
      content.append(contentsOf: chunk.prefix(count))
    }
  }

  /// The number that a file consists of.
  package static func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.filter { !$0.isWhitespace }) }
  }
}
