// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import AttackCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI

// Counts what the sequencer's programs see at the same tracepoints, on the same CPU (preemption is off
// from one program of a tracepoint to the next), by another way to the uid.

@inline(__always) func witness() -> Int32 {
  if attack_current_uid() != attack_uid() { return 0 }
  guard let ring = KernelRing(), let state = unsafe attack_cpu_state(ring.cpu) else { return 0 }
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return 0 }
  unsafe seq_add_u64(UnsafeMutableRawPointer(state) + Offset.processes, 1)
  return 0
}

@c @section("tp_btf/task_newtask") @used
public func witness_fork(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  return witness()
}

@c @section("tp_btf/sched_process_exec") @used
public func witness_exec(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  return witness()
}

@c @section("tp_btf/sched_process_exit") @used
public func witness_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  return witness()
}
