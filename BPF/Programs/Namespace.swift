// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

// A task's namespaces change at switch_task_namespaces(), kernel/nsproxy.c, and with its credentials, in calls of
// its own: unshare(), setns(), and execve(), which enters the time namespace made for children.

/// Remembers what a task has before a call that may change it.
@c @section("tp_btf/sys_enter") @used
public func namespace_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(entering: context, task)
  guard call.act == UInt32(SyscallAct.changeNamespaces) else { return 0 }
  guard let state = unsafe kit_act_state(task.pointer, 1) else {
    return loseChange(of: task, family: .namespace)
  }
  unsafe task.writeNamespaces(to: state + Int(KIT_ACT_NAMESPACES))
  unsafe seq_store_u32(state + Int(KIT_ACT_DETAIL), UInt32(call.detail))
  unsafe seq_store_u32(state + Int(KIT_ACT_HAS_NAMESPACES), 1)
  return 0
}

/// Tells what such a call changed, if it changed anything.
@c @section("tp_btf/sys_exit") @used
public func namespace_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  guard call.act == UInt32(SyscallAct.changeNamespaces),
    let state = unsafe kit_act_state(task.pointer, 0),
    unsafe seq_exchange_u32(state + Int(KIT_ACT_HAS_NAMESPACES), 0) == 1
  else { return 0 }
  let detail = unsafe UInt16(truncatingIfNeeded: seq_load_u32(state + Int(KIT_ACT_DETAIL)))
  return unsafe tellNamespaces(
    of: task, before: state + Int(KIT_ACT_NAMESPACES), detail: detail)
}

/// A task was made (see `task_newtask`): its namespaces beside its creator's.
@c @section("tp_btf/task_newtask") @used
public func ns_newtask(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let child = unsafe Task(context.pointerArgument(0))
  // Nearly every task: its namespaces are its creator's, and nothing more has to be read.
  if child.sharesNamespaces(with: task) { return 0 }
  guard let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else { return 0 }
  let before = unsafe scratch + MemoryLayout<FullCredentials>.size
  unsafe task.writeNamespaces(to: before)
  return unsafe tellNamespaces(of: child, before: before, detail: currentCall(task))
}

@inline(__always)
func tellNamespaces(of subject: Task, before: UnsafeMutableRawPointer, detail: UInt16) -> Int32 {
  guard let ring = KernelRing(), let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else {
    return 0
  }
  unsafe subject.writeNamespaces(to: scratch)
  guard unsafe differs(before, scratch, words: MemoryLayout<NamespaceSet>.size / 8) else {
    return 0
  }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .namespace, ring: ring),
    let claim = producer.claim(slots: 2, family: .namespace)
  else { return 0 }
  _ = claim.describe(task, in: ring)
  unsafe fillNamespaces(
    claim.payload, comm: comm, subject: subject, before: before, after: scratch)
  producer.publish(
    claim, kind: .namespace, cpu: ring.cpu, flags: .detail(detail),
    payloadLength: UInt32(MemoryLayout<NamespacePayload>.size))
  return 0
}

@inline(__always)
func fillNamespaces(
  _ bytes: UnsafeMutableRawPointer, comm: TaskComm, subject: Task,
  before: UnsafeMutableRawPointer, after: UnsafeMutableRawPointer
) {
  let payload = unsafe bytes.assumingMemoryBound(to: NamespacePayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.task = subject.reference
  let words = MemoryLayout<NamespaceSet>.size / 8
  // The last two fields, as with credentials.
  let to =
    unsafe bytes + (MemoryLayout<NamespacePayload>.size - 2 * MemoryLayout<NamespaceSet>.size)
  unsafe copyWords(words, from: before, to: to)
  unsafe copyWords(words, from: after, to: to + MemoryLayout<NamespaceSet>.size)
}
