// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import PulseCKit
import SequencerABI
import SequencerCore

/// One process's calls of one system call, as events of the size and cost of a real one: a source
/// whose rate user space sets. `trace_sys_enter(regs, id)`, kernel/entry/common.c.
///
/// The payload is the moment of publication, ns of `CLOCK_MONOTONIC`.
@c @section("tp_btf/sys_enter") @used
public func pulse(_ context: Context) -> Int32 {
  guard let target = unsafe pulse_target_get() else { return 0 }
  if unsafe context.argument(1) != target.pointee.number { return 0 }
  let task = Task.current
  if unsafe task.tgid != target.pointee.tgid { return 0 }
  guard let ring = KernelRing() else { return 0 }
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return 0 }
  let producer = Producer(ring)
  guard let claim = producer.claim(slots: 1, family: .test) else { return 0 }
  _ = claim.describe(task, in: ring)
  unsafe claim.payload.storeBytes(of: kit_ktime_ns(), as: UInt64.self)
  producer.publish(claim, kind: .test, cpu: ring.cpu, flags: [], payloadLength: 8)
  return 0
}
