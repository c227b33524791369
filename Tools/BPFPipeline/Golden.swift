/// What an object is held to from build to build: its programs, maps, data, licence and the
/// number of key instructions; not its size, which varies with the compiler.
package enum Golden {
  /// The golden text of an object.
  package static func text(name: String, listing: ObjectListing, license: String) -> String {
    var lines = ["object \(name)", "license \(license)"]
    for program in listing.programs {
      let functions = listing.symbols.filter { $0.section == program.section && $0.isFunction }
      lines.append(
        "program \(program.section) \(functions.map(\.name).sorted().joined(separator: " "))"
          + " atomic_fetch_add=\(program.fetchAdds) xchg=\(program.exchanges)")
    }
    for section in listing.sections where section == ".maps" || isData(section) {
      for symbol in listing.symbols.filter({ $0.section == section }).map(\.name).sorted() {
        lines.append("\(section == ".maps" ? "map" : "data \(section)") \(symbol)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The lines that differ: `-` golden only, `+` object only.
  package static func differences(golden: String, actual: String) -> [String] {
    let old = golden.split(separator: "\n").map(String.init)
    let new = actual.split(separator: "\n").map(String.init)
    var result: [String] = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(_, let line, _): result.append("- \(line)")
      case .insert(_, let line, _): result.append("+ \(line)")
      }
    }
    return result
  }

  private static func isData(_ section: String) -> Bool {
    [".rodata", ".data", ".bss"].contains { section == $0 || section.hasPrefix("\($0).") }
  }
}
