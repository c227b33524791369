/// A step of the pipeline; its raw value is the name a failure carries.
package enum Stage: String, Sendable, CaseIterable {
  /// Strict type check of a Swift module, warnings as errors.
  case typecheck = "check Swift"
  /// A Swift module that the programs import.
  case module = "compile Swift module"
  /// The programs, as LLVM IR.
  case programs = "compile Swift programs"
  /// LLVM IR to bitcode.
  case bitcode = "assemble bitcode"
  /// The C file of map definitions.
  case maps = "compile maps"
  /// Link, internalise, drop what no program reaches.
  case link = "link"
  /// The linked bitcode as text, repaired for BTF.
  case disassemble = "disassemble bitcode"
  /// LLVM's BPF back end.
  case generate = "generate BPF"
  /// Drop sections that only a debugger wants.
  case clean = "clean object"
  /// Read the object back.
  case inspect = "inspect object"
}

/// Why the pipeline gave no object.
package enum PipelineError: Error, Sendable {
  /// The manifest, a path in it, or an argument is wrong.
  case input(message: String, advice: String)
  /// The toolchain lacks something.
  case toolchain(message: String, advice: String)
  /// A tool of the toolchain refused; `output` is what it printed.
  case stage(Stage, object: String, subject: String, output: String, advice: String)
  /// The object was made and must not be loaded.
  case check(object: String, findings: [Finding])
  /// The object differs from its golden file.
  case golden(object: String, differences: [String], advice: String)
  /// A file could not be read or written.
  case file(path: String, operation: String, reason: String)

  /// The status of a process that ends with this error: 2 for bad input, else 1.
  package var exitCode: Int32 {
    switch self {
    case .input: 2
    case .toolchain, .stage, .check, .golden, .file: 1
    }
  }
}

extension PipelineError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .input(let message, let advice), .toolchain(let message, let advice):
      return "\(message)\n  \(advice)"
    case .stage(let stage, let object, let subject, let output, let advice):
      let text = output.split(separator: "\n", omittingEmptySubsequences: false)
        .map { "  | \($0)" }.joined(separator: "\n")
      return "object \(object): stage '\(stage.rawValue)' failed for \(subject)\n\(text)\n"
        + "  \(advice)"
    case .check(let object, let findings):
      let list = findings.map { "  - \($0)" }.joined(separator: "\n")
      return "object \(object): refused by the check, \(findings.count) finding(s)\n\(list)"
    case .golden(let object, let differences, let advice):
      let list = differences.map { "  \($0)" }.joined(separator: "\n")
      return "object \(object): differs from its golden file\n\(list)\n  \(advice)"
    case .file(let path, let operation, let reason):
      return "can't \(operation) \(path): \(reason)\n  check that the path exists and is yours"
    }
  }
}
