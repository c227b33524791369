import Testing

@testable import BPFPipeline

/// Objects inside a Swift literal. `BPFPipelineTests` is the enum that the plugin made of this
/// directory's bpf-build.json.
@Suite struct EmbeddingTests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func encodesTheVectorsOfRFC4648(text: String, expected: String) {
    #expect(Base64.encode([UInt8](text.utf8)) == expected)
  }

  @Test func encodesEveryByte() {
    #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == "+/+/")
  }

  @Test func thePluginsObjectDecodesToAnELFFileOfItsSize() {
    let object = BPFPipelineTests.hello
    let bytes = object.bytes()
    #expect(bytes.count == object.byteCount)
    #expect(bytes.prefix(4) == [0x7F, 0x45, 0x4C, 0x46])
    #expect(BPFPipelineTests.all.map(\.name) == ["hello"])
  }

  @Test func whatIsDecodedIsWhatWasBuilt() throws {
    let manifest = try Manifest(path: "\(packageRoot)/Tests/BPFPipelineTests/bpf-build.json")
    try Files.withTemporaryDirectory { (work) throws(PipelineError) in
      let pipeline = Pipeline(toolchain: try Toolchain.find(), manifest: manifest, work: work)
      let built = try pipeline.build(manifest.objects[0])
      #expect(try Files.readBytes(built.path) == BPFPipelineTests.hello.bytes())
    }
  }
}
