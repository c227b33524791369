/// Reads atomics out of linked IR, where an ordering can still be seen.
package enum IRCheck {
  /// Operations whose relaxed form becomes a BPF instruction without a result.
  private static let affected: Set<Substring> = ["add", "sub", "and", "or", "xor"]

  /// Every defect that the linked IR shows.
  package static func findings(_ ir: String, spec: ObjectSpec) -> [Finding] {
    relaxed(ir) + calls(ir, spec: spec)
  }

  /// Relaxed read-modify-writes whose result is used.
  ///
  /// LLVM's BPF back end selects the form without fetch for a `monotonic` `atomicrmw`, used result
  /// or not, and says nothing (llvm-project issue 210280): the "old value" is then the addend.
  private static func relaxed(_ ir: String) -> [Finding] {
    atomics(ir).filter { $0.isRelaxed && $0.isUsed }.map { atomic in
      Finding(
        program: atomic.section ?? atomic.function, symbol: nil,
        problem: "a relaxed atomic \(atomic.operation) whose result is used loses its result on BPF"
          + " (llvm-project issue 210280)",
        advice: "give it acquire-release or sequentially consistent ordering")
    }
  }

  /// Direct calls that a BPF program can't make, and traps.
  private static func calls(_ ir: String, spec: ObjectSpec) -> [Finding] {
    let functions = IRText.functions(ir)
    let defined = Set(functions.map(\.name))
    let allowed = Set(spec.localFunctions + spec.externs)
    var result: [Finding] = []
    for function in functions where function.section != nil || allowed.contains(function.name) {
      let program = function.section ?? function.name
      for callee in Set(function.lines.compactMap(callee)).sorted() where !allowed.contains(callee)
      {
        if callee == "llvm.trap" {
          result.append(
            Finding(
              program: program, symbol: nil, problem: "can trap, which kernels refuse",
              advice: Symbols.trapAdvice))
        } else if callee.hasPrefix("llvm.") {
          continue
        } else if defined.contains(callee) {
          result.append(Symbols.notInlined(callee, in: program))
        } else {
          result.append(Symbols.undefined(callee, in: program))
        }
      }
    }
    return result
  }

  /// The function that a line of IR calls by name.
  private static func callee(_ line: Substring) -> String? {
    guard let at = line.firstRange(of: "call "), line.firstRange(of: " asm ") == nil else {
      return nil
    }
    // The callee's name is the one outside of all parentheses: attributes, types and arguments
    // can hold others.
    var depth = 0
    var rest = line[at.upperBound...]
    while let character = rest.first {
      switch character {
      case "(": depth += 1
      case ")": depth -= 1
      case "@" where depth == 0: return IRText.symbol(in: rest)
      default: break
      }
      rest = rest.dropFirst()
    }
    return nil
  }

  /// The number of atomic adds whose result is used, by program section.
  package static func wantedResults(_ ir: String) -> [String: Int] {
    var result: [String: Int] = [:]
    for atomic in atomics(ir) where atomic.operation == "add" && atomic.isUsed {
      if let section = atomic.section { result[section, default: 0] += 1 }
    }
    return result
  }

  private struct Atomic {
    var function: String
    var section: String?
    var operation: String
    var isRelaxed: Bool
    var isUsed: Bool
  }

  private static func atomics(_ ir: String) -> [Atomic] {
    var result: [Atomic] = []
    for function in IRText.functions(ir) {
      for (number, line) in function.lines.enumerated() {
        guard let at = line.firstRange(of: "atomicrmw ") else { continue }
        let words = line[at.upperBound...].split(separator: " ").filter { $0 != "volatile" }
        guard let operation = words.first, affected.contains(operation) else { continue }
        let text = line.trimmingSpaces()
        let value = text.hasPrefix("%") ? String(text.prefix { $0 != " " }) : nil
        let isUsed = value.map { value in
          function.lines.indices.contains { $0 != number && mentions(function.lines[$0], value) }
        }
        result.append(
          Atomic(
            function: function.name, section: function.section, operation: String(operation),
            isRelaxed: words.contains { $0.hasPrefix("monotonic") }, isUsed: isUsed ?? false))
      }
    }
    return result
  }

  private static func mentions(_ line: Substring, _ value: String) -> Bool {
    var rest = line
    while let at = rest.firstRange(of: value) {
      let next = rest[at.upperBound...].first
      let goesOn = next.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } ?? false
      if !goesOn { return true }
      rest = rest[at.upperBound...]
    }
    return false
  }
}
