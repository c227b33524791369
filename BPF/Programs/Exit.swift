// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A task ends: `trace_sched_process_exit(tsk, group_dead)` in do_exit(), kernel/exit.c, after
/// `tsk->exit_code` is set and before the parent can be told.
@c @section("tp_btf/sched_process_exit") @used
public func sched_process_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  // Decided for every task, wanted or not: a process says "last" once, whatever is filtered.
  let isLast = unsafe isLastThread(task, context)
  let mode = kitFollows ? endFollow(task, ring: ring) : FollowMode.none
  if !isChosen(.process) { return 0 }
  let comm = task.comm
  guard isWanted(task, comm: comm, mode: mode, family: .process, ring: ring),
    let claim = producer.claim(slots: 1, family: .process)
  else { return 0 }
  let now = claim.describe(task, in: ring)
  unsafe fill(claim.payload, task: task, comm: comm, now: now, isLast: isLast)
  producer.publish(
    claim, kind: .exit, cpu: ring.cpu, flags: task.isThread ? .thread : [],
    payloadLength: UInt32(MemoryLayout<ExitPayload>.size))
  return 0
}

@inline(__always)
func fill(
  _ bytes: UnsafeMutableRawPointer, task: Task, comm: TaskComm, now: UInt64, isLast: Bool
) {
  let payload = unsafe bytes.assumingMemoryBound(to: ExitPayload.self)
  let signal = task.signal
  let start = task.start
  var flags = ExitFlags()
  var status = task.exitCode
  var since = start
  if isLast {
    // What wait() reports (kernel/exit.c, wait_task_zombie()).
    let isGroupExit = signal.isGroupExit
    status = isGroupExit ? signal.groupExitCode : task.leader.exitCode
    flags = isGroupExit ? [.lastThread, .groupExit] : .lastThread
    since = task.leader.start
  }
  unsafe payload.pointee.waitStatus = status
  unsafe payload.pointee.exitFlags = flags.rawValue
  unsafe payload.pointee.threadStart = start
  unsafe payload.pointee.runtime = (kit_timestamps() == 1 ? now : kit_ktime_ns()) &- since
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.reserved0 = 0
  unsafe payload.pointee.reserved1 = 0
}

/// Whether this exit is the one of its process that says "last thread".
///
/// Kernels from 6.16 hand the answer over. On older ones several threads that end at the same
/// instant all read `signal->live` as 0; the leader's storage lets one of them say so.
@inline(__always) func isLastThread(_ task: Task, _ context: Context) -> Bool {
  if kit_has_group_dead() != 0 { return unsafe context.argument(1) & 0xFF != 0 }
  if task.signal.live != 0 { return false }
  let leader = task.leader
  guard let state = unsafe kit_task_state(leader.pointer, 1) else { return !task.isThread }
  let claimed = unsafe UnsafeMutableRawPointer(state) + 8  // `exit_claimed`
  return unsafe seq_exchange_u32(claimed, 1) == 0
}
