import Foundation

/// What to do about a tool's refusal.
enum Advice {
  /// A tool's output without what follows a crash: the stack dump tells the user nothing.
  static func essence(_ output: String) -> String {
    let noise = ["PLEASE submit a bug report", "Stack dump:", "[#StrictMemorySafety]: <"]
    var lines: [Substring] = []
    for line in output.split(separator: "\n", omittingEmptySubsequences: false) {
      if noise.contains(where: { line.hasPrefix($0) }) { break }
      lines.append(line)
    }
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    return lines.joined(separator: "\n")
  }

  static func text(for stage: Stage, output: String) -> String {
    for (sign, advice) in known where output.contains(sign) { return advice }
    switch stage {
    case .typecheck, .module, .programs:
      return "correct the Swift source; Embedded Swift has no existentials, reflection or runtime"
    case .maps:
      return "correct the C file; it may include <linux/bpf.h> and <bpf/bpf_helpers.h> (libbpf-dev)"
    case .link:
      return "a symbol is defined twice, or the maps file misses one"
    case .bitcode, .disassemble, .generate, .clean, .inspect:
      return "run again with --keep DIR and look at the stage's input there"
    }
  }

  private static let known: [(sign: String, advice: String)] = [
    ("@\"$es", Symbols.runtimeAdvice),
    ("@\"$eS", Symbols.runtimeAdvice),
    (
      "'bpf/bpf_helpers.h' file not found",
      "install libbpf's headers (Debian: libbpf-dev, Fedora: libbpf-devel)"
    ),
    (
      "file not found", "a header lies outside the object's clangModules: add its directory there"
    ),
    (
      "Cannot select",
      "BPF v3 has no load-acquire, store-release or such: use an exchange or a volatile access"
    ),
    (
      "__stack_chk_fail", "a stack protector crept in: don't pass -enable-stack-protector"
    ),
    (
      "'mem", "a copy was not inlined: copy field by field, in a bounded loop, or with a helper"
    ),
    (
      "stack limit", "512 bytes of stack are all there is: keep large values in a map"
    ),
    (
      "too many args", "a function that is not inlined takes more than five arguments"
    ),
  ]
}

/// Where the host's kernel and libbpf headers lie.
enum SystemHeaders {
  /// `/usr/include` and, on Debian's kin, the directory of the host's architecture.
  static let directories: [String] = {
    let base = "/usr/include"
    if Files.exists("\(base)/asm/types.h", directory: false) { return [base] }
    #if arch(x86_64)
      let preferred = "x86_64-"
    #elseif arch(arm64)
      let preferred = "aarch64-"
    #else
      let preferred = ""
    #endif
    let names = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
    let found = names.filter { name in
      name.hasPrefix(preferred) && name.contains("-linux-")
        && Files.exists("\(base)/\(name)/asm/types.h", directory: false)
    }
    return found.sorted().prefix(1).map { "\(base)/\($0)" } + [base]
  }()
}
