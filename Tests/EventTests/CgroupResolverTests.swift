import Foundation
import KernelEvents
import Testing

@Suite("cgroup paths")
struct CgroupResolverTests {
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

  @Test("of ids that no group has")
  func unknown() {
    var resolver = CgroupResolver(limit: 2)
    for id in [UInt64.max, 0xDEAD_BEEF_0000, UInt64.max, 3 << 40, 4 << 40, UInt64.max] {
      #expect(resolver.path(of: id) == nil)
    }
  }

  @Test(
    "the mount is found in a mountinfo",
    arguments: [
      ("1 2 0:3 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw", "/sys/fs/cgroup"),
      ("1 2 0:3 / /a\\040b rw - cgroup2 c rw", "/a b"),
      ("1 2 0:3 /x /first rw - cgroup2 c rw\n1 2 0:3 / /second rw - cgroup2 c rw", "/second"),
      ("1 2 0:3 /x /only rw - cgroup2 c rw", "/only"),
      ("1 2 0:3 / /v1 rw - cgroup cgroup rw", nil), ("", nil), ("- cgroup2", nil),
      ("1 2 0:3 / /no rw -", nil),
    ])
  func mountInfo(text: String, expected: String?) {
    #expect(cgroup2MountPoint(inMountInfo: Array(text.utf8)) == expected.map { Array($0.utf8) })
  }

  @Test(
    "paths are relative to the mount",
    arguments: [
      ("/sys/fs/cgroup", "/sys/fs/cgroup", "/"), ("/sys/fs/cgroup/a/b", "/sys/fs/cgroup", "/a/b"),
      ("/sys/fs/cgroupx", "/sys/fs/cgroup", nil), ("/other", "/sys/fs/cgroup", nil),
      ("/sys/fs/cgroup/a (deleted)", "/sys/fs/cgroup", "/a"), ("/a", "/", "/a"),
    ])
  func relative(target: String, mount: String, expected: String?) {
    let path = relativePath(of: Array(target.utf8), under: Array(mount.utf8))
    #expect(path == expected.map { Array($0.utf8) })
  }
}
