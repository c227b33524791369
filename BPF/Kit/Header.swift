// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import SequencerABI
public import SequencerCore

/// Now, by the clock the user chose; 0 where none was wanted.
@inline(__always) public func timestamp() -> UInt64 {
  if kit_timestamps() == 1 { return kit_ktime_ns() }
  if kit_timestamps() == 2 { return kit_ktime_coarse_ns() }
  return 0
}

extension Claim {
  /// Fills the part of the metadata line that tells of the current task.
  ///
  /// - Returns: the timestamp, read after the claim.
  @inline(__always) public func describe(_ task: Task) -> UInt64 {
    let now = timestamp()
    unsafe header.pointee.timestamp = now
    unsafe header.pointee.pid = task.tgid
    unsafe header.pointee.tid = task.tid
    unsafe header.pointee.processStart = task.leader.start
    unsafe header.pointee.cgroup = kit_cgroup_id()
    unsafe header.pointee.uid = task.uid
    unsafe header.pointee.parentPID = task.parent.tgid
    return now
  }
}
