/// What `llvm-objdump -h -t -d -r` tells of a BPF object.
package struct ObjectListing: Sendable, Equatable {
  package struct Symbol: Sendable, Equatable {
    package var name: String
    /// Offset in its section.
    package var value: UInt64
    /// "*UND*" if undefined.
    package var section: String
    package var isFunction: Bool
    package var isGlobal: Bool
  }

  /// A call of a function of the object.
  package struct LocalCall: Sendable, Equatable {
    /// The function, or what the disassembler says of it if no symbol fits.
    package var callee: String
    /// Offset of the callee in the section that a relocation names.
    var offset: UInt64
  }

  /// What the instructions of one section do.
  package struct Code: Sendable, Equatable {
    package var section: String
    /// Eight bytes each; a 64-bit constant counts twice, as the verifier counts it.
    package var instructions = 0
    package var fetchAdds = 0
    package var exchanges = 0
    /// Atomic additions without a result.
    package var plainAdds = 0
    /// Calls of BPF helpers, by number.
    package var helpers: [Int: Int] = [:]
    /// Calls of other functions of the object.
    package var localCalls: [LocalCall] = []
    /// Symbols that the section's relocations name.
    package var references: Set<String> = []

    package init(section: String) { self.section = section }
  }

  /// Names in file order.
  package var sections: [String] = []
  package var symbols: [Symbol] = []
  /// Sections with instructions, in file order.
  package var code: [Code] = []

  /// Reads the text that the tool printed (raw instruction bytes included).
  package init(_ text: String) {
    var current: Code?
    var inSections = false
    var inSymbols = false
    var awaitsCallee = false
    for line in text.split(separator: "\n") {
      if line.hasPrefix("Idx ") {
        (inSections, inSymbols) = (true, false)
      } else if line.hasPrefix("SYMBOL TABLE:") {
        (inSections, inSymbols) = (false, true)
      } else if line.hasPrefix("Disassembly of section ") {
        (inSections, inSymbols) = (false, false)
        if let current { code.append(current) }
        current = Code(section: String(line.dropFirst(23).dropLast()))
      } else if inSections {
        let words = line.split(separator: " ")
        if words.count >= 4, Int(words[0]) != nil { sections.append(String(words[1])) }
      } else if inSymbols {
        if let symbol = Self.symbol(line) { symbols.append(symbol) }
      } else if let at = line.firstRange(of: "R_BPF_") {
        let words = line[at.lowerBound...].split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard words.count > 1 else { continue }
        let name = String(words[1])
        current?.references.insert(name)
        if awaitsCallee, let last = current?.localCalls.indices.last {
          current?.localCalls[last].callee = name
        }
      } else if let bytes = Self.instruction(line) {
        awaitsCallee = current?.add(bytes.code, line[bytes.text...]) ?? false
      }
    }
    if let current { code.append(current) }
    nameCallees()
  }

  /// Finds the functions that relocations name by section and offset only.
  private mutating func nameCallees() {
    for section in code.indices {
      for call in code[section].localCalls.indices {
        let target = code[section].localCalls[call]
        let function = symbols.first {
          $0.isFunction && $0.section == target.callee && $0.value == target.offset
        }
        if let function { code[section].localCalls[call].callee = function.name }
      }
    }
  }

  /// Sections that hold programs: code outside `.text`.
  package var programs: [Code] { code.filter { !Self.isText($0.section) } }

  static func isText(_ section: String) -> Bool {
    section == ".text" || section.hasPrefix(".text.")
  }

  private static func symbol(_ line: Substring) -> Symbol? {
    // "0000000000000000 g     F tp_btf/x<TAB>0000000000000070 .protected name"
    let halves = line.split(separator: "\t", maxSplits: 1)
    guard halves.count == 2, halves[0].count > 24,
      let name = halves[1].split(separator: " ").last
    else { return nil }
    let flags = halves[0].dropFirst(16).prefix(9)
    let section = halves[0].dropFirst(25).trimmingSpaces()
    guard !flags.contains("d") else { return nil }
    return Symbol(
      name: String(name), value: UInt64(halves[0].prefix(16), radix: 16) ?? 0, section: section,
      isFunction: flags.contains("F"),
      isGlobal: flags.contains("g"))
  }

  private static func instruction(_ line: Substring) -> (code: [UInt8], text: Substring.Index)? {
    // "       6:<TAB>85 00 00 00 01 00 00 00<TAB>call 0x1"
    let parts = line.split(separator: "\t")
    guard parts.count >= 2, parts[0].trimmingSpaces().hasSuffix(":") else { return nil }
    let bytes = parts[1].split(separator: " ").compactMap { UInt8($0, radix: 16) }
    guard bytes.count >= 8 else { return nil }
    return (bytes, parts.count > 2 ? parts[2].startIndex : line.endIndex)
  }
}

extension ObjectListing.Code {
  /// Counts one instruction; true if it calls a function whose name a relocation may give.
  fileprivate mutating func add(_ bytes: [UInt8], _ text: Substring) -> Bool {
    instructions += bytes.count / 8
    let immediate = bytes[4..<8].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    switch bytes[0] {
    case 0xC3, 0xDB:  // atomic on 32 or 64 bits; the immediate says which
      switch immediate {
      case 0x00: plainAdds += 1
      case 0x01: fetchAdds += 1
      case 0xE1: exchanges += 1
      default: break
      }
    case 0x85 where bytes[1] >> 4 == 0:
      helpers[Int(immediate), default: 0] += 1
    case 0x85:
      // Relative to the next instruction; with a relocation, to its symbol.
      localCalls.append(
        ObjectListing.LocalCall(
          callee: text.trimmingSpaces(), offset: UInt64(immediate &+ 1) &* 8))
      return true
    default: break
    }
    return false
  }
}
