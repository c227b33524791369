/// The flags of clone() and their names (include/uapi/linux/sched.h).
public enum CloneFlags {
  /// The number of flags that have a name.
  public static var count: Int { 26 }

  /// The flag at `index` of the table, and its name.
  ///
  /// - Precondition: `index` is below ``count``.
  public static func flag(at index: Int) -> (bit: UInt64, name: StaticString) {
    switch index {
    case 0: (0x100, "CLONE_VM")
    case 1: (0x200, "CLONE_FS")
    case 2: (0x400, "CLONE_FILES")
    case 3: (0x800, "CLONE_SIGHAND")
    case 4: (0x1000, "CLONE_PIDFD")
    case 5: (0x2000, "CLONE_PTRACE")
    case 6: (0x4000, "CLONE_VFORK")
    case 7: (0x8000, "CLONE_PARENT")
    case 8: (0x1_0000, "CLONE_THREAD")
    case 9: (0x2_0000, "CLONE_NEWNS")
    case 10: (0x4_0000, "CLONE_SYSVSEM")
    case 11: (0x8_0000, "CLONE_SETTLS")
    case 12: (0x10_0000, "CLONE_PARENT_SETTID")
    case 13: (0x20_0000, "CLONE_CHILD_CLEARTID")
    case 14: (0x40_0000, "CLONE_DETACHED")
    case 15: (0x80_0000, "CLONE_UNTRACED")
    case 16: (0x100_0000, "CLONE_CHILD_SETTID")
    case 17: (0x200_0000, "CLONE_NEWCGROUP")
    case 18: (0x400_0000, "CLONE_NEWUTS")
    case 19: (0x800_0000, "CLONE_NEWIPC")
    case 20: (0x1000_0000, "CLONE_NEWUSER")
    case 21: (0x2000_0000, "CLONE_NEWPID")
    case 22: (0x4000_0000, "CLONE_NEWNET")
    case 23: (0x8000_0000, "CLONE_IO")
    case 24: (0x1_0000_0000, "CLONE_CLEAR_SIGHAND")
    case 25: (0x2_0000_0000, "CLONE_INTO_CGROUP")
    default: preconditionFailure("no clone flag \(index)")
    }
  }
}
