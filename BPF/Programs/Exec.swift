// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// The point of no return of an exec, before the credentials change: `trace_sched_prepare_exec()`
/// in begin_new_exec(), fs/exec.c, kernels from 6.9. Keeps what `exec` calls "before".
@c @section("tp_btf/sched_prepare_exec") @used
public func sched_prepare_exec(_ context: Context) -> Int32 {
  let task = Task.current
  guard let state = kit_task_state(task.pointer, 1) else { return 0 }
  let credentials = task.credentials
  state.pointee.uid = credentials.uid
  state.pointee.gid = credentials.gid
  state.pointee.euid = credentials.effectiveUID
  state.pointee.egid = credentials.effectiveGID
  state.pointee.permitted = credentials.permitted
  state.pointee.effective = credentials.effective
  state.pointee.has_before = 1
  return 0
}

/// A task runs a new program: `trace_sched_process_exec(p, old_pid, bprm)` in exec_binprm(),
/// fs/exec.c, after success only: a failed exec is none.
@c @section("tp_btf/sched_process_exec") @used
public func sched_process_exec(_ context: Context) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .process, ring: ring),
    let scratch = kit_lookup(kit_map_scratch(), 0)
  else { return 0 }
  let binary = context.pointerArgument(2)
  // Everything that can fail, and every length, comes before the claim.
  let strings = ExecStrings(task: task, binary: binary, scratch: scratch)
  let length = UInt64(MemoryLayout<ExecPayload>.size) &+ strings.total
  let slots = (UInt64(Slot.headerSize) &+ length &+ UInt64(Slot.size &- 1)) &>> Slot.sizeShift
  guard let claim = producer.claim(slots: slots, family: .process) else { return 0 }
  _ = claim.describe(task)
  let recordFlags = fill(claim.payload, task: task, context: context, strings: strings)
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
  _ bytes: UnsafeMutableRawPointer, task: Task, context: Context, strings: ExecStrings
) -> RecordFlags {
  let binary = context.pointerArgument(2)
  let payload = bytes.assumingMemoryBound(to: ExecPayload.self)
  var flags = strings.flags
  payload.pointee.oldTID = UInt32(truncatingIfNeeded: context.argument(1))
  let file = binary.pointer(kit_offset_bprm_file())
  let inode = file.pointer(kit_offset_file_inode())
  payload.pointee.inode = inode.word(kit_offset_inode_ino())
  payload.pointee.device = inode.pointer(kit_offset_inode_sb()).half(kit_offset_sb_dev())
  payload.pointee.argumentCount = binary.half(kit_offset_bprm_argc())
  payload.pointee.pathLength = UInt16(truncatingIfNeeded: strings.path)
  payload.pointee.workingDirectoryLength = UInt16(truncatingIfNeeded: strings.workingDirectory)
  payload.pointee.argumentsLength = UInt32(truncatingIfNeeded: strings.arguments)
  payload.pointee.argumentsTotal = UInt32(truncatingIfNeeded: strings.argumentsTotal)
  payload.pointee.reserved = 0
  payload.pointee.comm = task.comm
  payload.pointee.before = Credentials()
  if let state = kit_task_state(task.pointer, 0), state.pointee.has_before != 0 {
    payload.pointee.before.uid = state.pointee.uid
    payload.pointee.before.gid = state.pointee.gid
    payload.pointee.before.effectiveUID = state.pointee.euid
    payload.pointee.before.effectiveGID = state.pointee.egid
    payload.pointee.before.permitted = state.pointee.permitted
    payload.pointee.before.effective = state.pointee.effective
    state.pointee.has_before = 0
    flags.insert(.credentialsBefore)
  }
  payload.pointee.after = task.credentials
  payload.pointee.execFlags = flags.rawValue
  var recordFlags = RecordFlags()
  if flags.contains(.pathTruncated) || flags.contains(.argumentsTruncated) {
    recordFlags.insert(.truncated)
  }
  if strings.copy(to: bytes + MemoryLayout<ExecPayload>.size) { recordFlags.insert(.fault) }
  return recordFlags
}
