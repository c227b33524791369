import Foundation

/// A finished object.
package struct BuiltObject: Sendable {
  package var name: String
  /// Where the ELF file lies.
  package var path: String
  package var listing: ObjectListing
  /// The text of the `license` section.
  package var license: String

  /// Programs and their sizes, one a line.
  package var figures: String {
    listing.programs.map { program in
      "\(program.section): \(program.instructions) instructions,"
        + " \(program.fetchAdds) atomic_fetch_add, \(program.exchanges) xchg,"
        + " \(program.plainAdds) atomic add"
    }.joined(separator: "\n")
  }

  /// The text of the object's golden file.
  package var golden: String { Golden.text(name: name, listing: listing, license: license) }
}

/// Makes BPF objects of Swift programs; see docs/bpf-pipeline.md for why each stage is there.
package struct Pipeline: Sendable {
  package let toolchain: Toolchain
  package let manifest: Manifest
  /// Where intermediate files go; one directory an object.
  package let work: String

  package init(toolchain: Toolchain, manifest: Manifest, work: String) {
    self.toolchain = toolchain
    self.manifest = manifest
    self.work = Files.absolute(work)
  }

  /// Builds and checks one object. Leaves `programs.ll`, `linked.ll`, `<name>.o` and
  /// `<name>.disassembly` in the object's directory below ``work``.
  package func build(_ spec: ObjectSpec) throws(PipelineError) -> BuiltObject {
    let place = "\(work)/\(spec.name)"
    try Files.makeDirectory(place)
    for module in spec.modules { try compile(module, spec, place) }
    let entry = try compilePrograms(spec, place)
    let maps = try compileMaps(spec, place)
    let ir = try link(spec, place, entry: entry, keep: maps)
    // Before the back end, which would crash on some of them and says less than the IR.
    try refuse(IRCheck.findings(ir, spec: spec), spec)
    let object = try generate(spec, place)
    let built = try inspect(spec, place, object: object)
    try refuse(ObjectCheck.findings(built.listing, ir: ir, spec: spec), spec)
    return built
  }

  private func refuse(_ findings: [Finding], _ spec: ObjectSpec) throws(PipelineError) {
    guard findings.isEmpty else { throw .check(object: spec.name, findings: findings) }
  }

  // MARK: Stages

  private func compile(
    _ module: ModuleSpec, _ spec: ObjectSpec, _ place: String
  ) throws(PipelineError) {
    let sources = try swiftSources(module.path, spec)
    let common = swiftArguments(spec, place) + ["-module-name", module.name]
    try typecheck(common, sources, spec, module.name)
    try run(
      .module, "swiftc",
      common + generation + [
        "-emit-module", "-emit-module-path", "\(place)/\(module.name).swiftmodule",
      ] + sources, spec, subject: "module \(module.name)")
  }

  private func compilePrograms(
    _ spec: ObjectSpec, _ place: String
  ) throws(PipelineError) -> String {
    let sources = try swiftSources(spec.programs, spec)
    let common = swiftArguments(spec, place) + ["-module-name", "Programs_\(spec.name)"]
    try typecheck(common, sources, spec, spec.programs)
    let raw = "\(place)/programs.ll"
    try run(
      .programs, "swiftc", common + generation + ["-emit-ir", "-o", raw] + sources, spec,
      subject: spec.programs)
    let ir = IRText.inlineLocals(IRText.releaseRuntime(try Files.read(raw)))
    guard let entry = IRText.programs(ir).first else {
      throw .input(
        message: "object \(spec.name): \(spec.programs) defines no program",
        advice: "mark one with @c @section(\"tp_btf/…\") @used public func")
    }
    try Files.write(ir, to: raw)
    try run(
      .bitcode, "clang",
      // Optimized once more: the always-inliner runs here, before the link drops what is unused.
      ["-target", Toolchain.clangTarget, "-O2", "-Wno-override-module", "-c", "-emit-llvm"]
        + ["-x", "ir", raw, "-o", "\(place)/programs.bc"], spec, subject: "programs.ll")
    return entry.name
  }

  /// Compiles the maps file; returns the names it defines, which the link must keep.
  private func compileMaps(
    _ spec: ObjectSpec, _ place: String
  ) throws(PipelineError) -> [String] {
    let base =
      [
        "-target", Toolchain.clangTarget, "-ffreestanding", "-g", "-O2", "-Wall", "-Werror",
        "-ffile-prefix-map=\(manifest.root)=.", "-fdebug-compilation-dir=.",
      ] + spec.defines.map { "-D\($0)" } + spec.clangModules.flatMap { ["-I", $0] }
      + SystemHeaders.directories.flatMap { ["-idirafter", $0] } + spec.cFlags
    try run(
      .maps, "clang", base + ["-c", "-emit-llvm", spec.maps, "-o", "\(place)/maps.bc"], spec,
      subject: spec.maps)
    let text = "\(place)/maps.ll"
    try run(
      .disassemble, "clang", disassembly + ["\(place)/maps.bc", "-o", text], spec,
      subject: "maps.bc")
    return IRText.globals(try Files.read(text))
  }

  /// Links programs and maps, drops the rest; returns the IR that the object is made of.
  private func link(
    _ spec: ObjectSpec, _ place: String, entry: String, keep: [String]
  ) throws(PipelineError) -> String {
    // Undefined symbols pass here: the object check names the program that wants them.
    try run(
      .link, "ld.lld",
      ["-m", "elf64lriscv", "-e", entry, "--lto-emit-llvm", "--unresolved-symbols=ignore-all"]
        + keep.flatMap { ["-u", $0] }
        + ["\(place)/programs.bc", "\(place)/maps.bc", "-o", "\(place)/linked.bc"], spec,
      subject: "programs and maps")
    let text = "\(place)/linked.ll"
    try run(
      .disassemble, "clang", disassembly + ["\(place)/linked.bc", "-o", text], spec,
      subject: "linked.bc")
    let ir = IRText.mergeSections(
      IRText.localizeFunctions(IRText.typeFunctions(try Files.read(text))))
    try Files.write(ir, to: text)
    return ir
  }

  private func generate(_ spec: ObjectSpec, _ place: String) throws(PipelineError) -> String {
    let raw = "\(place)/raw.o"
    try run(
      .generate, "clang",
      ["-target", "bpfel", "-mcpu=v3", "-O2", "-g", "-Wno-override-module", "-x", "ir", "-c"]
        + ["\(place)/linked.ll", "-o", raw], spec, subject: "linked.ll")
    let object = "\(place)/\(spec.name).o"
    var unwanted = [".swift1_autolink_entries", ".linker-options", ".llvm_addrsig"]
    // An empty .text is what is left when every function was inlined; a full one is for the check.
    let sections = try run(.inspect, "llvm-objdump", ["-h", raw], spec, subject: "raw.o")
    if isEmptyText(sections) { unwanted.append(".text") }
    try run(
      .clean, "llvm-objcopy",
      unwanted.flatMap { ["-R", $0] } + ["--strip-debug", raw, object], spec, subject: "raw.o")
    return object
  }

  private func inspect(
    _ spec: ObjectSpec, _ place: String, object: String
  ) throws(PipelineError) -> BuiltObject {
    let text = try run(
      .inspect, "llvm-objdump", ["-h", "-t", "-d", "-r", object], spec, subject: "\(spec.name).o")
    try Files.write(text, to: "\(place)/\(spec.name).disassembly")
    let listing = ObjectListing(text)
    var license = ""
    if listing.sections.contains("license") {
      let file = "\(place)/license"
      try run(
        .inspect, "llvm-objcopy", ["--dump-section", "license=\(file)", object, "/dev/null"], spec,
        subject: "\(spec.name).o")
      license = String(decoding: try Files.readBytes(file).prefix { $0 != 0 }, as: UTF8.self)
    }
    return BuiltObject(name: spec.name, path: object, listing: listing, license: license)
  }

  // MARK: Arguments

  private func swiftSources(
    _ path: String, _ spec: ObjectSpec
  ) throws(PipelineError) -> [String] {
    let sources = Files.list(path, suffix: ".swift", root: manifest.root)
    guard sources.isEmpty else { return sources }
    throw .input(
      message: "object \(spec.name): no .swift file in \(path)",
      advice: "paths are relative to \(manifest.root)")
  }

  private func swiftArguments(_ spec: ObjectSpec, _ place: String) -> [String] {
    [
      "-target", Toolchain.swiftTarget, "-enable-experimental-feature", "Embedded", "-wmo",
      "-parse-as-library", "-swift-version", "6", "-warnings-as-errors", "-I", place,
      "-module-cache-path", "\(work)/ModuleCache",
      // A BPF program has no canary to compare with.
      "-Xfrontend", "-disable-stack-protector",
    ] + spec.clangModules.flatMap { ["-I", $0] }
      + spec.defines.flatMap { ["-D\($0)", "-Xcc", "-D\($0)"] } + spec.swiftFlags
  }

  /// Arguments of code generation only: strict memory safety and `-Ounchecked` exclude each other.
  private var generation: [String] {
    [
      "-Ounchecked", "-gline-tables-only", "-debug-prefix-map", "\(manifest.root)=.",
      "-file-compilation-dir", ".",
    ]
  }

  private var disassembly: [String] {
    [
      "-target", Toolchain.clangTarget, "-Wno-override-module", "-x", "ir", "-S", "-emit-llvm",
      "-Xclang", "-disable-llvm-passes",
    ]
  }

  private func typecheck(
    _ common: [String], _ sources: [String], _ spec: ObjectSpec, _ subject: String
  ) throws(PipelineError) {
    try run(
      .typecheck, "swiftc", common + ["-strict-memory-safety", "-typecheck"] + sources, spec,
      subject: subject)
  }

  private func isEmptyText(_ sections: String) -> Bool {
    sections.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count > 2 && words[1] == ".text" && words[2].allSatisfy { $0 == "0" }
    }
  }

  @discardableResult
  private func run(
    _ stage: Stage, _ tool: String, _ arguments: [String], _ spec: ObjectSpec, subject: String
  ) throws(PipelineError) -> String {
    let result = try Subprocess.run(toolchain.tool(tool), arguments, in: manifest.root)
    guard result.status == 0 else {
      throw .stage(
        stage, object: spec.name, subject: subject, output: Advice.essence(result.text),
        advice: Advice.text(for: stage, output: result.text))
    }
    return result.text
  }
}
