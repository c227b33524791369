// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// Marks the tasks that already live when a `--pid` or `--tree` filter starts: run once, by reading
/// the iterator (kernel/bpf/task_iter.c), after the tracepoints are attached. Its end also measures
/// the base of the coarse clock.
@c @section("iter/task") @used
public func seed_tasks(_ context: Context) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  // The end of the walk hands over a null pointer.
  let raw = unsafe context.argument(1)
  if raw == 0 {
    if kit_timestamps() == 2 { unsafe setCoarseBase(ring.control) }
    return 0
  }
  let task = unsafe Task(context.pointerArgument(1))
  if task.isExiting { return 0 }
  let mode = seededMode(of: task)
  if mode != FollowMode.none {
    unsafe follow(task, mode: mode, control: ring.control)
    unsafe unfollowDead(task, control: ring.control)
  }
  return 0
}
