// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import CSequencerAtomics
public import SequencerABI

/// The strings of an exec: sized before the claim, copied after it.
@safe public struct ExecStrings {
  /// Bytes of the path, without its NUL.
  public let path: UInt64
  /// Bytes of the working directory's components.
  public let workingDirectory: UInt64
  /// Bytes of the argument block that are kept.
  public let arguments: UInt64
  /// Bytes of the argument block.
  public let argumentsTotal: UInt64
  /// What had to be cut.
  public var flags: ExecFlags
  let argumentsStart: UInt64
  let scratch: UnsafeMutableRawPointer

  /// Sizes the strings of the exec that `task` just did with `binary` (struct linux_binprm).
  @inline(__always)
  public init(task: Task, binary: UnsafeRawPointer, scratch: UnsafeMutableRawPointer) {
    unsafe self.scratch = unsafe scratch
    // Through memory, as in WorkingDirectory: what follows is then verified once, not once for each
    // combination of what had to be cut.
    let flagsCell = unsafe scratch + Int(KIT_SCRATCH_FLAGS)
    let pathCell = unsafe scratch + Int(KIT_SCRATCH_PATH_LENGTH)
    let directory = unsafe WorkingDirectory(task: task, scratch: scratch)
    var cut = ExecFlags()
    if directory.isTruncated { cut.insert(.workingDirectoryTruncated) }
    unsafe seq_store_u64(flagsCell, UInt64(cut.rawValue))
    // `filename` is the path as the caller gave it; for a script, the script's.
    let got = unsafe kit_read_kernel_string(
      scratch, UInt32(ExecPayload.pathLimit), binary.word(kit_offset_bprm_filename()))
    unsafe seq_store_u64(pathCell, got > 0 ? UInt64(bitPattern: got) &- 1 : 0)
    if got == Int64(ExecPayload.pathLimit) {
      let flags = unsafe seq_load_u64(flagsCell) | UInt64(ExecFlags.pathTruncated.rawValue)
      unsafe seq_store_u64(flagsCell, flags)
    }
    let (start, end) = task.argumentRange
    argumentsStart = start
    argumentsTotal = end &- start
    if end &- start > UInt64(ExecPayload.argumentsLimit) {
      let flags = unsafe seq_load_u64(flagsCell) | UInt64(ExecFlags.argumentsTruncated.rawValue)
      unsafe seq_store_u64(flagsCell, flags)
    }
    arguments = bounded(end &- start, UInt64(ExecPayload.argumentsLimit))
    path = bounded(unsafe seq_load_u64(pathCell), UInt64(ExecPayload.pathLimit))
    workingDirectory = bounded(
      directory.length, UInt64(ExecPayload.workingDirectoryLimit))
    flags = ExecFlags(rawValue: UInt32(truncatingIfNeeded: unsafe seq_load_u64(flagsCell)))
  }

  /// Bytes of all three.
  @inline(__always) public var total: UInt64 { path &+ workingDirectory &+ arguments }

  /// Copies the strings behind each other to `destination`.
  ///
  /// - Returns: whether user memory faulted (the bytes are zero then).
  @inline(__always) public func copy(to destination: UnsafeMutableRawPointer) -> Bool {
    // The verifier forgets the ranges of numbers it spilled and reloaded over calls: say them again.
    let pathBytes = bounded(path, UInt64(ExecPayload.pathLimit))
    let directoryBytes = bounded(workingDirectory, UInt64(ExecPayload.workingDirectoryLimit))
    let argumentBytes = bounded(arguments, UInt64(ExecPayload.argumentsLimit))
    var to = unsafe destination
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: pathBytes), UInt64(UInt(bitPattern: scratch)))
    unsafe to += Int(pathBytes)
    _ = unsafe kit_read_kernel(
      to, UInt32(truncatingIfNeeded: directoryBytes),
      UInt64(UInt(bitPattern: scratch + ExecPayload.pathLimit)))
    unsafe to += Int(directoryBytes)
    return unsafe kit_read_user(to, UInt32(truncatingIfNeeded: argumentBytes), argumentsStart) != 0
  }
}

@inline(__always) func bounded(_ value: UInt64, _ limit: UInt64) -> UInt64 {
  value > limit ? limit : value
}
