import Foundation

/// The directory of a Swift toolchain's tools, checked to hold what the pipeline needs.
package struct Toolchain: Sendable {
  /// The Swift target whose data layout equals BPF's, letter for letter.
  package static let swiftTarget = "riscv64-none-none-eabi"
  /// The same target, as clang and the linker call it.
  package static let clangTarget = "riscv64-none-elf"
  /// The environment variable that overrides the search.
  package static let variable = "BPF_BUILD_TOOLCHAIN"

  /// The directory that holds swiftc, clang, ld.lld, llvm-objcopy, llvm-objdump.
  package let bin: String

  private static let tools = ["swiftc", "clang", "ld.lld", "llvm-objcopy", "llvm-objdump"]

  /// Finds a toolchain: `path` if given, else `BPF_BUILD_TOOLCHAIN`, else the swiftc in `PATH`.
  ///
  /// A path may name the toolchain's root, its `usr` or its `bin` directory.
  package static func find(
    _ path: String? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PipelineError) -> Toolchain {
    if let given = path ?? environment[variable].flatMap({ $0.isEmpty ? nil : $0 }) {
      for directory in ["", "/bin", "/usr/bin"].map({ given + $0 })
      where Files.exists("\(directory)/swiftc", directory: false) {
        return try Toolchain(checking: Files.absolute(directory))
      }
      throw .input(
        message: "no swiftc in \(given), \(given)/bin or \(given)/usr/bin",
        advice: "set \(variable) or --toolchain to a Swift toolchain's root")
    }
    for directory in environment["PATH", default: ""].split(separator: ":") {
      let compiler = "\(directory)/swiftc"
      guard FileManager.default.isExecutableFile(atPath: compiler) else { continue }
      let resolved = URL(fileURLWithPath: compiler).resolvingSymlinksInPath().path
      let beside = Files.parent(of: resolved)
      if missing(in: beside).isEmpty { return try Toolchain(checking: beside) }
      // A toolchain manager's proxy: ask the compiler it starts where it lives.
      if let home = home(of: compiler) { return try Toolchain(checking: home) }
    }
    throw .toolchain(
      message: "no swiftc with clang and lld beside it in PATH",
      advice: "install a Swift 6.3 toolchain from swift.org, or set \(variable) to its root")
  }

  private init(checking bin: String) throws(PipelineError) {
    self.bin = bin
    let missing = Self.missing(in: bin)
    guard missing.isEmpty else {
      throw .toolchain(
        message: "the toolchain in \(bin) has no \(missing.joined(separator: ", "))",
        advice: "use a complete Swift 6.3 toolchain from swift.org")
    }
    let library = Files.join(bin, "../lib/swift/embedded/\(Self.swiftTarget)")
    guard Files.exists(library, directory: true) else {
      throw .toolchain(
        message: "the toolchain in \(bin) has no Embedded Swift for \(Self.swiftTarget)",
        advice: "use a Swift 6.3 toolchain from swift.org")
    }
  }

  /// The path of a tool.
  package func tool(_ name: String) -> String { "\(bin)/\(name)" }

  private static func missing(in bin: String) -> [String] {
    tools.filter { !FileManager.default.isExecutableFile(atPath: "\(bin)/\($0)") }
  }

  private static func home(of compiler: String) -> String? {
    guard
      let output = try? Subprocess.run(compiler, ["-print-target-info"], in: "/"),
      output.status == 0,
      let json = try? JSONSerialization.jsonObject(with: Data(output.text.utf8)),
      let paths = (json as? [String: Any])?["paths"] as? [String: Any],
      let resources = paths["runtimeResourcePath"] as? String
    else { return nil }
    return Files.join(resources, "../../bin")
  }
}

/// A tool that ran: what it printed, and how it ended.
package struct Subprocess {
  package var status: Int32
  /// Standard output, then standard error.
  package var text: String

  /// Runs a tool to its end in `directory`.
  package static func run(
    _ tool: String, _ arguments: [String], in directory: String
  ) throws(PipelineError) -> Subprocess {
    let output = Files.join(
      FileManager.default.temporaryDirectory.path, "bpf-build-\(UUID().uuidString).out")
    let errors = output + ".err"
    defer {
      // Leftovers in the temporary directory are no reason to fail.
      try? FileManager.default.removeItem(atPath: output)
      try? FileManager.default.removeItem(atPath: errors)
    }
    do {
      // Files, not pipes: nothing has to be drained while the tool runs.
      for path in [output, errors] { try Data().write(to: URL(fileURLWithPath: path)) }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: tool)
      process.arguments = arguments
      process.currentDirectoryURL = URL(fileURLWithPath: directory)
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
      process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errors))
      try process.run()
      process.waitUntilExit()
      let status = process.terminationStatus
      let text = try Files.read(output) + Files.read(errors)
      let signalled = process.terminationReason == .uncaughtSignal
      return Subprocess(
        status: signalled ? 128 + status : status,
        text: signalled ? text + "\n(ended by signal \(status))" : text)
    } catch let error as PipelineError {
      throw error
    } catch {
      throw .file(path: tool, operation: "run", reason: error.localizedDescription)
    }
  }
}
