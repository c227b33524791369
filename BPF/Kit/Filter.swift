// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import CSequencerAtomics
public import SequencerABI
import SequencerCore

/// Whether the current task's event is wanted; one that is not is counted as filtered.
///
/// Filters that are off cost nothing: their switches are frozen constants, and the verifier drops
/// the dead branches.
///
/// - Parameters:
///   - task: the current task.
///   - comm: its name.
///   - mode: its follow mode, where the caller has it already.
///   - family: what the event is counted under.
///   - ring: where it is counted.
/// - Returns: whether to claim a record for it.
@inline(__always)
public func isWanted(
  _ task: Task, comm: TaskComm, mode: UInt32? = nil, family: EventFamily, ring: KernelRing
) -> Bool {
  // Neither offered nor filtered: tracing has not begun, or has ended.
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return false }
  if passes(task, comm: comm, mode: mode, ring: ring) { return true }
  unsafe seq_add_u64(ring.cpuState + (CPUStateLayout.filtered + Int(family.rawValue) * 8), 1)
  return false
}

@inline(__always)
func passes(_ task: Task, comm: TaskComm, mode: UInt32?, ring: KernelRing) -> Bool {
  // In the control area, not in the configuration: a pinned capture outlives its first consumer.
  let own = unsafe seq_load_u32(ring.control + ControlLayout.selfTGID)
  if own != 0 && task.tgid == own { return false }
  if kit_filter_followed() != 0 {
    let mode = mode ?? followMode(of: task)
    if mode != FollowMode.process && mode != FollowMode.tree { return false }
  }
  if unsafe kit_filter_uid() != 0 && kit_lookup(kit_map_uids(), task.uid) == nil { return false }
  if kit_filter_comm() != 0 {
    let low = comm.low & kit_comm_mask(0)
    let high = comm.high & kit_comm_mask(1)
    if low != kit_comm_value(0) || high != kit_comm_value(1) { return false }
  }
  if kit_filter_cgroups() != 0 {
    var inside = false
    for index in 0..<cgroupLimit {
      if index >= kit_filter_cgroups() { break }
      if unsafe kit_under_cgroup(kit_map_cgroups(), index) == 1 {
        inside = true
        break
      }
    }
    if !inside { return false }
  }
  return true
}

/// Entries of the map `cgroups`.
@inline(__always) var cgroupLimit: UInt32 { 16 }

/// Whether a filter follows tasks at all.
@inline(__always) public var kitFollows: Bool { kit_filter_followed() != 0 }
