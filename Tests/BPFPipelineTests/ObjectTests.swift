import Testing

@testable import BPFPipeline

@Suite struct ObjectTests {
  private let claim = ir("  %7 = atomicrmw add ptr %3, i64 1 seq_cst\n  store i64 %7, ptr %4")

  @Test func aListingIsRead() throws {
    let listing = ObjectListing(disassembly())
    #expect(listing.sections.contains("tp_btf/x") && listing.sections.contains("license"))
    let program = try #require(listing.programs.first)
    #expect(program.instructions == 7)
    #expect(program.fetchAdds == 1)
    #expect(program.exchanges == 1)
    #expect(program.plainAdds == 1)
    #expect(program.helpers == [1: 1])
    #expect(program.references == ["counters"])
    let handle = try #require(listing.symbols.first { $0.name == "handle" })
    #expect(handle.section == "tp_btf/x" && handle.isFunction && handle.isGlobal)
  }

  @Test func aCleanObjectPasses() {
    let listing = ObjectListing(disassembly())
    #expect(ObjectCheck.findings(listing, ir: claim, spec: spec(claims: ["tp_btf/x": 1])).isEmpty)
  }

  @Test func aLostClaimIsFound() {
    let findings = ObjectCheck.findings(
      ObjectListing(disassembly()), ir: claim, spec: spec(claims: ["tp_btf/x": 2]))
    #expect(findings.map(\.program) == ["tp_btf/x"])
    #expect(findings.first?.problem.contains("ask for 2") == true)
  }

  @Test func aResultThatTheBackEndDroppedIsFound() {
    let two = ir(
      """
        %7 = atomicrmw add ptr %3, i64 1 seq_cst
        %8 = atomicrmw add ptr %3, i64 %7 seq_cst
        store i64 %8, ptr %4
      """)
    let findings = ObjectCheck.findings(ObjectListing(disassembly()), ir: two, spec: spec())
    #expect(findings.first?.problem.contains("the IR uses 2 results") == true)
  }

  @Test func aClaimOfAnUnknownProgramIsFound() {
    let findings = ObjectCheck.findings(
      ObjectListing(disassembly()), ir: claim, spec: spec(claims: ["tp_btf/y": 1]))
    #expect(findings.first?.program == "tp_btf/y")
    #expect(findings.first?.advice.contains("tp_btf/x") == true)
  }

  @Test(arguments: [
    ("__bpf_trap", "can trap"), ("swift_retain", "Swift runtime"), ("free", "Swift runtime"),
    ("$es5ArrayV", "Swift runtime"), ("memcpy", "not inlined"), ("nobody", "nobody defines"),
  ])
  func anUndefinedSymbolIsFoundInItsProgram(symbol: String, problem: String) throws {
    let text = disassembly(
      symbols: "0000000000000000         *UND*\t0000000000000000 \(symbol)",
      instructions: """
               6:\t85 10 00 00 ff ff ff ff\tcall -0x1
        \t\t0000000000000030:  R_BPF_64_32\t\(symbol)
        """)
    let findings = ObjectCheck.findings(ObjectListing(text), ir: claim, spec: spec())
    #expect(findings.count == 1)
    let finding = try #require(findings.first)
    #expect(finding.program == "tp_btf/x" && finding.symbol == symbol)
    #expect(finding.problem.contains(problem))
    let allowed = ObjectCheck.findings(
      ObjectListing(text), ir: claim, spec: spec(externs: [symbol]))
    #expect(allowed.isEmpty)
  }

  @Test func aCallOfALocalFunctionIsFound() {
    let text = disassembly(
      symbols: "0000000000000000 l     F .text\t0000000000000020 helper",
      instructions: """
               6:\t85 10 00 00 ff ff ff ff\tcall -0x1
        \t\t0000000000000030:  R_BPF_64_32\thelper
        """)
    let findings = ObjectCheck.findings(ObjectListing(text), ir: claim, spec: spec())
    #expect(findings.map(\.symbol) == ["helper"])
    let allowed = ObjectCheck.findings(
      ObjectListing(text), ir: claim, spec: spec(localFunctions: ["helper"]))
    #expect(allowed.isEmpty)
  }

  @Test func aCalleeIsFoundByItsOffset() {
    let text = disassembly(
      symbols: """
        0000000000000000 l     F .text\t0000000000000020 other
        0000000000000020 l     F .text\t0000000000000020 helper
        """,
      instructions: """
               6:\t85 10 00 00 03 00 00 00\tcall 0x3
        \t\t0000000000000030:  R_BPF_64_32\t.text
        """)
    let findings = ObjectCheck.findings(ObjectListing(text), ir: claim, spec: spec())
    #expect(findings.map(\.symbol) == ["helper"])
  }

  @Test func aRemnantOfTheRuntimeIsFound() {
    let text = disassembly(
      symbols: "0000000000000000 w     F .text.unlikely.\t0000000000000020 _swift_x")
    let findings = ObjectCheck.findings(ObjectListing(text), ir: claim, spec: spec())
    #expect(findings.map(\.symbol) == ["_swift_x"])
  }

  @Test func aSecondBSSIsFound() {
    let text = disassembly(
      sections: "  7 .bss.control                  00000020 0000000000000000 BSS")
    let findings = ObjectCheck.findings(ObjectListing(text), ir: claim, spec: spec())
    #expect(findings.map(\.symbol) == [".bss.control"])
  }

  @Test func anEmptyObjectLacksEverything() {
    let findings = ObjectCheck.findings(ObjectListing(""), ir: "", spec: spec())
    #expect(findings.count == 3)
  }

  @Test func theGoldenTextAndItsDifferences() {
    let text = Golden.text(
      name: "test", listing: ObjectListing(disassembly()), license: "Dual BSD/GPL")
    #expect(
      text == """
        object test
        license Dual BSD/GPL
        program tp_btf/x handle atomic_fetch_add=1 xchg=1
        map counters

        """)
    #expect(Golden.differences(golden: text, actual: text).isEmpty)
    let other = text.replacing("xchg=1", with: "xchg=0")
    #expect(
      Golden.differences(golden: text, actual: other) == [
        "- program tp_btf/x handle atomic_fetch_add=1 xchg=1",
        "+ program tp_btf/x handle atomic_fetch_add=1 xchg=0",
      ])
  }
}
