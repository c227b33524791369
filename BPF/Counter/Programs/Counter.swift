// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import CounterCKit

// A witness that shares nothing with the sequencer: no ring, no gate, no filter, other tracepoints
// where there are any. What it counts is what a trace of the whole machine must account for.

@inline(__always) func count(_ kind: UInt32) -> Int32 {
  // Per CPU, in task context with preemption off: no other writer.
  if let counter = unsafe counter_of(kind) { unsafe counter.pointee &+= 1 }
  return 0
}

/// kernel_clone(), kernel/fork.c: every clone(), fork() and vfork().
@c @section("tp_btf/sched_process_fork") @used
public func count_fork(_ context: UnsafeRawPointer) -> Int32 { count(0) }

/// exec_binprm(), fs/exec.c: every exec that succeeded.
@c @section("tp_btf/sched_process_exec") @used
public func count_exec(_ context: UnsafeRawPointer) -> Int32 { count(1) }

/// do_exit(), kernel/exit.c: every task that ended.
@c @section("tp_btf/sched_process_exit") @used
public func count_exit(_ context: UnsafeRawPointer) -> Int32 { count(2) }
