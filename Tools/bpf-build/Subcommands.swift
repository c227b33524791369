import ArgumentParser
import BPFPipeline

struct Build: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Build and check objects, write <name>.o.")

  @OptionGroup var common: CommonOptions

  @Option(name: .shortAndLong, help: "Where the objects go.")
  var output = "."

  @Option(help: "Keep .ll, .o and disassembly of every stage there.")
  var keep: String?

  func run() throws {
    try common.build(in: keep) { (object) throws(PipelineError) in
      let path = Files.join(Files.absolute(output), "\(object.name).o")
      try Files.copy(object.path, to: path)
      print("\(path)\n\(object.figures)")
    }
  }
}

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Build objects and write a Swift file that carries them (for the plugin).")

  @OptionGroup var common: CommonOptions

  @Option(help: "The Swift file to write.")
  var swift: String

  @Option(name: .customLong("enum"), help: "The enum that the file declares.")
  var enumName = "KernelObjects"

  @Option(help: "Where intermediate files and objects go.")
  var work: String?

  func run() throws {
    var objects: [(name: String, bytes: [UInt8])] = []
    try common.build(in: work) { (object) throws(PipelineError) in
      objects.append((object.name, try Files.readBytes(object.path)))
    }
    let source = EmbeddedSource.make(enumName: enumName, objects: objects)
    // An unchanged file stays untouched, so that what depends on it is not compiled again.
    if let old = try? Files.read(swift), old == source { return }
    try Files.write(source, to: swift)
  }
}

struct GoldenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "golden",
    abstract: "Compare objects with their golden files, or write these anew.")

  @OptionGroup var common: CommonOptions

  @Flag(help: "Write the golden files instead of comparing.")
  var update = false

  func run() throws {
    let manifest = try Manifest(path: common.manifest)
    try common.build(in: nil) { (object) throws(PipelineError) in
      let path = "\(manifest.golden)/\(object.name).golden"
      if update {
        try Files.write(object.golden, to: path)
        print("wrote \(path)")
        return
      }
      guard Files.exists(path, directory: false) else {
        throw .input(
          message: "object \(object.name) has no golden file \(path)",
          advice: "write it: bpf-build golden --update \(common.manifest)")
      }
      let differences = Golden.differences(golden: try Files.read(path), actual: object.golden)
      guard differences.isEmpty else {
        throw .golden(
          object: object.name, differences: differences,
          advice: "if the change is meant: bpf-build golden --update \(common.manifest)")
      }
      print("\(object.name): as in \(path)")
    }
  }
}
