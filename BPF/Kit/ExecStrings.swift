// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
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
    unsafe self.scratch = scratch
    flags = []
    // `filename` is the path as the caller gave it; for a script, the script's.
    let got = unsafe kit_read_kernel_string(
      scratch, UInt32(ExecPayload.pathLimit), binary.word(kit_offset_bprm_filename()))
    var length: UInt64 = 0
    if got > 0 && got <= Int64(ExecPayload.pathLimit) { length = UInt64(bitPattern: got) &- 1 }
    if length == UInt64(ExecPayload.pathLimit) &- 1 { flags.insert(.pathTruncated) }
    path = length
    let (start, end) = task.argumentRange
    argumentsStart = start
    argumentsTotal = end &- start
    var kept = end &- start
    if kept > UInt64(ExecPayload.argumentsLimit) {
      kept = UInt64(ExecPayload.argumentsLimit)
      flags.insert(.argumentsTruncated)
    }
    arguments = kept
    let directory = unsafe WorkingDirectory(
      task: task, scratch: scratch + ExecPayload.pathLimit)
    workingDirectory = directory.length
    if directory.isTruncated { flags.insert(.workingDirectoryTruncated) }
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
