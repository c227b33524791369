// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

// Credentials change at commit_creds(), kernel/cred.c, which no tracepoint tells. A task changes none but its
// own, and only in calls that are known: what it has before such a call and after it is what was committed.

@inline(__always) func mayChangeCredentials(_ call: SystemCall) -> Bool {
  let act = call.act
  return act == UInt32(SyscallAct.changeCredentials) || act == UInt32(SyscallAct.changeNamespaces)
}

/// Remembers what a task has before a call that may change it.
@c @section("tp_btf/sys_enter") @used
public func cred_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(entering: context, task)
  guard mayChangeCredentials(call) else { return 0 }
  guard let state = unsafe kit_act_state(task.pointer, 1) else {
    return loseChange(of: task, family: .credentials)
  }
  unsafe task.writeCredentials(to: state + Int(KIT_ACT_CREDENTIALS))
  unsafe seq_store_u32(state + Int(KIT_ACT_DETAIL), UInt32(call.detail))
  unsafe seq_store_u32(state + Int(KIT_ACT_HAS_CREDENTIALS), 1)
  return 0
}

/// Tells what such a call changed, if it changed anything.
@c @section("tp_btf/sys_exit") @used
public func cred_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  guard mayChangeCredentials(call), let state = unsafe kit_act_state(task.pointer, 0),
    unsafe seq_exchange_u32(state + Int(KIT_ACT_HAS_CREDENTIALS), 0) == 1
  else { return 0 }
  let detail = unsafe UInt16(truncatingIfNeeded: seq_load_u32(state + Int(KIT_ACT_DETAIL)))
  return unsafe tellCredentials(
    of: task, before: state + Int(KIT_ACT_CREDENTIALS), detail: detail)
}

/// A task was made in a new user namespace (see `task_newtask`): what it has beside what its creator has.
@c @section("tp_btf/task_newtask") @used
public func cred_newtask(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let child = unsafe Task(context.pointerArgument(0))
  // Without one, copy_creds() shares or copies what the creator has.
  if child.sharesUserNamespace(with: task) { return 0 }
  guard let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else { return 0 }
  let before = unsafe scratch + MemoryLayout<FullCredentials>.size
  unsafe task.writeCredentials(to: before)
  return unsafe tellCredentials(of: child, before: before, detail: currentCall(task))
}

/// The call that the current task, which makes another, is in: clone(), clone3(), fork(), vfork().
@inline(__always) func currentCall(_ task: Task) -> UInt16 {
  unsafe SystemCall(task, registers: kit_task_registers(task.pointer)).detail
}

/// Counts a change as lost that `task` may be about to make: there is no memory to keep what it has until
/// then, so that nobody will know whether it made one.
@inline(__always) func loseChange(of task: Task, family: EventFamily) -> Int32 {
  guard let ring = KernelRing(),
    isWanted(task, comm: task.comm, family: family, ring: ring)
  else { return 0 }
  Producer(ring).lose(family)
  return 0
}

@inline(__always)
func tellCredentials(of subject: Task, before: UnsafeMutableRawPointer, detail: UInt16) -> Int32 {
  guard let ring = KernelRing(), let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else {
    return 0
  }
  unsafe subject.writeCredentials(to: scratch)
  guard unsafe differs(before, scratch, words: MemoryLayout<FullCredentials>.size / 8) else {
    return 0
  }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .credentials, ring: ring),
    let claim = producer.claim(slots: 3, family: .credentials)
  else { return 0 }
  _ = claim.describe(task, in: ring)
  unsafe fillCredentials(
    claim.payload, comm: comm, subject: subject, before: before, after: scratch)
  producer.publish(
    claim, kind: .credentials, cpu: ring.cpu, flags: .detail(detail),
    payloadLength: UInt32(MemoryLayout<CredentialsPayload>.size))
  return 0
}

@inline(__always)
func fillCredentials(
  _ bytes: UnsafeMutableRawPointer, comm: TaskComm, subject: Task,
  before: UnsafeMutableRawPointer, after: UnsafeMutableRawPointer
) {
  let payload = unsafe bytes.assumingMemoryBound(to: CredentialsPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.task = subject.reference
  let words = MemoryLayout<FullCredentials>.size / 8
  // The last two fields: key paths, which would tell the offset, are not for Embedded Swift.
  let to =
    unsafe bytes + (MemoryLayout<CredentialsPayload>.size - 2 * MemoryLayout<FullCredentials>.size)
  unsafe copyWords(words, from: before, to: to)
  unsafe copyWords(words, from: after, to: to + MemoryLayout<FullCredentials>.size)
  let wasReplaced = unsafe payload.pointee.before.groupList != payload.pointee.after.groupList
  unsafe payload.pointee.groupsReplaced = wasReplaced ? 1 : 0
  unsafe payload.pointee.reserved = 0
  // Kernel addresses leave the kernel for nobody.
  unsafe payload.pointee.before.groupList = 0
  unsafe payload.pointee.after.groupList = 0
}
