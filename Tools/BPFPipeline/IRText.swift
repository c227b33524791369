/// The pipeline's small corrections of LLVM IR, on its text form.
package enum IRText {
  /// Takes the Embedded runtime's own entries out of `@llvm.used`.
  ///
  /// Swift marks `_swift_exceptionPersonality` and the autolink entries as used, which would keep
  /// them (and a text section) in every object. Programs, marked `@used` in the source, stay.
  package static func releaseRuntime(_ ir: String) -> String {
    let runtime = ["@_swift1_autolink_entries", "@_swift_exceptionPersonality"]
    return mapLines(ir) { line in
      guard line.hasPrefix("@llvm.used = "),
        let end = line.lastIndex(of: "]"),
        let start = line[..<end].lastIndex(of: "[")
      else { return nil }
      let kept = line[line.index(after: start)..<end].split(separator: ",")
        .map { $0.trimmingSpaces() }
        .filter { entry in !runtime.contains { entry.hasSuffix($0) } }
      if kept.isEmpty { return "" }
      return "@llvm.used = appending global [\(kept.count) x ptr] "
        + "[\(kept.joined(separator: ", "))]\(line[line.index(after: end)...])"
    }
  }

  /// Asks for every local function to be inlined where it is called.
  ///
  /// The Swift optimizer leaves a function that several programs call as it is, whatever
  /// `@inline(__always)` says; as a subprogram it would take more than five arguments, and the
  /// verifier would check it apart from the values that make it safe. Functions that the source
  /// marks `@inline(never)` stay.
  package static func inlineLocals(_ ir: String) -> String {
    var noinline: Set<Substring> = []
    for line in ir.split(separator: "\n") where line.hasPrefix("attributes #") {
      guard line.firstRange(of: " noinline ") != nil || line.firstRange(of: " optnone ") != nil
      else { continue }
      noinline.insert(line.dropFirst("attributes ".count).prefix { $0 != " " })
    }
    return mapLines(ir) { line in
      guard
        line.hasPrefix("define linkonce_odr ") || line.hasPrefix("define internal ")
          || line.hasPrefix("define private "),
        let at = line.lastRange(of: " #"), line.firstRange(of: " alwaysinline ") == nil
      else { return nil }
      let group = line[line.index(after: at.lowerBound)...].prefix { $0 != " " }
      if noinline.contains(group) { return nil }
      return line[..<at.lowerBound] + " alwaysinline" + line[at.lowerBound...]
    }
  }

  /// Drops `@llvm.used` from linked IR, where it has done its work.
  ///
  /// It would give each program a retained section of its own. Two programs of one tracepoint would
  /// lie in two sections of the same name, and line numbers are found by the section's name.
  package static func mergeSections(_ ir: String) -> String {
    mapLines(ir) { $0.hasPrefix("@llvm.used = ") ? "" : nil }
  }

  /// Gives functions without a type in their debug info the type `int (void)`.
  ///
  /// Line tables carry no types, and LLVM's BTF writer then leaves a wild type id in the function's
  /// entry: the kernel refuses the whole BTF (seen with LLVM 21 and Linux 6.18). The type of a
  /// program's function is of no use to the verifier, which knows the context from the section.
  package static func typeFunctions(_ ir: String) -> String {
    var highest = 0
    var empty: Set<Substring> = []
    for line in ir.split(separator: "\n") where line.hasPrefix("!") {
      let digits = line.dropFirst().prefix { $0.isNumber }
      guard let number = Int(digits) else { continue }
      highest = max(highest, number)
      if line.dropFirst(1 + digits.count) == " = !{}" { empty.insert(digits) }
    }
    var changed = false
    let text = mapLines(ir) { line in
      guard let at = line.firstRange(of: "!DISubroutineType(types: ") else { return nil }
      let value = line[at.upperBound...].prefix { $0 != ")" && $0 != "," }
      guard value == "null" || (value.hasPrefix("!") && empty.contains(value.dropFirst())) else {
        return nil
      }
      changed = true
      return line[..<at.upperBound] + "!\(highest + 1)" + line[value.endIndex...]
    }
    guard changed else { return ir }
    return text + """
      !\(highest + 1) = !{!\(highest + 2)}
      !\(highest + 2) = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)

      """
  }

  /// Tells the debug information which functions the link has made internal.
  ///
  /// BTF calls them static then, and the verifier checks each call with the arguments it has. A
  /// global function would be verified by its BTF type alone, which ``typeFunctions(_:)`` invents.
  package static func localizeFunctions(_ ir: String) -> String {
    var locals: Set<Substring> = []
    for line in ir.split(separator: "\n") where line.hasPrefix("define internal ") {
      guard let at = line.firstRange(of: " !dbg !") else { continue }
      locals.insert(line[at.upperBound...].prefix { $0.isNumber })
    }
    if locals.isEmpty { return ir }
    return mapLines(ir) { line in
      guard line.hasPrefix("!"), locals.contains(line.dropFirst().prefix { $0.isNumber }),
        line.firstRange(of: "DISPFlagLocalToUnit") == nil,
        let at = line.firstRange(of: "spFlags: ")
      else { return nil }
      return line[..<at.upperBound] + "DISPFlagLocalToUnit | " + line[at.upperBound...]
    }
  }

  /// The functions of `ir` with a section of their own, in order.
  package static func programs(_ ir: String) -> [(name: String, section: String)] {
    functions(ir).compactMap { function in function.section.map { (function.name, $0) } }
  }

  /// The names that `ir` defines for other files to use, variables and functions.
  package static func globals(_ ir: String) -> [String] {
    let local = [" private ", " internal ", " external ", " appending ", " extern_weak "]
    return ir.split(separator: "\n").compactMap { line in
      let isVariable = line.hasPrefix("@") && line.firstRange(of: " = ") != nil
      guard isVariable || line.hasPrefix("define "), let name = symbol(in: line) else { return nil }
      let head = line.prefix { $0 != "{" && $0 != "(" }
      guard !local.contains(where: { head.firstRange(of: $0) != nil }) else { return nil }
      return name
    }
  }

  /// The functions defined in `ir`, with their bodies.
  static func functions(_ ir: String) -> [IRFunction] {
    var result: [IRFunction] = []
    var open: IRFunction?
    for line in ir.split(separator: "\n") {
      if line.hasPrefix("define "), let name = symbol(in: line) {
        open = IRFunction(name: name, section: attribute("section", in: line), lines: [])
      } else if line == "}", let function = open {
        result.append(function)
        open = nil
      } else {
        open?.lines.append(line)
      }
    }
    return result
  }

  /// The first symbol that a line names.
  static func symbol(in line: Substring) -> String? {
    guard let at = line.firstIndex(of: "@") else { return nil }
    let rest = line[line.index(after: at)...]
    if rest.hasPrefix("\"") { return String(rest.dropFirst().prefix { $0 != "\"" }) }
    return String(rest.prefix { $0 != "(" && $0 != " " })
  }

  private static func attribute(_ name: String, in line: Substring) -> String? {
    guard let at = line.firstRange(of: " \(name) \"") else { return nil }
    return String(line[at.upperBound...].prefix { $0 != "\"" })
  }

  private static func mapLines(
    _ text: String, _ transform: (Substring) -> (any StringProtocol)?
  ) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count + 256)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let new = transform(line) { result += String(new) } else { result += line }
      result += "\n"
    }
    if !text.hasSuffix("\n") || text.isEmpty { return result }
    return String(result.dropLast())
  }
}

/// A function's text in LLVM IR.
struct IRFunction {
  var name: String
  /// The section it was given, for a BPF program: how libbpf attaches it.
  var section: String?
  var lines: [Substring]
}

extension StringProtocol {
  func trimmingSpaces() -> String {
    var rest = self[...]
    while rest.first == " " || rest.first == "\t" { rest = rest.dropFirst() }
    while rest.last == " " || rest.last == "\t" { rest = rest.dropLast() }
    return String(rest)
  }

  func lastRange(of needle: String) -> Range<Index>? {
    var found: Range<Index>?
    var rest = self[startIndex...]
    while let next = rest.firstRange(of: needle) {
      found = next
      rest = self[index(after: next.lowerBound)...]
    }
    return found
  }

  func firstRange(of needle: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex, let candidate = self[start...].firstIndex(of: needle.first ?? "\0") {
      if self[candidate...].hasPrefix(needle) {
        return candidate..<index(candidate, offsetBy: needle.count)
      }
      start = index(after: candidate)
    }
    return nil
  }
}
