import Foundation
import KernelEvents
import Testing

/// What only a machine with cgroup2, and root, can show.
@Suite("cgroup paths of the live kernel")
struct CgroupResolverKernelTests {
  /// The cgroup2 mount of this machine, read independently of the resolver.
  private func mountPoint() throws -> String? {
    let text = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    let mount = text.split(separator: "\n").first { $0.contains(" - cgroup2 ") }
    return mount.map { String($0.split(separator: " ")[4]) }
  }

  private func inode(_ path: String) throws -> UInt64 {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return try #require(attributes[.systemFileNumber] as? UInt64)
  }

  private func remove(_ path: String) throws {
    // The string is NUL-terminated for the time of the call.
    let result = unsafe rmdir(path)
    try #require(result == 0, "rmdir \(path): errno \(errno)")
  }

  @Test("of the root and of this process, on this machine", .tags(.kernel))
  func live() throws {
    let found = try mountPoint()
    let mount = try #require(found, "this machine has no cgroup2 mount")
    var resolver = CgroupResolver()
    #expect(resolver.mountPoint == Array(mount.utf8))
    #expect(resolver.path(of: try inode(mount)) == Array("/".utf8))
    let own = try String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)
      .split(separator: "\n").first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) }
    let path = try #require(own)
    #expect(resolver.path(of: try inode(mount + path)) == Array(path.utf8))
  }

  @Test("of a group that is made, nested and removed", .tags(.kernel))
  func made() throws {
    let found = try mountPoint()
    let mount = try #require(found, "this machine has no cgroup2 mount")
    let name = "/ordinal-test-\(getpid())"
    let nested = "\(name)/inner ä"
    try FileManager.default.createDirectory(
      atPath: mount + nested, withIntermediateDirectories: true)
    var resolver = CgroupResolver()
    let id = try inode(mount + nested)
    #expect(resolver.path(of: id) == Array(nested.utf8))
    try remove(mount + nested)
    #expect(resolver.path(of: id) == Array(nested.utf8), "the answer is kept")
    try remove(mount + name)
  }
}
