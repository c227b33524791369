// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// Requests of linux/ptrace.h that make a task a tracee.
private enum Request {
  @inline(__always) static var traceMe: UInt64 { 0 }
  @inline(__always) static var attach: UInt64 { 16 }
  @inline(__always) static var seize: UInt64 { 0x4206 }
  /// Of the tracer: the tracee is in its list only afterwards.
  @inline(__always) static func attaches(_ request: UInt64) -> Bool {
    request == attach || request == seize
  }
}

/// Tracees looked at, from the newest on.
@inline(__always) private var traceeLimit: Int { 16 }

/// The tracee of `tracer` that the tracer knows as `number`: its address, or 0.
@inline(__always) private func tracee(of tracer: Task, number: UInt32) -> UInt64 {
  let own = TaskIdentity(of: tracer.address)
  let namespace = own.namespace
  let head = tracer.address &+ UInt64(kit_offset_task_ptraced())
  var node = kit_read_word(head)
  for _ in 0..<traceeLimit {
    if node == 0 || node == head { break }
    let candidate = node &- UInt64(kit_offset_task_ptrace_entry())
    let identity = TaskIdentity(of: candidate)
    if identity.isNumber(number, in: namespace, level: own.level) { return candidate }
    node = kit_read_word(node)
  }
  return 0
}

/// Remembers the tracee that a request is about: one that detaches it leaves no trace of it.
@c @section("tp_btf/sys_enter") @used
public func ptrace_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(entering: context, task)
  guard call.act == UInt32(SyscallAct.ptrace), let state = unsafe kit_act_state(task.pointer, 1)
  else { return 0 }
  let target = unsafe state + Int(KIT_ACT_TARGET)
  unsafe seq_store_u32(state + Int(KIT_ACT_HAS_TARGET), 0)
  if call.argument(0) == Request.traceMe { return 0 }
  let found = tracee(of: task, number: UInt32(truncatingIfNeeded: call.argument(1)))
  if found == 0 { return 0 }
  unsafe writeReference(of: found, to: target)
  unsafe seq_store_u32(state + Int(KIT_ACT_HAS_TARGET), 1)
  return 0
}

/// ptrace(), process_vm_readv() or process_vm_writev() ends.
@c @section("tp_btf/sys_exit") @used
public func ptrace_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let act = call.act
  if act == UInt32(SyscallAct.ptrace) { return unsafe tellPtrace(call, task, context) }
  if act == UInt32(SyscallAct.readMemory) || act == UInt32(SyscallAct.writeMemory) {
    return unsafe tellMemory(call, task, context)
  }
  return 0
}

@inline(__always)
private func tellPtrace(_ call: SystemCall, _ task: Task, _ context: Context) -> Int32 {
  let result = Int64(bitPattern: unsafe context.argument(1))
  if isRestart(result) { return 0 }
  guard let ring = KernelRing(), let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else {
    return 0
  }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .ptrace, ring: ring) else { return 0 }
  if unsafe !findTarget(call, task, succeeded: result == 0, to: scratch) {
    producer.lose(.ptrace)
    return 0
  }
  guard let claim = producer.claim(slots: 2, family: .ptrace) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: PtracePayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.request = UInt32(truncatingIfNeeded: call.argument(0))
  unsafe payload.pointee.askedPID = UInt32(truncatingIfNeeded: call.argument(1))
  unsafe payload.pointee.address = call.argument(2)
  unsafe payload.pointee.data = call.argument(3)
  unsafe payload.pointee.result = result
  let tasks =
    unsafe claim.payload
    + (MemoryLayout<PtracePayload>.size - 2 * MemoryLayout<TaskReference>.size)
  unsafe copyWords(2 * MemoryLayout<TaskReference>.size / 8, from: scratch, to: tasks)
  producer.publish(
    claim, kind: .ptrace, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<PtracePayload>.size))
  return 0
}

/// Writes the tracer and the tracee to `bytes`, one behind the other.
///
/// - Returns: whether they are known; not where there was no memory to remember the tracee in.
@inline(__always)
private func findTarget(
  _ call: SystemCall, _ task: Task, succeeded: Bool, to bytes: UnsafeMutableRawPointer
) -> Bool {
  let tracer = unsafe bytes.assumingMemoryBound(to: TaskReference.self)
  let targetBytes = unsafe bytes + MemoryLayout<TaskReference>.size
  let target = unsafe targetBytes.assumingMemoryBound(to: TaskReference.self)
  unsafe tracer.pointee = task.reference
  unsafe target.pointee = TaskReference()
  let request = call.argument(0)
  if request == Request.traceMe {
    // ptrace_traceme(): the real parent becomes the tracer.
    unsafe tracer.pointee = task.parent.reference
    unsafe target.pointee = task.reference
    return true
  }
  if Request.attaches(request) && succeeded {
    let found = tracee(of: task, number: UInt32(truncatingIfNeeded: call.argument(1)))
    if found != 0 { unsafe writeReference(of: found, to: targetBytes) }
    return true
  }
  guard let state = unsafe kit_act_state(task.pointer, 0) else { return false }
  if unsafe seq_load_u32(state + Int(KIT_ACT_HAS_TARGET)) == 1 {
    unsafe copyWords(
      MemoryLayout<TaskReference>.size / 8, from: state + Int(KIT_ACT_TARGET), to: targetBytes)
  }
  return true
}

@inline(__always)
private func tellMemory(_ call: SystemCall, _ task: Task, _ context: Context) -> Int32 {
  let result = Int64(bitPattern: unsafe context.argument(1))
  if isRestart(result) { return 0 }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .ptrace, ring: ring) else { return 0 }
  // struct iovec begins with the address; a 32-bit caller's has half the width.
  let first = kit_read_user_word(call.argument(3))
  let address = call.isCompat ? first & 0xFFFF_FFFF : first
  let isWrite: UInt32 = call.act == UInt32(SyscallAct.writeMemory) ? 1 : 0
  guard let claim = producer.claim(slots: 1, family: .ptrace) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: ProcessMemoryPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.askedPID = UInt32(truncatingIfNeeded: call.argument(0))
  unsafe payload.pointee.isWrite = isWrite
  unsafe payload.pointee.result = result
  unsafe payload.pointee.remoteCount = call.argument(4)
  unsafe payload.pointee.remoteAddress = address
  unsafe payload.pointee.reserved0 = 0
  unsafe payload.pointee.reserved1 = 0
  producer.publish(
    claim, kind: .processMemory, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<ProcessMemoryPayload>.size))
  return 0
}
