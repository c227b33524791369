// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import EvaluationCKit
import SequencerABI
import SequencerCore

// The kernel's own events, the same for every transport.

/// Fields of a task, at the offsets of this object's configuration.
extension Context {
  @inline(__always) var taskID: UInt64 { UInt64(unsafe half(eval_task_tid())) }
  @inline(__always) var taskProcess: UInt32 { unsafe half(eval_task_tgid()) }
  @inline(__always) var taskStart: UInt64 { unsafe word(eval_task_start()) }
}

/// Counts and sends one event about `task`.
@inline(__always)
func tell(
  _ kind: eval_kind, of task: Context, number: UInt64, _ context: Context, linger: UInt64 = 0
) -> Int32 {
  var event = eval_event()
  event.number = number
  event.kind = kind.rawValue
  event.subject = unsafe task.taskStart
  event.id = unsafe task.taskID
  event.actor = eval_actor()
  // The ring's switch, whatever the transport.
  guard let own = unsafe eval_cpu_get(kit_cpu()),
    unsafe seq_load_u32(kit_map_control() + ControlLayout.enabled) != 0
  else { return 0 }
  unsafe own.pointee.offered &+= 1
  unsafe send(&event, context, linger: linger)
  return 0
}

@inline(__always) func wantsProcesses() -> Bool {
  guard let target = unsafe eval_target_get() else { return false }
  return unsafe target.pointee.events != 0
}

/// `task_newtask(task, clone_flags)`, include/trace/events/task.h.
@c @section("tp_btf/task_newtask") @used
public func eval_fork(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  if !wantsProcesses() { return 0 }
  return unsafe tell(EVAL_FORK, of: context.pointerArgument(0), number: 0, context)
}

/// `sched_process_exec(task, old_pid, bprm)`, include/trace/events/sched.h.
@c @section("tp_btf/sched_process_exec") @used
public func eval_exec(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  if !wantsProcesses() { return 0 }
  return unsafe tell(EVAL_EXEC, of: context.pointerArgument(0), number: 0, context)
}

/// `sched_process_exit(task)`, include/trace/events/sched.h.
@c @section("tp_btf/sched_process_exit") @used
public func eval_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  if !wantsProcesses() { return 0 }
  return unsafe tell(EVAL_EXIT, of: context.pointerArgument(0), number: 0, context)
}

/// `sched_switch(preempt, prev, next, prev_state)`, include/trace/events/sched.h: the target's tasks
/// leaving a CPU.
@c @section("tp_btf/sched_switch") @used
public func eval_switch(_ context: Context) -> Int32 {
  guard let target = unsafe eval_target_get() else { return 0 }
  let previous = unsafe context.pointerArgument(1)
  if unsafe target.pointee.tgid == 0 || previous.taskProcess != target.pointee.tgid { return 0 }
  return unsafe tell(EVAL_SWITCH, of: previous, number: 0, context)
}

/// `sys_enter(regs, id)`, include/trace/events/syscalls.h: one call of the target's, its first argument
/// the event's number.
@c @section("tp_btf/sys_enter") @used
public func eval_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  if unsafe context.argument(1) != UInt64(eval_call()) { return 0 }
  guard let target = unsafe eval_target_get() else { return 0 }
  let task = unsafe kit_current_task()
  if unsafe task.taskProcess != target.pointee.tgid { return 0 }
  let registers = unsafe context.pointerArgument(0)
  let number = unsafe registers.word(eval_call_argument())
  return unsafe tell(EVAL_CALL, of: task, number: number, context, linger: target.pointee.linger)
}
