// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A task calls on a futex: what it waits for, or wakes, before it does.
@c @section("tp_btf/sys_enter") @used
public func futex_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(entering: context, task)
  return futex(task, call, result: 0, kind: .futexEnter)
}

/// A task comes back from a call on a futex.
@c @section("tp_btf/sys_exit") @used
public func futex_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  return futex(
    task, call, result: Int64(bitPattern: unsafe context.argument(1)), kind: .futexExit)
}

@inline(__always)
func futex(_ task: Task, _ call: SystemCall, result: Int64, kind: EventKind) -> Int32 {
  guard let futex = FutexCall(call), let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .futex, ring: ring),
    let claim = producer.claim(slots: 1, family: .futex)
  else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: FutexPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.address = futex.address
  unsafe payload.pointee.secondAddress = futex.secondAddress
  unsafe payload.pointee.result = result
  unsafe payload.pointee.operation = futex.operation
  unsafe payload.pointee.flags = futex.flags
  unsafe payload.pointee.value = futex.value
  unsafe payload.pointee.reserved = 0
  producer.publish(
    claim, kind: kind, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<FutexPayload>.size))
  return 0
}

/// A call on a futex, whichever system call it is made by: kernel/futex/syscalls.c.
struct FutexCall {
  let address: UInt64
  let secondAddress: UInt64
  let operation: UInt32
  let flags: UInt32
  let value: UInt32

  @inline(__always) init?(_ call: SystemCall) {
    let act = call.act
    let first = call.argument(0)
    let second = call.argument(1)
    let third = call.argument(2)
    if act == UInt32(SyscallAct.futex) {
      // futex(uaddr, op, val, timeout, uaddr2, val3); FUTEX_CMD_MASK of include/uapi/linux/futex.h.
      let word = UInt32(truncatingIfNeeded: second)
      let command = word & ~0x180
      address = first
      operation = command
      flags = word & 0x180
      value = UInt32(truncatingIfNeeded: third)
      // REQUEUE 3, CMP_REQUEUE 4, WAKE_OP 5, WAIT_REQUEUE_PI 11, CMP_REQUEUE_PI 12.
      let hasSecond = (command >= 3 && command <= 5) || command == 11 || command == 12
      secondAddress = hasSecond ? call.argument(4) : 0
      return
    }
    flags = 0
    secondAddress = 0
    address = first
    if act == UInt32(SyscallAct.futexWait) {
      // futex_wait(uaddr, val, mask, flags, timeout, clockid): FUTEX_WAIT_BITSET.
      operation = 9
      value = UInt32(truncatingIfNeeded: second)
    } else if act == UInt32(SyscallAct.futexWake) {
      // futex_wake(uaddr, mask, nr, flags): FUTEX_WAKE_BITSET.
      operation = 10
      value = UInt32(truncatingIfNeeded: third)
    } else if act == UInt32(SyscallAct.futexRequeue) {
      // futex_requeue(waiters, flags, nr_wake, nr_requeue): FUTEX_CMP_REQUEUE.
      operation = 4
      value = UInt32(truncatingIfNeeded: third)
    } else if act == UInt32(SyscallAct.futexWaitv) {
      // futex_waitv(waiters, nr_futexes, flags, timeout, clockid).
      operation = FutexPayload.waitv
      value = UInt32(truncatingIfNeeded: second)
    } else {
      return nil
    }
  }
}
