// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import CSequencerAtomics
public import SequencerABI
public import SequencerCore

/// Now, by the clock the user chose; 0 where none was wanted.
///
/// BTF tracepoints may not call bpf_ktime_get_coarse_ns(); jiffies on a base that
/// ``setCoarseBase(_:)`` measured are the same clock, `CLOCK_MONOTONIC` in steps of a tick.
@inline(__always) public func timestamp(_ control: UnsafeMutableRawPointer) -> UInt64 {
  if kit_timestamps() == 1 { return kit_ktime_ns() }
  if kit_timestamps() == 2 {
    return unsafe kit_jiffies() &* kit_tick_ns()
      &+ seq_load_u64(control + ControlLayout.coarseBase)
  }
  return 0
}

/// Measures the base of the coarse clock.
@inline(__always) public func setCoarseBase(_ control: UnsafeMutableRawPointer) {
  let base = kit_ktime_ns() &- kit_jiffies() &* kit_tick_ns()
  unsafe seq_store_u64(control + ControlLayout.coarseBase, base)
}

/// Slots of a record whose payload has `length` bytes.
@inline(__always) public func slots(_ length: UInt64) -> UInt64 {
  (UInt64(Slot.headerSize) &+ length &+ UInt64(Slot.size &- 1)) &>> Slot.sizeShift
}

extension Claim {
  /// Fills the part of the metadata line that tells of the current task.
  ///
  /// - Returns: the timestamp, read after the claim.
  @inline(__always) public func describe(_ task: Task, in ring: KernelRing) -> UInt64 {
    let now = unsafe timestamp(ring.control)
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
