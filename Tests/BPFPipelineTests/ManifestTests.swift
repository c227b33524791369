import Testing

@testable import BPFPipeline

@Suite struct ManifestTests {
  private static let least =
    #"{"name": "a", "programs": "Programs", "maps": "Maps.bpf.c"}"#

  @Test func readsAnObjectAndResolvesPaths() throws {
    let manifest = try Manifest(
      json: """
        {"root": "..", "swiftFlags": ["-x"], "objects": [
          {"name": "a", "clangModules": ["C"], "modules": [{"name": "M", "path": "Sources/M"}],
           "programs": "P", "maps": "m.c", "swiftFlags": ["-y"], "claims": {"tp_btf/x": 2}}]}
        """, path: "/p/BPF/bpf-build.json")
    #expect(manifest.root == "/p")
    #expect(manifest.golden == "/p/BPF/Golden")
    let object = try #require(manifest.objects.first)
    #expect(object.modules == [ModuleSpec(name: "M", path: "Sources/M")])
    #expect(object.swiftFlags == ["-x", "-y"])
    #expect(object.defines == ["SEQ_TARGET_BPF"])
    #expect(object.claims == ["tp_btf/x": 2])
  }

  @Test func anEmptyListIsNoError() throws {
    let manifest = try Manifest(json: #"{"objects": []}"#, path: "/p/bpf-build.json")
    #expect(manifest.objects.isEmpty)
    #expect(manifest.root == "/p")
  }

  @Test(arguments: [
    ("{", "top level"),
    ("{}", "no key 'objects'"),
    (#"{"objects": [{"name": "a"}]}"#, "no key 'programs'"),
    (#"{"objects": [], "claim": {}}"#, "unknown key 'claim'"),
    (#"{"objects": [{"name": "a", "programs": 1, "maps": "m"}]}"#, ".objects[0].programs"),
    (
      #"{"objects": [{"name": "a-b", "programs": "P", "maps": "m"}]}"#, "'a-b' is not an identifier"
    ),
    ("{\"objects\": [\(least), \(least)]}", "two objects are named 'a'"),
  ])
  func refusesWithTheReason(json: String, reason: String) {
    let error = #expect(throws: PipelineError.self) {
      try Manifest(json: json, path: "/p/bpf-build.json")
    }
    #expect(error?.exitCode == 2)
    #expect(error.map { "\($0)" }?.contains(reason) == true, "\(String(describing: error))")
  }

  @Test func namesAMissingPathAndTheRoot() throws {
    try Files.withTemporaryDirectory { (directory) throws(PipelineError) in
      let path = "\(directory)/bpf-build.json"
      try Files.write("{\"objects\": [\(Self.least)]}", to: path)
      let error = #expect(throws: PipelineError.self) { try Manifest(path: path) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.contains("no directory Programs") && text.contains(directory))
    }
  }

  @Test func selectsByNameOrSaysWhatThereIs() throws {
    let manifest = try Manifest(json: "{\"objects\": [\(Self.least)]}", path: "/p/b.json")
    #expect(try manifest.select(["a"]).count == 1)
    let error = #expect(throws: PipelineError.self) { try manifest.select(["b"]) }
    #expect(error.map { "\($0)" }?.contains("it has: a") == true)
  }
}
