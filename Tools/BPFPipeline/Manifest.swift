import Foundation

/// What to build: the content of a `bpf-build.json`, with every path made absolute.
///
/// Paths in the file are relative to its `root` key, which is itself relative to the file's own
/// directory and "." if absent. Unknown keys are errors, so that a typing error can't switch a
/// check off.
package struct Manifest: Sendable {
  /// Absolute path of the file.
  package let path: String
  /// Absolute directory that paths in the file are relative to; the tools run in it.
  package let root: String
  /// Absolute directory of the golden files.
  package let golden: String
  package let objects: [ObjectSpec]

  /// Reads the manifest at `path`.
  package init(path: String) throws(PipelineError) {
    let text = try Files.read(path, asked: true)
    try self.init(json: text, path: Files.absolute(path))
    for object in objects { try object.requirePaths(in: self) }
  }

  /// Reads a manifest from `json` as if it lay at `path`; does not look at the disk.
  package init(json: String, path: String) throws(PipelineError) {
    let file: ManifestFile
    do {
      file = try JSONDecoder().decode(ManifestFile.self, from: Data(json.utf8))
    } catch let error as DecodingError {
      throw .input(
        message: "\(path): \(describe(error))", advice: "docs/bpf-pipeline.md lists the keys")
    } catch {
      throw .input(message: "\(path): \(error)", advice: "docs/bpf-pipeline.md lists the keys")
    }
    self.path = path
    let directory = Files.parent(of: path)
    root = Files.join(directory, file.root)
    golden = file.golden.map { [root] in Files.join(root, $0) } ?? Files.join(directory, "Golden")
    objects = file.objects.map { object in
      var object = object
      object.swiftFlags = file.swiftFlags + object.swiftFlags
      object.cFlags = file.cFlags + object.cFlags
      return object
    }
    var names: Set<String> = []
    for object in objects {
      guard isIdentifier(object.name) else {
        throw .input(
          message: "\(path): object name '\(object.name)' is not an identifier",
          advice: "it becomes a file name and a Swift property: letters, digits, '_'")
      }
      guard names.insert(object.name).inserted else {
        throw .input(
          message: "\(path): two objects are named '\(object.name)'", advice: "rename one")
      }
      for module in object.modules where !isIdentifier(module.name) {
        throw .input(
          message: "\(path): module name '\(module.name)' is not an identifier",
          advice: "use the name that the programs import")
      }
    }
  }

  /// The objects called `names`, or all if `names` is empty.
  package func select(_ names: [String]) throws(PipelineError) -> [ObjectSpec] {
    for name in names where !objects.contains(where: { $0.name == name }) {
      throw .input(
        message: "\(path): no object '\(name)'",
        advice: "it has: \(objects.map(\.name).joined(separator: ", "))")
    }
    return names.isEmpty ? objects : objects.filter { names.contains($0.name) }
  }
}

/// A Swift module that programs import: its name and the directory of its sources.
package struct ModuleSpec: Sendable, Equatable {
  package var name: String
  package var path: String
}

/// One BPF object: sources, and what its check should expect.
package struct ObjectSpec: Sendable, Equatable {
  package var name: String
  /// Directories with a module.modulemap; also searched by the maps file's includes.
  package var clangModules: [String]
  /// Compiled in this order; each may import the earlier ones.
  package var modules: [ModuleSpec]
  /// Directory of the Swift programs.
  package var programs: String
  /// The C file that defines maps, globals and the licence.
  package var maps: String
  /// Passed to Swift and C as `-D`.
  package var defines: [String]
  package var swiftFlags: [String]
  package var cFlags: [String]
  /// The least number of `atomic_fetch_add` by program section.
  package var claims: [String: Int]
  /// Local functions that programs may call (not inlined on purpose).
  package var localFunctions: [String]
  /// Symbols that may stay undefined, for the loader to resolve (kernel functions).
  package var externs: [String]

  /// Throws if a path named in the manifest does not exist.
  func requirePaths(in manifest: Manifest) throws(PipelineError) {
    var wanted = [(programs, true), (maps, false)]
    wanted += modules.map { ($0.path, true) }
    wanted += clangModules.map { ("\($0)/module.modulemap", false) }
    for (path, directory) in wanted {
      guard Files.exists(Files.join(manifest.root, path), directory: directory) else {
        let kind = directory ? "directory" : "file"
        throw .input(
          message: "\(manifest.path): object \(name): no \(kind) \(path)",
          advice: "paths are relative to the manifest's root, \(manifest.root)")
      }
    }
  }
}

private func isIdentifier(_ text: String) -> Bool {
  guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
  else { return false }
  return text.utf8.allSatisfy {
    ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
      || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: "_")
  }
}

private func describe(_ error: DecodingError) -> String {
  func place(_ context: DecodingError.Context) -> String {
    let path = context.codingPath.map { key in
      key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)"
    }
    return path.isEmpty ? "top level" : path.joined()
  }
  switch error {
  case .keyNotFound(let key, let context):
    return "\(place(context)): no key '\(key.stringValue)'"
  case .typeMismatch(_, let context), .valueNotFound(_, let context):
    return "\(place(context)): \(context.debugDescription)"
  case .dataCorrupted(let context):
    return "\(place(context)): \(context.debugDescription)"
  @unknown default:
    return "\(error)"
  }
}
