/// What a system call does, for the families that stand on acts: the kernel's programs find it by the call's
/// number in a table that the user side fills (`SyscallActs` of Capture), so that they know no numbers.
///
/// Values are fixed within an ABI version; 0 is "nothing of interest".
public enum SyscallAct {
  /// futex(): its operation is an argument.
  @inlinable public static var futex: UInt8 { 200 }
  /// futex_wait().
  @inlinable public static var futexWait: UInt8 { 201 }
  /// futex_wake().
  @inlinable public static var futexWake: UInt8 { 202 }
  /// futex_requeue().
  @inlinable public static var futexRequeue: UInt8 { 203 }
  /// futex_waitv().
  @inlinable public static var futexWaitv: UInt8 { 204 }
}
