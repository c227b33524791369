// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import RecursionCKit
import SequencerABI
import SequencerCore

/// One process's calls of one system call print a line, which is what ``recurse(_:)`` is attached to.
/// `trace_sys_enter(regs, id)`, kernel/entry/common.c.
@c @section("tp_btf/sys_enter") @used
public func begin_recursion(_ context: Context) -> Int32 {
  guard let target = unsafe recursion_target_get() else { return 0 }
  if unsafe context.argument(1) != target.pointee.number { return 0 }
  if unsafe Task.current.tgid == target.pointee.tgid { recursion_print() }
  return 0
}

/// Offers an event for each line that is printed, and prints one itself: the program is wanted while it
/// runs, on its own CPU, which the kernel refuses and counts. `trace_bpf_trace_printk(text)`,
/// kernel/trace/bpf_trace.c.
@c @section("tp_btf/bpf_trace_printk") @used
public func recurse(_ context: Context) -> Int32 {
  guard let target = unsafe recursion_target_get() else { return 0 }
  let task = Task.current
  if unsafe task.tgid != target.pointee.tgid { return 0 }
  recursion_print()
  guard let ring = KernelRing() else { return 0 }
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return 0 }
  let producer = Producer(ring)
  guard let claim = producer.claim(slots: 1, family: .test) else { return 0 }
  _ = claim.describe(task, in: ring)
  producer.publish(claim, kind: .test, cpu: ring.cpu, flags: [], payloadLength: 0)
  return 0
}
