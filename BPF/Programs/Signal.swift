// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A signal is generated: `trace_signal_generate(sig, info, task, group, result)` in
/// __send_signal_locked() and send_sigqueue(), kernel/signal.c, under the target's siglock.
@c @section("tp_btf/signal_generate") @used
public func signal_generate(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  let target = unsafe Task(context.pointerArgument(2))
  let targetComm = target.comm
  guard
    isWanted(
      task, comm: comm, or: target, otherComm: targetComm, family: .signal, ring: ring)
  else { return 0 }
  let signal = unsafe context.argument(0)
  let information = unsafe SignalInformation(context.argument(1))
  // Without information the kernel fills in the current task (__send_signal_locked()).
  let senderPID = information.isKept ? information.pid : task.tgid
  let senderUID = information.isKept ? information.uid : task.uid
  let isGroup = unsafe context.argument(3)
  let result = unsafe context.argument(4)
  guard let claim = producer.claim(slots: 1, family: .signal) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SignalGeneratePayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.targetPID = target.tgid
  unsafe payload.pointee.targetTID = target.tid
  unsafe payload.pointee.targetProcessStart = target.leader.start
  unsafe payload.pointee.signal = UInt16(truncatingIfNeeded: signal)
  unsafe payload.pointee.result = UInt8(truncatingIfNeeded: result)
  unsafe payload.pointee.isGroup = UInt8(truncatingIfNeeded: isGroup & 1)
  unsafe payload.pointee.code = information.code
  unsafe payload.pointee.senderPID = senderPID
  unsafe payload.pointee.senderUID = senderUID
  unsafe payload.pointee.targetComm = targetComm
  producer.publish(
    claim, kind: .signalGenerate, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<SignalGeneratePayload>.size))
  return 0
}

/// A signal is delivered: `trace_signal_deliver(sig, info, ka)` in get_signal(), kernel/signal.c, by
/// the task that takes it.
@c @section("tp_btf/signal_deliver") @used
public func signal_deliver(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .signal, ring: ring) else { return 0 }
  let signal = unsafe context.argument(0)
  let information = unsafe SignalInformation(context.argument(1))
  // struct k_sigaction begins with its struct sigaction: handler, flags (include/linux/signal_types.h).
  let action = unsafe context.argument(2)
  let handler = kit_read_word(action)
  let actionFlags = kit_read_word(action &+ 8)
  guard let claim = producer.claim(slots: 1, family: .signal) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: SignalDeliverPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.signal = UInt16(truncatingIfNeeded: signal)
  unsafe payload.pointee.hasInformation = information.isKept ? 1 : 0
  unsafe payload.pointee.code = information.code
  unsafe payload.pointee.senderPID = information.pid
  unsafe payload.pointee.senderUID = information.uid
  unsafe payload.pointee.handler = handler
  unsafe payload.pointee.actionFlags = actionFlags
  unsafe payload.pointee.faultAddress = information.address
  unsafe payload.pointee.reserved1 = 0
  producer.publish(
    claim, kind: .signalDeliver, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<SignalDeliverPayload>.size))
  return 0
}

/// What a `struct kernel_siginfo *` tells. It may be no pointer: 0 is SEND_SIG_NOINFO (a user's), 1
/// SEND_SIG_PRIV (the kernel's), include/linux/sched/signal.h.
struct SignalInformation {
  /// It is a pointer, and something lies there.
  let isKept: Bool
  let code: Int32
  let pid: UInt32
  let uid: UInt32
  let address: UInt64

  /// Reads it through the helper: BTF vouches for the argument, and these two values are no address.
  @inline(__always) init(_ argument: UInt64) {
    isKept = argument > 1
    if argument <= 1 {
      // SI_USER and SI_KERNEL of asm-generic/siginfo.h.
      code = argument == 0 ? 0 : 0x80
      pid = 0
      uid = 0
      address = 0
      return
    }
    // si_signo, si_errno, si_code, then from 16 on: si_pid and si_uid, or si_addr.
    code = Int32(truncatingIfNeeded: kit_read_word(argument &+ 8))
    let word = kit_read_word(argument &+ 16)
    pid = UInt32(truncatingIfNeeded: word)
    uid = UInt32(truncatingIfNeeded: word &>> 32)
    address = word
  }
}
