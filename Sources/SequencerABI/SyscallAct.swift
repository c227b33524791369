/// What a system call does, for the families that stand on acts: the kernel's programs find it by the call's
/// number in a table that the user side fills (`SyscallActs` of Capture), so that they know no numbers.
///
/// Values are fixed within an ABI version; 0 is "nothing of interest".
public enum SyscallAct {
}
