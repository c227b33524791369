// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFCKit
import CSequencerAtomics
public import SequencerABI
import SequencerCore

/// How a task is followed by `--pid`, `--tree` and `-- COMMAND`. Kept in task storage: a thread has
/// its own mark, and it goes with the task.
public enum FollowMode {
  @inline(__always) public static var none: UInt32 { 0 }
  /// The process: its threads inherit the mark, its children do not.
  @inline(__always) public static var process: UInt32 { 1 }
  /// The tree: children inherit the mark before they can run.
  @inline(__always) public static var tree: UInt32 { 2 }
  /// The task passed its exit; nothing marks it again.
  @inline(__always) public static var gone: UInt32 { 3 }
}

/// The most ancestors looked at while a filter is seeded.
@inline(__always) var ancestorLimit: Int { 64 }

/// The mode a task has by the seeds: `tree` if its own process or an ancestor is the root of a tree,
/// `process` if its own process is named alone.
///
/// Only used while the iterator seeds; afterwards a mark is inherited and no ancestor matters.
@inline(__always) public func seededMode(of task: Task) -> UInt32 {
  let own = seed(of: task.tgid)
  if own == FollowMode.tree { return own }
  var ancestor = task
  for _ in 0..<ancestorLimit {
    ancestor = ancestor.parent
    let tgid = ancestor.tgid
    if tgid == 0 { break }
    // One that is named alone does not end the search: a tree may begin above it.
    if seed(of: tgid) == FollowMode.tree { return FollowMode.tree }
  }
  return own
}

@inline(__always) func seed(of tgid: UInt32) -> UInt32 {
  guard let mode = unsafe kit_lookup(kit_map_seeds(), tgid) else { return FollowMode.none }
  return unsafe mode.load(as: UInt32.self)
}

/// Marks `task` and counts it, once, however many try.
@inline(__always)
public func follow(_ task: Task, mode: UInt32, control: UnsafeMutableRawPointer) {
  guard let state = unsafe kit_task_state(task.pointer, 1) else {
    unsafe seq_add_u64(control + ControlLayout.followFailures, 1)
    return
  }
  let field = UnsafeMutableRawPointer(state)  // `follow` is the first field
  let before = unsafe seq_exchange_u32(field, mode)
  if before == FollowMode.none {
    unsafe seq_add_u64(control + ControlLayout.followed, 1)
  } else if before == FollowMode.gone {
    _ = unsafe seq_exchange_u32(field, FollowMode.gone)
  }
}

/// Takes the iterator's mark back from a task that passed its exit meanwhile.
///
/// The exit may have found the task's storage busy (a trylock, kernel/bpf/bpf_task_storage.c) and
/// left nothing behind; the mark would then be counted for ever.
@inline(__always) public func unfollowDead(_ task: Task, control: UnsafeMutableRawPointer) {
  guard task.isExiting, let state = unsafe kit_task_state(task.pointer, 0) else { return }
  let before = unsafe seq_exchange_u32(UnsafeMutableRawPointer(state), FollowMode.gone)
  if before == FollowMode.process || before == FollowMode.tree {
    unsafe seq_add_u64(control + ControlLayout.followed, UInt64.max)
  }
}

/// The mode of a task, ``FollowMode/none`` where it has no mark.
@inline(__always) public func followMode(of task: Task) -> UInt32 {
  guard let state = unsafe kit_task_state(task.pointer, 0) else { return FollowMode.none }
  return unsafe seq_load_u32(UnsafeMutableRawPointer(state))
}

/// Lets a new task inherit its creator's mark, before it can run.
@inline(__always)
public func inheritFollow(
  from parent: Task, to child: Task, isThread: Bool, control: UnsafeMutableRawPointer
) {
  var mode = followMode(of: parent)
  if mode != FollowMode.process && mode != FollowMode.tree {
    // A parent the iterator has not reached yet.
    if unsafe seq_load_u32(control + ControlLayout.seeding) == 0 { return }
    mode = seededMode(of: parent)
  }
  if mode == FollowMode.tree || (mode == FollowMode.process && isThread) {
    unsafe follow(child, mode: mode, control: control)
  }
}

/// Ends a task's mark; the last one wakes the consumer, which then has nothing to wait for.
///
/// - Returns: the mode the task had.
@inline(__always)
public func endFollow(_ task: Task, ring: KernelRing) -> UInt32 {
  // While the iterator runs the mark is left behind in any case, so that it counts no dead task.
  let seeding: UInt64 = unsafe seq_load_u32(ring.control + ControlLayout.seeding) != 0 ? 1 : 0
  var mode = FollowMode.none
  if let state = unsafe kit_task_state(task.pointer, seeding) {
    mode = unsafe seq_exchange_u32(UnsafeMutableRawPointer(state), FollowMode.gone)
  }
  if mode == FollowMode.process || mode == FollowMode.tree {
    let before = unsafe seq_fetch_add_u64(ring.control + ControlLayout.followed, UInt64.max)
    if before == 1 { wakeConsumer(ring) }
  }
  return mode
}

@inline(__always) func wakeConsumer(_ ring: KernelRing) {
  let parked = unsafe ring.control + ControlLayout.parked
  if unsafe seq_load_u32(parked) != 0, unsafe seq_exchange_u32(parked, 0) != 0 {
    ring.ringDoorbell()
  }
}
