import Glibc

/// What a result was measured on.
package enum Machine {
  /// CPUs online.
  package static var cpus: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

  /// "release" or "debug".
  package static var build: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  /// The running kernel's release.
  package static var kernel: String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "unknown" }
    // NUL-terminated by the kernel, within the field.
    return unsafe withUnsafeBytes(of: name.release) { raw in
      unsafe String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// The processor's model.
  package static var processor: String {
    guard let file = unsafe fopen("/proc/cpuinfo", "r") else { return "unknown" }
    defer { unsafe fclose(file) }
    while let line = unsafe readLine(from: file) {
      if line.hasPrefix("model name"), let colon = line.firstIndex(of: ":") {
        return String(line[line.index(after: colon)...].drop { $0 == " " })
      }
    }
    return "unknown"
  }

  private static func readLine(from file: UnsafeMutablePointer<FILE>) -> String? {
    var bytes: [UInt8] = []
    while case let byte = unsafe getc(file), byte != EOF {
      if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
