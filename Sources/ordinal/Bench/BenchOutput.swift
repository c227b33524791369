import Foundation

/// A file or a folder that results go to; checked before anything is measured, so that no twenty minutes
/// end at a path that can't be written.
struct BenchOutput {
  private let path: String

  /// A file to come, or to be replaced.
  init(file path: String) throws(Failure) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    if BenchOutput.isFolder(path) { throw Failure("'\(path)' is a folder; name a file") }
    guard BenchOutput.isFolder(folder) else {
      throw Failure("there is no folder '\(folder)' for '\(path)'; make it first")
    }
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw Failure("can't write into '\(folder)'; choose another place for '\(path)'")
    }
    self.path = path
  }

  private static func isFolder(_ path: String) -> Bool {
    let values = try? URL(fileURLWithPath: path).resourceValues(forKeys: [.isDirectoryKey])
    return values?.isDirectory ?? false
  }

  /// A folder, made if it is not there.
  init(folder path: String) throws(Failure) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
    } catch {
      throw Failure("can't make the folder '\(path)'; choose another")
    }
    guard FileManager.default.isWritableFile(atPath: path) else {
      throw Failure("can't write into '\(path)'; choose another folder")
    }
    self.path = path
  }

  /// Writes the file: whole or not at all, for its owner only.
  func save(_ data: Data) throws(Failure) { try write(data, path) }

  /// Writes plots into the folder.
  func save(_ plots: [(name: String, svg: String)]) throws(Failure) {
    for plot in plots {
      // Names come from rows, which may come from anywhere.
      let name = String(
        plot.name.map { $0.isLetter || $0.isNumber || "-._".contains($0) ? $0 : "_" })
      try write(Data(plot.svg.utf8), "\(path)/\(name).svg")
    }
  }

  private func write(_ data: Data, _ path: String) throws(Failure) {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    } catch {
      throw Failure(
        "can't write '\(path)': \(error.localizedDescription); write elsewhere", status: 1)
    }
    complain("wrote \(path)")
  }
}
