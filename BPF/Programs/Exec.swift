// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// The point of no return of an exec, before the credentials change: `trace_sched_prepare_exec()`
/// in begin_new_exec(), fs/exec.c, kernels from 6.9. Keeps what `exec` calls "before".
@c @section("tp_btf/sched_prepare_exec") @used
public func sched_prepare_exec(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  guard let state = unsafe kit_task_state(task.pointer, 1) else { return 0 }
  let credentials = task.credentials
  unsafe state.pointee.uid = credentials.uid
  unsafe state.pointee.gid = credentials.gid
  unsafe state.pointee.euid = credentials.effectiveUID
  unsafe state.pointee.egid = credentials.effectiveGID
  unsafe state.pointee.permitted = credentials.permitted
  unsafe state.pointee.effective = credentials.effective
  unsafe state.pointee.has_before = 1
  return 0
}

/// A task runs a new program: `trace_sched_process_exec(p, old_pid, bprm)` in exec_binprm(),
/// fs/exec.c, after success only: a failed exec is none.
@c @section("tp_btf/sched_process_exec") @used
public func sched_process_exec(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .process, ring: ring),
    let scratch = unsafe kit_lookup(kit_map_scratch(), 0)
  else { return 0 }
  let binary = unsafe context.pointerArgument(2)
  // Everything that can fail, takes a lock, or is a length comes before the claim: a program that tells of
  // locks must not find a claim open on its own level (RingGeometry.nestingLevels).
  let strings = unsafe ExecStrings(task: task, binary: binary, scratch: scratch)
  let state = unsafe kit_task_state(task.pointer, 0)
  let length = UInt64(MemoryLayout<ExecPayload>.size) &+ strings.total
  guard let claim = producer.claim(slots: slots(length), family: .process) else { return 0 }
  _ = claim.describe(task, in: ring)
  let recordFlags = unsafe fill(
    claim.payload, task: task, context: context, strings: strings, state: state)
  producer.publish(
    claim, kind: .exec, cpu: ring.cpu, flags: recordFlags,
    payloadLength: UInt32(truncatingIfNeeded: length))
  return 0
}

/// Writes the payload of an exec.
///
/// A function of its own, on the bare pointer: with branches between a claim and its publish
/// swiftc 6.3.1 fails in CopyPropagation ("leaked owned value").
@inline(__always)
func fill(
  _ bytes: UnsafeMutableRawPointer, task: Task, context: Context, strings: ExecStrings,
  state: UnsafeMutablePointer<kit_task_state>?
) -> RecordFlags {
  let binary = unsafe context.pointerArgument(2)
  let payload = unsafe bytes.assumingMemoryBound(to: ExecPayload.self)
  var flags = strings.flags
  unsafe payload.pointee.oldTID = UInt32(truncatingIfNeeded: context.argument(1))
  let file = unsafe binary.pointer(kit_offset_bprm_file())
  let inode = unsafe file.pointer(kit_offset_file_inode())
  unsafe payload.pointee.inode = inode.word(kit_offset_inode_ino())
  unsafe payload.pointee.device = inode.pointer(kit_offset_inode_sb()).half(kit_offset_sb_dev())
  unsafe payload.pointee.argumentCount = binary.half(kit_offset_bprm_argc())
  unsafe payload.pointee.pathLength = UInt16(truncatingIfNeeded: strings.path)
  unsafe payload.pointee.workingDirectoryLength = UInt16(
    truncatingIfNeeded: strings.workingDirectory)
  unsafe payload.pointee.argumentsLength = UInt32(truncatingIfNeeded: strings.arguments)
  unsafe payload.pointee.argumentsTotal = UInt32(truncatingIfNeeded: strings.argumentsTotal)
  unsafe payload.pointee.reserved = 0
  unsafe payload.pointee.comm = task.comm
  unsafe payload.pointee.before = Credentials()
  if let state = unsafe state, unsafe state.pointee.has_before != 0 {
    unsafe payload.pointee.before.uid = state.pointee.uid
    unsafe payload.pointee.before.gid = state.pointee.gid
    unsafe payload.pointee.before.effectiveUID = state.pointee.euid
    unsafe payload.pointee.before.effectiveGID = state.pointee.egid
    unsafe payload.pointee.before.permitted = state.pointee.permitted
    unsafe payload.pointee.before.effective = state.pointee.effective
    unsafe state.pointee.has_before = 0
    flags.insert(.credentialsBefore)
  }
  unsafe payload.pointee.after = task.credentials
  unsafe payload.pointee.execFlags = flags.rawValue
  var recordFlags = RecordFlags()
  if flags.contains(.pathTruncated) || flags.contains(.argumentsTruncated) {
    recordFlags.insert(.truncated)
  }
  if unsafe strings.copy(to: bytes + MemoryLayout<ExecPayload>.size) { recordFlags.insert(.fault) }
  return recordFlags
}
