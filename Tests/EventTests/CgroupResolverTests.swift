import Foundation
import KernelEvents
import Testing

@Suite("cgroup paths")
struct CgroupResolverTests {
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
