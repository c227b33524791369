// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit

/// Keeps other tasks from this CPU until ``allowPreemption()``, where the kernel does not.
///
/// Linux kept preemption off while a tracepoint's programs ran, until 7.0 and its successors came to protect them
/// by SRCU (`__DECLARE_TRACE()`, include/linux/tracepoint.h; `__bpf_trace_run()`, kernel/trace/bpf_trace.c). Another
/// task's programs may then run in the midst of one: over what it wrote into its CPU's memory (``Draft``,
/// ``ExecStrings``), and with claims beyond the one a nesting level that the reserve has room for.
///
/// The kernel moreover skips a program for all tasks of a CPU while a task is in the midst of it there, and counts
/// that as missed. So tasks are let in again in a way that has the kernel switch to them after the program's end
/// only. What is left are the few instructions between the kernel's mark that a program runs and these calls.
///
/// For programs in a task's context: those in the midst of a spinning lock, at a switch or a wakeup, need none. Where
/// the kernel sees to it the loader takes the calls out (`ProgramPreemption`). To be balanced on every way out:
/// `preventPreemption()`, then `defer { allowPreemption() }`.
@inline(__always) public func preventPreemption() {
  kit_prevent_preemption()
}

/// Ends ``preventPreemption()``.
@inline(__always) public func allowPreemption() {
  kit_allow_preemption()
}
