import Foundation
import PackagePlugin

/// Builds a target's BPF objects and gives the target a Swift file that carries them.
///
/// The manifest is `bpf-build.json` in the target's directory, else `BPF/bpf-build.json` of the
/// package. The generated enum has the target's name.
@main struct BPFBuildPlugin: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
    let candidates = [
      target.directoryURL.appending(path: "bpf-build.json"),
      context.package.directoryURL.appending(path: "BPF/bpf-build.json"),
    ]
    guard
      let manifest = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) })
    else {
      Diagnostics.error(
        "target \(target.name): no bpf-build.json in its directory nor in BPF/; write one,"
          + " docs/bpf-pipeline.md lists the keys")
      return []
    }
    let work = context.pluginWorkDirectoryURL
    let generated = work.appending(path: "\(target.name).swift")
    return [
      .buildCommand(
        displayName: "Building BPF objects of \(target.name)",
        executable: try context.tool(named: "bpf-build").url,
        arguments: [
          "embed", manifest.path, "--swift", generated.path, "--enum", target.name,
          "--work", work.appending(path: "objects").path,
        ],
        inputFiles: inputs(of: manifest), outputFiles: [generated])
    ]
  }

  /// Every file that the objects are made of, so that a build which touches none of them makes
  /// none of them. An unreadable manifest is its only input: the tool says what is wrong with it.
  private func inputs(of manifest: URL) -> [URL] {
    guard let data = try? Data(contentsOf: manifest),
      let file = try? JSONDecoder().decode(ManifestPaths.self, from: data)
    else { return [manifest] }
    let root = manifest.deletingLastPathComponent().appending(path: file.root ?? ".")
    var result: Set<URL> = [manifest.standardizedFileURL]
    for object in file.objects {
      let maps = root.appending(path: object.maps)
      result.insert(maps.standardizedFileURL)
      // Headers beside the maps file can be included without being listed.
      result.formUnion(
        files(below: maps.deletingLastPathComponent(), deep: false).filter {
          $0.pathExtension == "h"
        })
      let modules = (object.modules ?? []).map(\.path)
      for path in modules + [object.programs] {
        result.formUnion(
          files(below: root.appending(path: path), deep: true).filter {
            $0.pathExtension == "swift"
          })
      }
      for path in object.clangModules ?? [] {
        result.formUnion(files(below: root.appending(path: path), deep: true))
      }
    }
    return result.sorted { $0.path < $1.path }
  }

  private func files(below directory: URL, deep: Bool) -> [URL] {
    let manager = FileManager.default
    let names =
      (deep
        ? try? manager.subpathsOfDirectory(atPath: directory.path)
        : try? manager.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.map { directory.appending(path: $0).standardizedFileURL }
      .filter { !$0.hasDirectoryPath }
  }
}

/// The manifest's paths; bpf-build itself reads and checks the rest.
private struct ManifestPaths: Decodable {
  struct Object: Decodable {
    var clangModules: [String]?
    var modules: [Module]?
    var programs: String
    var maps: String
  }
  struct Module: Decodable {
    var path: String
  }
  var root: String?
  var objects: [Object]
}
