import ArgumentParser
import BPFPipeline

@main
struct BPFBuild: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bpf-build",
    abstract: "Makes BPF objects of programs written in Swift.",
    discussion: """
      The objects, their sources and what the check expects of them stand in a manifest,
      bpf-build.json. Everything needed is in a stock Swift 6.3 toolchain: the one of the swiftc
      in PATH, or the one that BPF_BUILD_TOOLCHAIN names.
      Exit status: 0 done, 1 a stage or the check failed, 2 bad input.
      """,
    subcommands: [Build.self, Embed.self, GoldenCommand.self], defaultSubcommand: Build.self)

  /// Runs the command and ends the process, with 2 where the arguments are wrong.
  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error as PipelineError {
      Output.error("bpf-build: \(error)")
      Output.end(error.exitCode)
    } catch {
      let code = exitCode(for: error)
      if code.isSuccess {
        print(fullMessage(for: error))
        Output.end(0)
      }
      Output.error(fullMessage(for: error))
      Output.end(2)
    }
  }
}

/// What every subcommand takes.
struct CommonOptions: ParsableArguments {
  @Argument(help: "The manifest.", completion: .file(extensions: ["json"]))
  var manifest = "bpf-build.json"

  @Option(help: "The Swift toolchain's root; overrides BPF_BUILD_TOOLCHAIN and PATH.")
  var toolchain: String?

  @Option(name: .customLong("object"), help: "Only this object; may be repeated.")
  var objects: [String] = []

  /// Builds the objects asked for in `work`, or in a directory that is removed afterwards, and
  /// hands each to `body`.
  func build(
    in work: String?, _ body: (BuiltObject) throws(PipelineError) -> Void
  ) throws(PipelineError) {
    let manifest = try Manifest(path: self.manifest)
    let chosen = try manifest.select(objects)
    let toolchain = try Toolchain.find(toolchain)
    func run(_ work: String) throws(PipelineError) {
      let pipeline = Pipeline(toolchain: toolchain, manifest: manifest, work: work)
      for spec in chosen { try body(try pipeline.build(spec)) }
    }
    if let work { try run(work) } else { try Files.withTemporaryDirectory(run) }
  }
}
