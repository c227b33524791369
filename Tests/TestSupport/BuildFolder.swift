public import Foundation

/// The folder the tests were built into, and the programs beside them.
public enum BuildFolder {
  /// The folder of the running test bundle, whoever started it and from wherever.
  public static let url: URL = {
    // The bundle is the executable itself, or is loaded by a helper of SwiftPM's.
    let maps = (try? readFile("/proc/self/maps")) ?? ""
    for line in maps.split(separator: "\n") where line.hasSuffix("PackageTests.xctest") {
      if let slash = line.firstIndex(of: "/") {
        return URL(fileURLWithPath: String(line[slash...])).deletingLastPathComponent()
      }
    }
    return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
  }()

  /// The path of a program of this package.
  public static func program(_ name: String) throws -> String {
    let path = url.appendingPathComponent(name).path
    guard FileManager.default.isExecutableFile(atPath: path) else {
      throw SupportError("\(path) is not there; build it: swift build --build-tests")
    }
    return path
  }
}

/// A reason why a test can't run, or can't go on.
public struct SupportError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// A folder that goes with the value, with all that is in it.
public final class TemporaryFolder {
  public let path: String

  public init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent(
        "ordinal-test-\(UUID().uuidString)"
      ).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    // Workloads under other user ids write here.
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  public func file(_ name: String) -> String { "\(path)/\(name)" }
}
