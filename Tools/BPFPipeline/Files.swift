import Foundation

/// The few operations on paths and files that the pipeline needs, with its own errors.
package enum Files {
  /// `path` made absolute against the working directory.
  package static func absolute(_ path: String) -> String {
    join(FileManager.default.currentDirectoryPath, path)
  }

  /// `path` if it is absolute, else `path` inside `directory`; "." and ".." resolved.
  package static func join(_ directory: String, _ path: String) -> String {
    let whole = path.hasPrefix("/") ? path : "\(directory)/\(path)"
    return URL(fileURLWithPath: whole).standardized.path
  }

  /// The directory a file lies in.
  package static func parent(of path: String) -> String {
    URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  /// Whether there is a directory, or else a file, at `path`.
  package static func exists(_ path: String, directory: Bool) -> Bool {
    var isDirectory: ObjCBool = false
    let found = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    return found && isDirectory.boolValue == directory
  }

  /// The text at `path`. `asked`: the user named it, so its absence is bad input.
  package static func read(_ path: String, asked: Bool = false) throws(PipelineError) -> String {
    String(decoding: try readBytes(path, asked: asked), as: UTF8.self)
  }

  /// The bytes at `path`.
  package static func readBytes(
    _ path: String, asked: Bool = false
  ) throws(PipelineError) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      if asked {
        throw .input(
          message: "can't read \(path): \(error.localizedDescription)",
          advice: "check the path given")
      }
      throw .file(path: path, operation: "read", reason: error.localizedDescription)
    }
  }

  /// Writes `text`, whole or not at all; makes the directory.
  package static func write(_ text: String, to path: String) throws(PipelineError) {
    do {
      try makeDirectory(parent(of: path))
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch let error as PipelineError {
      throw error
    } catch {
      throw .file(path: path, operation: "write", reason: error.localizedDescription)
    }
  }

  /// Makes a directory and those above it.
  package static func makeDirectory(_ path: String) throws(PipelineError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .file(path: path, operation: "make directory", reason: error.localizedDescription)
    }
  }

  /// Copies a file over whatever is at `destination`.
  package static func copy(_ source: String, to destination: String) throws(PipelineError) {
    do {
      try makeDirectory(parent(of: destination))
      try Data(contentsOf: URL(fileURLWithPath: source))
        .write(to: URL(fileURLWithPath: destination), options: .atomic)
    } catch let error as PipelineError {
      throw error
    } catch {
      throw .file(path: destination, operation: "write", reason: error.localizedDescription)
    }
  }

  /// Runs `body` with a new directory and removes it afterwards.
  package static func withTemporaryDirectory<Result>(
    _ body: (String) throws(PipelineError) -> Result
  ) throws(PipelineError) -> Result {
    let path = join(FileManager.default.temporaryDirectory.path, "bpf-build-\(UUID().uuidString)")
    try makeDirectory(path)
    // Leftovers in the temporary directory are no reason to fail a build that worked.
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  /// Files below `directory` whose name ends in `suffix`, sorted, relative to `root`.
  package static func list(_ directory: String, suffix: String, root: String) -> [String] {
    let whole = join(root, directory)
    let names = FileManager.default.enumerator(atPath: whole)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(suffix) }.sorted().map {
      directory == "." ? $0 : "\(directory)/\($0)"
    }
  }
}
