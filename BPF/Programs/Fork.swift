// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A task was created: `trace_task_newtask(p, clone_flags)` at the end of copy_process(), kernel/fork.c.
///
/// It fires once for each task that `total_forks` counts, with the clone flags, on the creator's
/// CPU, and before the new task can run; `sched_process_fork` lacks the flags and the kernel's own
/// io workers.
@c @section("tp_btf/task_newtask") @used
public func task_newtask(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let parent = Task.current
  let child = unsafe Task(context.pointerArgument(0))
  let childPID = child.tgid
  let isThread = childPID == parent.tgid
  if kitFollows {
    unsafe inheritFollow(from: parent, to: child, isThread: isThread, control: ring.control)
  }
  if !isChosen(.process) { return 0 }
  let comm = parent.comm
  guard isWanted(parent, comm: comm, family: .process, ring: ring),
    let claim = producer.claim(slots: 1, family: .process)
  else { return 0 }
  _ = claim.describe(parent, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: ForkPayload.self)
  unsafe payload.pointee.childPID = childPID
  unsafe payload.pointee.childTID = child.tid
  unsafe payload.pointee.childProcessStart = isThread ? parent.leader.start : child.start
  unsafe payload.pointee.childThreadStart = child.start
  unsafe payload.pointee.cloneFlags = context.argument(1)
  unsafe payload.pointee.parentComm = comm
  unsafe payload.pointee.childComm = child.comm
  producer.publish(
    claim, kind: .fork, cpu: ring.cpu, flags: isThread ? .thread : [],
    payloadLength: UInt32(MemoryLayout<ForkPayload>.size))
  return 0
}
