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
  countFiltered(family, ring: ring)
  return false
}

@inline(__always)
func passes(_ task: Task, comm: TaskComm, mode: UInt32?, ring: KernelRing) -> Bool {
  // In the control area, not in the configuration: a pinned capture outlives its first consumer.
  if isTracer(task, ring: ring) { return false }
  if !passesOwnFilters(task, comm: comm, mode: mode) { return false }
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

/// Whether an event that two tasks have a part in is wanted: one of them must pass. One that is not is
/// counted as filtered.
///
/// - Parameters:
///   - task: the current task.
///   - comm: its name.
///   - other: the other one.
///   - otherComm: its name.
///   - family: what the event is counted under.
///   - ring: where it is counted.
/// - Returns: whether to claim a record for it.
@inline(__always)
public func isWanted(
  _ task: Task, comm: TaskComm, or other: Task, otherComm: TaskComm, family: EventFamily,
  ring: KernelRing
) -> Bool {
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return false }
  if passes(task, comm: comm, mode: nil, ring: ring) { return true }
  if passes(other: other, comm: otherComm, ring: ring) { return true }
  countFiltered(family, ring: ring)
  return false
}

/// Whether an event of a task that need not be the current one is wanted, as ``isWanted(_:comm:mode:family:ring:)``.
@inline(__always)
public func isWanted(
  other task: Task, comm: TaskComm, family: EventFamily, ring: KernelRing
) -> Bool {
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return false }
  if passes(other: task, comm: comm, ring: ring) { return true }
  countFiltered(family, ring: ring)
  return false
}

/// Counts an event that is not wanted.
@inline(__always) public func countFiltered(_ family: EventFamily, ring: KernelRing) {
  unsafe seq_add_u64(ring.cpuState + (CPUStateLayout.filtered + Int(family.rawValue) * 8), 1)
}

/// Whether `task` is the tracer, and the tracer's own events are not wanted.
@inline(__always) public func isTracer(_ task: Task, ring: KernelRing) -> Bool {
  let own = unsafe seq_load_u32(ring.control + ControlLayout.selfTGID)
  return own != 0 && task.tgid == own
}

/// Whether events of `family` are wanted at all: a frozen constant.
@inline(__always) public func isChosen(_ family: EventFamily) -> Bool {
  kit_families() & family.bit != 0
}

/// The filters for a task that need not be the current one.
@inline(__always) func passes(other task: Task, comm: TaskComm, ring: KernelRing) -> Bool {
  if isTracer(task, ring: ring) { return false }
  if !passesOwnFilters(task, comm: comm, mode: nil) { return false }
  return kit_filter_cgroups() == 0 || isInWantedCgroup(task)
}

/// Whether a task lies in one of the wanted cgroups, or below: the ancestor at the wanted one's level is the
/// wanted one (`cgroup_is_descendant()`, include/linux/cgroup.h).
@inline(__always) func isInWantedCgroup(_ task: Task) -> Bool {
  let set = unsafe task.pointer.word(kit_offset_task_cgroups())
  let cgroup = kit_read_word(set &+ UInt64(kit_offset_css_set_dfl_cgrp()))
  let level = UInt32(
    truncatingIfNeeded: kit_read_word(cgroup &+ UInt64(kit_offset_cgroup_level())))
  for index in 0..<cgroupLimit {
    if index >= kit_filter_cgroups() { break }
    let wantedLevel = kit_cgroup_wanted_level(index)
    if level < wantedLevel { continue }
    let ancestor = kit_read_word(
      cgroup &+ UInt64(kit_offset_cgroup_ancestors()) &+ UInt64(wantedLevel) &* 8)
    let node = kit_read_word(ancestor &+ UInt64(kit_offset_cgroup_kn()))
    if kit_read_word(node &+ UInt64(kit_offset_kernfs_node_id())) == kit_cgroup_wanted(index) {
      return true
    }
  }
  return false
}

/// The filters that ask nothing but the task itself.
@inline(__always) func passesOwnFilters(_ task: Task, comm: TaskComm, mode: UInt32?) -> Bool {
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
  return true
}

/// Entries of the map `cgroups`.
@inline(__always) var cgroupLimit: UInt32 { 16 }

/// Whether a filter follows tasks at all.
@inline(__always) public var kitFollows: Bool { kit_filter_followed() != 0 }
