// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A system call begins: `trace_sys_enter(regs, id)` in syscall_trace_enter(), kernel/entry/common.c (and
/// its like of arm64).
@c @section("tp_btf/sys_enter") @used
public func syscall_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(entering: context, task)
  // A call that is not chosen is no event: it is not counted either.
  guard call.isWanted, let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .syscall, ring: ring),
    let claim = producer.claim(slots: 1, family: .syscall)
  else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SyscallEnterPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.arguments.0 = call.argument(0)
  unsafe payload.pointee.arguments.1 = call.argument(1)
  unsafe payload.pointee.arguments.2 = call.argument(2)
  unsafe payload.pointee.arguments.3 = call.argument(3)
  unsafe payload.pointee.arguments.4 = call.argument(4)
  unsafe payload.pointee.arguments.5 = call.argument(5)
  producer.publish(
    claim, kind: .syscallEnter, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<SyscallEnterPayload>.size))
  return 0
}

/// A system call ends: `trace_sys_exit(regs, ret)` in syscall_exit_work(), kernel/entry/common.c (and its
/// like of arm64).
@c @section("tp_btf/sys_exit") @used
public func syscall_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  guard call.isWanted, let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .syscall, ring: ring) else { return 0 }
  let result = unsafe context.argument(1)
  guard let claim = producer.claim(slots: 1, family: .syscall) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SyscallExitPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.result = Int64(bitPattern: result)
  producer.publish(
    claim, kind: .syscallExit, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<SyscallExitPayload>.size))
  return 0
}
