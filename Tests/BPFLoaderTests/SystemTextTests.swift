import Testing

@testable import BPFLoader

@Suite("Texts of /proc and /sys")
struct SystemTextTests {
  @Test(arguments: [
    ("0", [0]), ("0-1\n", [0, 1]), ("0-1,4", [0, 1, 4]), ("0-3,8-9,16", [0, 1, 2, 3, 8, 9, 16]),
    ("", []), ("\n", []),
  ])
  func possibleCPUs(text: String, cpus: [Int]) {
    #expect(CPUList.parse(text) == cpus)
  }

  @Test(arguments: ["a", "1-", "-1", "3-1", "0,,1", "0-1-2", "0-31:2/4", "0-99999999", "١"])
  func malformedCPUs(text: String) {
    #expect(CPUList.parse(text) == nil)
  }

  @Test func possibleCPUsOfThisMachine() throws {
    let cpus = try #require(CPUList.possible())
    #expect(cpus.first == 0)
  }

  @Test func effectiveCapabilities() throws {
    let text = """
      Name:\tcat
      CapPrm:\t000001ffffffffff
      CapEff:\t000000c000000004
      CapBnd:\t000001ffffffffff
      """
    let set = try #require(CapabilitySet(statusText: text))
    #expect(set == [.bpf, .perfmon, .dacReadSearch])
    #expect(set.mayUseBPF && set.mayTrace)
    #expect(!set.contains(.sysAdmin))
  }

  @Test func administratorMayTrace() throws {
    let set = try #require(CapabilitySet(statusText: "CapEff:\t0000000000200000\n"))
    #expect(set == [.sysAdmin])
    #expect(set.mayUseBPF && set.mayTrace)
    let none = try #require(CapabilitySet(statusText: "CapEff:\t0000000000000000\n"))
    #expect(!none.mayUseBPF && !none.mayTrace)
  }

  @Test(arguments: ["", "Name: x\n", "CapEff:\txyz\n", "CapEff:\n"])
  func noCapabilities(text: String) {
    #expect(CapabilitySet(statusText: text) == nil)
  }

  @Test(arguments: [
    ("[none] integrity confidentiality\n", Lockdown.none),
    ("none [integrity] confidentiality\n", .integrity),
    ("none integrity [confidentiality]\n", .confidentiality),
    ("", .unknown), ("none integrity", .unknown), ("[other]", .unknown),
  ])
  func lockdown(text: String, mode: Lockdown) {
    #expect(Lockdown(text: text) == mode)
  }

  @Test(arguments: [
    ("6.1.0-18-amd64", KernelVersion(major: 6, minor: 1)),
    ("6.18.44-fc-v669", KernelVersion(major: 6, minor: 18, patch: 44)),
    ("5.10", KernelVersion(major: 5, minor: 10)),
    ("6.1-rc3", KernelVersion(major: 6, minor: 1)),
    ("7.0.0+", KernelVersion(major: 7, minor: 0)),
  ])
  func release(text: String, version: KernelVersion) {
    #expect(KernelVersion(release: text) == version)
  }

  @Test(arguments: ["", "6", "linux-6.1", "6.x", ".1.2"])
  func malformedRelease(text: String) {
    #expect(KernelVersion(release: text) == nil)
  }

  @Test func versionsCompareByNumber() {
    #expect(KernelVersion(major: 6, minor: 9) < KernelVersion(major: 6, minor: 18))
    #expect(KernelVersion(major: 5, minor: 19, patch: 9) < .floor)
    #expect(!(KernelVersion(major: 6, minor: 1) < .floor))
    #expect(KernelVersion.running() != nil)
  }

  @Test func mounts() {
    let text = """
      23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
      41 31 0:38 / /sys/fs/cgroup rw,relatime shared:9 master:2 - cgroup2 cgroup2 rw,nsdelegate
      50 23 0:40 / /mnt/a\\040b\\134 rw - bpf none rw
      51 23 0:41 broken
      """
    let table = MountTable(text: text)
    #expect(table.entries.count == 3)
    #expect(table.mountPoint(ofType: "cgroup2") == "/sys/fs/cgroup")
    #expect(table.mountPoint(ofType: "bpf") == "/mnt/a b\\")
    #expect(table.mountPoint(ofType: "ext4") == nil)
    #expect(MountTable.current()?.mountPoint(ofType: "proc") != nil)
  }

  @Test func absentFile() {
    #expect(SystemFile.text("/proc/self/no such file") == nil)
    #expect(SystemFile.number("/proc/sys/kernel/pid_max") != nil)
  }

  @Test func errnoInWords() {
    #expect(ErrnoText.describe(2) == "No such file or directory (errno 2)")
    #expect(ErrnoText.describe(-13) == "Permission denied (errno 13)")
  }
}
