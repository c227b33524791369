import KernelObjects
import Testing

@testable import BPFPipeline

/// Runs the whole pipeline on the example, sound and broken; needs the toolchain, not the kernel.
@Suite struct PipelineTests {
  private static let hello = "\(packageRoot)/Examples/bpf-hello"

  /// Builds the example after `change` to its text: a string of one file replaced by another.
  private func build(
    _ file: String = "Programs/Hello.swift", replacing old: String = "", with new: String = "",
    asGolden: Bool = true
  ) throws(PipelineError) -> (object: BuiltObject, bytes: [UInt8], manifest: Manifest) {
    try Files.withTemporaryDirectory { (directory) throws(PipelineError) in
      let files = [
        "bpf-build.json", "Maps.bpf.c", "CKit/CKit.h", "CKit/module.modulemap",
        "Programs/Hello.swift", "Golden/hello.golden",
      ]
      for name in files {
        var text = try Files.read("\(Self.hello)/\(name)")
        if name == file, !old.isEmpty {
          #expect(text.contains(old), "the test replaces what is not there")
          text = text.replacing(old, with: new)
        }
        try Files.write(text, to: "\(directory)/\(name)")
      }
      let manifest = try Manifest(path: "\(directory)/bpf-build.json")
      let pipeline = Pipeline(
        toolchain: try Toolchain.find(), manifest: manifest, work: "\(directory)/work")
      let object = try pipeline.build(manifest.objects[0])
      let golden = try Files.read("\(manifest.golden)/hello.golden")
      #expect(Golden.differences(golden: golden, actual: object.golden).isEmpty == asGolden)
      return (object, try Files.readBytes(object.path), manifest)
    }
  }

  private func failure(
    _ file: String = "Programs/Hello.swift", replacing old: String, with new: String
  ) -> String {
    do {
      _ = try build(file, replacing: old, with: new)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func theExampleBuildsAndIsAsItsGoldenFile() throws {
    let built = try build()
    #expect(built.object.license == "Dual BSD/GPL")
    #expect(built.object.figures.contains("tp_btf/sched_process_fork: "))
    #expect(built.bytes.prefix(4) == [0x7F, 0x45, 0x4C, 0x46])
    #expect(built.object.listing.code.map(\.section) == ["tp_btf/sched_process_fork"])
    #expect(built.object.listing.sections.contains(".BTF.ext"))
  }

  @Test func twoProgramsOfOneTracepointShareItsSection() throws {
    let second = """
      import CKit
      @c @section("tp_btf/sched_process_fork") @used
      public func second(_ context: UnsafeRawPointer) -> Int32 { 0 }
      """
    let built = try build(replacing: "import CKit", with: second, asGolden: false)
    #expect(built.object.listing.sections.count { $0 == "tp_btf/sched_process_fork" } == 1)
    #expect(
      built.object.golden.contains(
        "program tp_btf/sched_process_fork countFork second atomic_fetch_add=1"))
  }

  @Test func theSameSourceGivesTheSameBytes() throws {
    // Two directories: no path may leak into the object.
    let first = try build()
    let second = try build()
    #expect(first.bytes == second.bytes)
  }

  @Test func aSwiftErrorNamesTheStageAndCarriesTheCompilersMessage() {
    let text = failure(replacing: "return 0\n}", with: "return nonsense\n}")
    #expect(text.contains("stage 'check Swift' failed for Programs"))
    #expect(text.contains("Programs/Hello.swift:") && text.contains("'nonsense'"))
  }

  @Test func aMissingUnsafeIsAnError() {
    let text = failure(replacing: "_ = unsafe kit", with: "_ = kit")
    #expect(text.contains("stage 'check Swift'") && text.contains("not marked with 'unsafe'"))
  }

  @Test func aCErrorNamesTheStage() {
    let text = failure("Maps.bpf.c", replacing: "LICENSE[] SEC", with: "LICENSE[ SEC")
    #expect(text.contains("stage 'compile maps' failed for Maps.bpf.c"))
  }

  @Test func aRelaxedClaimIsRefused() {
    let text = failure(
      "CKit/CKit.h", replacing: "return __atomic_fetch_add((uint64_t *)p, n, __ATOMIC_SEQ_CST);",
      with: """
        uint64_t before = __atomic_fetch_add((uint64_t *)p, n, __ATOMIC_RELAXED);
        *(volatile uint64_t *)p = before;
        return before;
        """)
    #expect(text.contains("program tp_btf/sched_process_fork: a relaxed atomic add"))
  }

  @Test func aClaimThatBecameACounterIsRefused() {
    // The example drops the result, so a relaxed addition is a counter, not what the manifest asks.
    let text = failure("CKit/CKit.h", replacing: "__ATOMIC_SEQ_CST", with: "__ATOMIC_RELAXED")
    #expect(text.contains("0 atomic_fetch_add, the manifest's claims ask for 1"))
  }

  @Test func aLoadAcquireFailsInTheBackEndWithoutItsStackDump() {
    let text = failure(
      "CKit/CKit.h", replacing: "return hello_config.step;",
      with: "return __atomic_load_n(&hello_config.step, __ATOMIC_ACQUIRE);")
    #expect(text.contains("stage 'generate BPF'") && text.contains("use an exchange"))
    #expect(!text.contains("Stack dump") && !text.contains("PrintStackTrace"))
  }

  @Test func aSourceWithoutProgramIsBadInput() {
    let text = failure(replacing: "@section(\"tp_btf/sched_process_fork\") ", with: "")
    #expect(text.contains("defines no program"))
  }

  @Test func aToolchainThatIsNoneIsNamed() {
    let error = #expect(throws: PipelineError.self) { try Toolchain.find("/nowhere") }
    #expect(error?.exitCode == 2)
    #expect(error.map { "\($0)" }?.contains("BPF_BUILD_TOOLCHAIN") == true)
    let none = #expect(throws: PipelineError.self) {
      try Toolchain.find(environment: ["PATH": "/nowhere"])
    }
    #expect(none?.exitCode == 1)
  }
}

/// What the build put into this package's programs.
@Suite struct KernelObjectsTests {
  /// Every object that ships is as its golden file says, and survived its way through base64.
  @Test func everyObjectIsAsItsGoldenFile() throws {
    let manifest = try Manifest(path: "\(packageRoot)/BPF/bpf-build.json")
    #expect(KernelObjects.all.map(\.name) == manifest.objects.map(\.name))
    try Files.withTemporaryDirectory { (work) throws(PipelineError) in
      let pipeline = Pipeline(toolchain: try Toolchain.find(), manifest: manifest, work: work)
      for spec in manifest.objects {
        let built = try pipeline.build(spec)
        let golden = try Files.read("\(manifest.golden)/\(spec.name).golden")
        let differences = Golden.differences(golden: golden, actual: built.golden)
        #expect(differences.isEmpty, "bpf-build golden --update BPF/bpf-build.json if it is meant")
        let shipped = KernelObjects.named(spec.name)?.bytes()
        #expect(try shipped == Files.readBytes(built.path))
      }
    }
  }
}
