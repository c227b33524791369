/// Reads atomics out of linked IR, where an ordering can still be seen.
package enum IRCheck {
  /// Operations whose relaxed form becomes a BPF instruction without a result.
  private static let affected: Set<Substring> = ["add", "sub", "and", "or", "xor"]

  /// Relaxed read-modify-writes whose result is used.
  ///
  /// LLVM's BPF back end selects the form without fetch for a `monotonic` `atomicrmw`, used result
  /// or not, and says nothing (llvm-project issue 210280): the "old value" is then the addend.
  package static func findings(_ ir: String) -> [Finding] {
    atomics(ir).filter { $0.isRelaxed && $0.isUsed }.map { atomic in
      Finding(
        program: atomic.function, symbol: nil,
        problem: "a relaxed atomic \(atomic.operation) whose result is used loses its result on BPF"
          + " (llvm-project issue 210280)",
        advice: "give it acquire-release or sequentially consistent ordering")
    }
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
