import BPFLoader
package import EvaluationReport
import Glibc

/// What figures were measured on.
package enum MachineFacts {
  /// The machine as result files have it.
  package static var machine: EvaluationFile.Machine {
    EvaluationFile.Machine(
      processor: cpuInfo("model name") ?? cpuInfo("CPU part") ?? "unknown", cpus: onlineCPUs.count,
      kernel: KernelVersion.runningRelease(), hypervisor: hypervisor,
      memory_bytes: UInt64(sysconf(Int32(_SC_PHYS_PAGES)))
        * UInt64(sysconf(Int32(_SC_PAGESIZE))), mitigations: mitigations)
  }

  /// "release" or "debug".
  package static var build: String {
    #if DEBUG
      "debug"
    #else
      "release"
    #endif
  }

  /// CPUs online, ascending.
  package static var onlineCPUs: [Int] {
    SystemFile.text("/sys/devices/system/cpu/online").flatMap(CPUList.parse)
      ?? Array(0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// NUMA nodes online, ascending.
  package static var numaNodes: [Int] {
    SystemFile.text("/sys/devices/system/node/online").flatMap(CPUList.parse) ?? [0]
  }

  /// The CPUs of a NUMA node that are online, ascending.
  package static func cpus(ofNode node: Int) -> [Int] {
    let all = SystemFile.text("/sys/devices/system/node/node\(node)/cpulist").flatMap(CPUList.parse)
    let online = Set(onlineCPUs)
    return all?.filter { online.contains($0) } ?? (node == 0 ? onlineCPUs : [])
  }

  private static var hypervisor: String? {
    guard let flags = cpuInfo("flags"), flags.split(separator: " ").contains("hypervisor") else {
      return nil
    }
    return SystemFile.text("/sys/devices/virtual/dmi/id/sys_vendor").map(trimmed) ?? "unknown"
  }

  private static var mitigations: [String: String] {
    let folder = "/sys/devices/system/cpu/vulnerabilities"
    var states: [String: String] = [:]
    guard let entries = unsafe opendir(folder) else { return states }
    defer { unsafe closedir(entries) }
    while let entry = unsafe readdir(entries) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix("."), let text = SystemFile.text("\(folder)/\(name)") {
        states[name] = trimmed(text)
      }
    }
    return states
  }

  private static func cpuInfo(_ key: String) -> String? {
    for line in (SystemFile.text("/proc/cpuinfo") ?? "").split(separator: "\n") {
      guard line.hasPrefix(key), let colon = line.firstIndex(of: ":") else { continue }
      return trimmed(String(line[line.index(after: colon)...]))
    }
    return nil
  }

  private static func trimmed(_ text: String) -> String {
    String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
