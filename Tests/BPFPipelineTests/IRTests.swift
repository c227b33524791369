import Testing

@testable import BPFPipeline

@Suite struct IRTests {
  @Test func aClaimWithFullOrderPasses() {
    let text = ir("  %7 = atomicrmw add ptr %3, i64 1 seq_cst, align 8\n  store i64 %7, ptr %4")
    #expect(IRCheck.findings(text, spec: spec()).isEmpty)
    #expect(IRCheck.wantedResults(text) == ["tp_btf/x": 1])
  }

  @Test(arguments: ["add", "sub", "and", "or", "xor"])
  func aRelaxedOperationWithAUsedResultIsFound(operation: String) throws {
    let text = ir(
      "  %7 = atomicrmw \(operation) ptr %3, i64 1 monotonic, align 8\n  store i64 %7, ptr %4")
    let finding = try #require(IRCheck.findings(text, spec: spec()).first)
    #expect(finding.program == "tp_btf/x")
    #expect(finding.problem.contains("relaxed atomic \(operation)"))
    #expect(finding.problem.contains("210280"))
  }

  @Test func aRelaxedCounterPasses() {
    // %70 is not %7.
    let text = ir(
      "  %7 = atomicrmw add ptr %3, i64 1 monotonic, align 8\n  store i64 %70, ptr %4")
    #expect(IRCheck.findings(text, spec: spec()).isEmpty)
  }

  @Test(
    arguments: [
      ("  call void @llvm.trap()", nil, "can trap"),
      (
        "  %2 = call noundef range(i32 0, 5) i32 @nobody(ptr @counters)", "nobody", "nobody defines"
      ),
      ("  call void @swift_release(ptr %2)", "swift_release", "runtime"),
      ("  %2 = tail call i64 @\"$e1P1fyyF\"(i64 1)", "$e1P1fyyF", "not inlined"),
      ("  %2 = call ptr @memcpy(ptr %0, ptr %1, i64 9)", "memcpy", "not inlined"),
    ] as [(String, String?, String)])
  func aCallThatCanNotBeIsFound(line: String, symbol: String?, problem: String) throws {
    let text = ir(line, more: "define i64 @\"$e1P1fyyF\"(i64 %0) {\n  ret i64 1\n}\n")
    let finding = try #require(IRCheck.findings(text, spec: spec()).first)
    #expect(finding.program == "tp_btf/x")
    #expect(finding.symbol == symbol)
    #expect(finding.problem.contains(problem))
  }

  @Test(arguments: [
    "  %3 = call ptr inttoptr (i64 1 to ptr)(ptr @counters, ptr %2) #5",
    "  call void @llvm.lifetime.start.p0(i64 4, ptr nonnull %2)",
    "  %3 = call i64 asm sideeffect \"$0 = @x\", \"=r\"()",
    "  %3 = call i64 @kernel_function(i64 4)",
    "  %3 = call i64 @local(i64 4)",
  ])
  func aCallThatIsWantedPasses(line: String) {
    let text = ir(line, more: "define i64 @local(i64 %0) {\n  ret i64 1\n}\n")
    let spec = spec(localFunctions: ["local"], externs: ["kernel_function"])
    #expect(IRCheck.findings(text, spec: spec).isEmpty)
  }

  @Test func theRuntimeIsReleasedAndProgramsStay() {
    let text = """
      @x = global i64 0
      @llvm.used = appending global [3 x ptr] [ptr @_swift1_autolink_entries, \
      ptr @_swift_exceptionPersonality, ptr @handle], section "llvm.metadata"

      """
    #expect(
      IRText.releaseRuntime(text) == """
        @x = global i64 0
        @llvm.used = appending global [1 x ptr] [ptr @handle], section "llvm.metadata"

        """)
    let alone = "@llvm.used = appending global [1 x ptr] [ptr @_swift_exceptionPersonality], x\n"
    #expect(!IRText.releaseRuntime(alone).contains("llvm.used"))
  }

  @Test func nothingIsRetainedAfterTheLink() {
    let text = ir("")
    #expect(text.contains("@llvm.used"))
    #expect(!IRText.mergeSections(text).contains("@llvm.used"))
    #expect(IRText.programs(IRText.mergeSections(text)).map(\.name) == ["handle"])
  }

  @Test func onlyInternalFunctionsBecomeStatic() {
    let text = """
      define internal i64 @f(i64 %0) unnamed_addr #0 !dbg !7 {
      define i64 @g(i64 %0) !dbg !8 {
      !7 = distinct !DISubprogram(name: "f", spFlags: DISPFlagDefinition, unit: !0)
      !8 = distinct !DISubprogram(name: "g", spFlags: DISPFlagDefinition, unit: !0)

      """
    let local = IRText.localizeFunctions(text)
    #expect(local.contains("\"f\", spFlags: DISPFlagLocalToUnit | DISPFlagDefinition"))
    #expect(local.contains("\"g\", spFlags: DISPFlagDefinition"))
  }

  @Test func functionsWithoutATypeGetOne() {
    let text = """
      !7 = !{}
      !8 = !DISubroutineType(types: null)
      !9 = !DISubroutineType(types: !7)
      !10 = !DISubroutineType(types: !11)
      !11 = !{!12}

      """
    let typed = IRText.typeFunctions(text)
    #expect(typed.contains("!8 = !DISubroutineType(types: !12)"))
    #expect(typed.contains("!9 = !DISubroutineType(types: !12)"))
    #expect(typed.contains("!10 = !DISubroutineType(types: !11)"))
    #expect(typed.contains("!12 = !{!13}"))
    #expect(IRText.typeFunctions("!1 = !{}\n") == "!1 = !{}\n")
  }

  @Test func globalsAreThoseOthersCanUse() {
    let text = """
      @.str = private unnamed_addr constant [2 x i8] c"a\\00", align 1
      @counters = dso_local global %maps zeroinitializer, section ".maps", align 8
      @config = dso_local constant %c { i64 1 }, align 8
      @llvm.used = appending global [1 x ptr] [ptr @counters], section "llvm.metadata"
      @missing = external global i64
      define dso_local i32 @helper(ptr %0) {
      }
      define internal i32 @inside(ptr %0) {
      }
      """
    #expect(IRText.globals(text) == ["counters", "config", "helper"])
    #expect(IRText.programs(ir("")).map(\.section) == ["tp_btf/x"])
  }
}
