/// A defect of an object: where, what, and what to do.
package struct Finding: Sendable, Equatable, CustomStringConvertible {
  /// The program's section or function; nil if the defect is the object's.
  package var program: String?
  package var symbol: String?
  package var problem: String
  package var advice: String

  package init(program: String?, symbol: String?, problem: String, advice: String) {
    self.program = program
    self.symbol = symbol
    self.problem = problem
    self.advice = advice
  }

  package var description: String {
    let place = [program.map { "program \($0)" }, symbol.map { "symbol \($0)" }]
      .compactMap(\.self).joined(separator: ", ")
    return "\(place.isEmpty ? "" : place + ": ")\(problem)\n    \(advice)"
  }
}

/// Looks for mistakes that compile in silence and would be loaded, or refused without a reason
/// that helps.
package enum ObjectCheck {
  /// Every defect of an object that its listing shows; `ir` is what it was made of, and has
  /// passed ``IRCheck``.
  package static func findings(
    _ listing: ObjectListing, ir: String, spec: ObjectSpec
  ) -> [Finding] {
    claims(listing, ir: ir, spec: spec) + symbols(listing, spec: spec)
      + calls(listing, spec: spec) + sections(listing)
  }

  /// Claims that must be fetch-adds: those the manifest tells, and those the IR wants.
  private static func claims(
    _ listing: ObjectListing, ir: String, spec: ObjectSpec
  ) -> [Finding] {
    var result: [Finding] = []
    let wanted = IRCheck.wantedResults(ir)
    for program in listing.programs {
      let told = spec.claims[program.section, default: 0]
      if program.fetchAdds < told {
        result.append(
          Finding(
            program: program.section, symbol: nil,
            problem: "\(program.fetchAdds) atomic_fetch_add, the manifest's claims ask for \(told)",
            advice: "the claim was lost or folded: look at its ordering, or correct 'claims'"))
      }
      let inIR = wanted[program.section, default: 0]
      if program.fetchAdds < inIR {
        result.append(
          Finding(
            program: program.section, symbol: nil,
            problem: "\(program.fetchAdds) atomic_fetch_add, but the IR uses \(inIR) results",
            advice: "the back end dropped a result; keep the files (--keep) and report it"))
      }
    }
    let present = Set(listing.programs.map(\.section))
    for section in spec.claims.keys.sorted() where !present.contains(section) {
      result.append(
        Finding(
          program: section, symbol: nil,
          problem: "named in the manifest's claims, not in the object",
          advice: "the programs are: \(listing.programs.map(\.section).joined(separator: ", "))"))
    }
    return result
  }

  /// Undefined symbols and what is left of the Swift runtime.
  private static func symbols(_ listing: ObjectListing, spec: ObjectSpec) -> [Finding] {
    var result: [Finding] = []
    for symbol in listing.symbols where symbol.section == "*UND*" {
      guard !symbol.name.isEmpty, !spec.externs.contains(symbol.name) else { continue }
      let users = listing.code.filter { $0.references.contains(symbol.name) }.map(\.section)
      for user in users.isEmpty ? [nil] : users.map(Optional.init) {
        result.append(Symbols.undefined(symbol.name, in: user))
      }
    }
    for symbol in listing.symbols where symbol.isFunction && ObjectListing.isText(symbol.section) {
      guard !spec.localFunctions.contains(symbol.name) else { continue }
      guard Symbols.isRuntime(symbol.name) else { continue }
      result.append(
        Finding(
          program: nil, symbol: symbol.name, problem: "a function of the Swift runtime is left",
          advice: Symbols.runtimeAdvice))
    }
    return result
  }

  /// Calls from programs to functions of the object: they should have been inlined.
  private static func calls(_ listing: ObjectListing, spec: ObjectSpec) -> [Finding] {
    listing.programs.flatMap { program in
      Set(program.localCalls.map(\.callee)).sorted()
        .filter { name in
          !spec.localFunctions.contains(name) && !spec.externs.contains(name)
            && !listing.symbols.contains { $0.name == name && $0.section == "*UND*" }
        }
        .map { Symbols.notInlined($0, in: program.section) }
    }
  }

  /// Sections that libbpf needs, and those it can't take.
  private static func sections(_ listing: ObjectListing) -> [Finding] {
    var result: [Finding] = []
    if listing.programs.isEmpty {
      result.append(
        Finding(
          program: nil, symbol: nil, problem: "the object has no program",
          advice: "mark one with @c @section(\"tp_btf/…\") @used public func"))
    }
    if !listing.sections.contains("license") {
      result.append(
        Finding(
          program: nil, symbol: nil, problem: "no section 'license': helpers for GPL are refused",
          advice: "char LICENSE[] SEC(\"license\") = \"Dual BSD/GPL\"; in the maps file"))
    }
    if !listing.sections.contains(".BTF") {
      result.append(
        Finding(
          program: nil, symbol: nil, problem: "no BTF: libbpf can't read the maps",
          advice: "the maps file must define at least one map or global"))
    }
    for section in listing.sections where section.hasPrefix(".bss.") {
      result.append(
        Finding(
          program: nil, symbol: section, problem: "libbpf before 1.3 takes one .bss, no .bss.name",
          advice: "leave the section attribute away, or use .data.name"))
    }
    return result
  }
}
