// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A CPU goes from one task to another: `trace_sched_switch(preempt, prev, next, prev_state)` in
/// __schedule(), kernel/sched/core.c, with the run queue locked. The current task is still `prev`.
@c @section("tp_btf/sched_switch") @used
public func sched_switch(_ context: Context) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let previous = Task.current
  let next = unsafe Task(context.pointerArgument(2))
  let comm = previous.comm
  let nextComm = next.comm
  guard isSwitchWanted(previous, comm, next, nextComm, ring: ring) else { return 0 }
  let isPreempted = unsafe context.argument(0)
  let state = unsafe context.argument(3)
  guard let claim = producer.claim(slots: 1, family: .scheduler) else { return 0 }
  _ = claim.describe(previous, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SwitchPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.previousState = UInt32(truncatingIfNeeded: state)
  unsafe payload.pointee.previousPriority = previous.priority
  unsafe payload.pointee.nextPID = next.tgid
  unsafe payload.pointee.nextTID = next.tid
  unsafe payload.pointee.nextProcessStart = next.leader.start
  unsafe payload.pointee.nextPriority = next.priority
  unsafe payload.pointee.isPreempted = UInt32(truncatingIfNeeded: isPreempted & 1)
  unsafe payload.pointee.nextComm = nextComm
  producer.publish(
    claim, kind: .switched, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<SwitchPayload>.size))
  return 0
}

/// A switch is wanted for the sake of either task; the idle task does not count as one. So the tracer's
/// own coming and going on an idle machine makes no event that would wake it again.
@inline(__always)
func isSwitchWanted(
  _ previous: Task, _ comm: TaskComm, _ next: Task, _ nextComm: TaskComm, ring: KernelRing
) -> Bool {
  if previous.isIdle {
    return isWanted(other: next, comm: nextComm, family: .scheduler, ring: ring)
  }
  if next.isIdle { return isWanted(previous, comm: comm, family: .scheduler, ring: ring) }
  return isWanted(
    previous, comm: comm, or: next, otherComm: nextComm, family: .scheduler, ring: ring)
}

/// A task is being woken: `trace_sched_waking(p)` in try_to_wake_up(), kernel/sched/core.c, on the
/// waker's CPU and before `p` can run. (`sched_wakeup` may fire on another CPU, in an interrupt.)
@c @section("tp_btf/sched_waking") @used
public func sched_waking(_ context: Context) -> Int32 {
  unsafe wake(context, kind: .wakeup)
}

/// A new task is put on a run queue: `trace_sched_wakeup_new(p)` in wake_up_new_task(),
/// kernel/sched/core.c, by the task that made it.
@c @section("tp_btf/sched_wakeup_new") @used
public func sched_wakeup_new(_ context: Context) -> Int32 {
  unsafe wake(context, kind: .wakeupNew)
}

@inline(__always) func wake(_ context: Context, kind: EventKind) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let wakee = unsafe Task(context.pointerArgument(0))
  let comm = task.comm
  let wakeeComm = wakee.comm
  // Each event wakes the tracer: its being woken makes none.
  if isTracer(wakee, ring: ring) {
    if unsafe seq_load_u32(ring.control + ControlLayout.enabled) != 0 {
      countFiltered(.scheduler, ring: ring)
    }
    return 0
  }
  guard
    isWanted(
      task, comm: comm, or: wakee, otherComm: wakeeComm, family: .scheduler, ring: ring),
    let claim = producer.claim(slots: 1, family: .scheduler)
  else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: WakeupPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.wakeePID = wakee.tgid
  unsafe payload.pointee.wakeeTID = wakee.tid
  unsafe payload.pointee.wakeeProcessStart = wakee.leader.start
  unsafe payload.pointee.wakeeCPU = wakee.cpu
  unsafe payload.pointee.wakeePriority = wakee.priority
  unsafe payload.pointee.wakeeComm = wakeeComm
  unsafe payload.pointee.reserved = 0
  producer.publish(
    claim, kind: kind, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<WakeupPayload>.size))
  return 0
}

/// A task is given to another CPU: `trace_sched_migrate_task(p, dest_cpu)` in set_task_cpu(),
/// kernel/sched/core.c.
@c @section("tp_btf/sched_migrate_task") @used
public func sched_migrate_task(_ context: Context) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let moved = unsafe Task(context.pointerArgument(0))
  let movedComm = moved.comm
  guard isWanted(other: moved, comm: movedComm, family: .scheduler, ring: ring) else { return 0 }
  let destination = unsafe context.argument(1)
  guard let claim = producer.claim(slots: 1, family: .scheduler) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: MigratePayload.self)
  unsafe payload.pointee.comm = task.comm
  unsafe payload.pointee.taskPID = moved.tgid
  unsafe payload.pointee.taskTID = moved.tid
  unsafe payload.pointee.taskProcessStart = moved.leader.start
  unsafe payload.pointee.fromCPU = moved.cpu
  unsafe payload.pointee.toCPU = UInt32(truncatingIfNeeded: destination)
  unsafe payload.pointee.taskComm = movedComm
  unsafe payload.pointee.taskPriority = moved.priority
  unsafe payload.pointee.reserved = 0
  producer.publish(
    claim, kind: .migrate, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<MigratePayload>.size))
  return 0
}
