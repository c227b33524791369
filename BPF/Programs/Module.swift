// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A module is loaded: `trace_module_load(mod)` in load_module(), kernel/module/main.c, before its
/// initialisation runs.
@c @section("tp_btf/module_load") @used
public func module_load(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  return unsafe tellModule(context, kind: .moduleLoad)
}

/// A module is freed: `trace_module_free(mod)` in free_module(), kernel/module/main.c.
@c @section("tp_btf/module_free") @used
public func module_free(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  return unsafe tellModule(context, kind: .moduleFree)
}

@inline(__always) private func tellModule(_ context: Context, kind: EventKind) -> Int32 {
  if kit_offset_module_name() == absent || kit_offset_module_taints() == absent { return 0 }
  guard let ring = KernelRing(), let scratch = unsafe kit_lookup(kit_map_scratch(), 0) else {
    return 0
  }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .module, ring: ring) else { return 0 }
  let module = unsafe context.argument(0)
  let taints = kit_read_word(module &+ UInt64(kit_offset_module_taints()))
  let strings = unsafe UserStrings(scratch: scratch)
  strings.readKernel(
    0, from: module &+ UInt64(kit_offset_module_name()), at: 0, limit: ModulePayload.nameLimit)
  let name = strings.length(0, limit: ModulePayload.nameLimit)
  let length = UInt64(MemoryLayout<ModulePayload>.size) &+ name
  guard let claim = producer.claim(slots: slots(length), family: .module) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: ModulePayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.taints = taints
  unsafe payload.pointee.nameLength = UInt16(truncatingIfNeeded: name)
  unsafe payload.pointee.reserved0 = 0
  unsafe payload.pointee.reserved1 = 0
  _ = unsafe strings.copy(
    name, from: 0, limit: ModulePayload.nameLimit,
    to: claim.payload + MemoryLayout<ModulePayload>.size)
  producer.publish(
    claim, kind: kind, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(truncatingIfNeeded: length))
  return 0
}

/// Where the strings of a call lie in the scratch.
private enum Place {
  @inline(__always) static var name: Int { 0 }
  @inline(__always) static var parameters: Int { ModuleCallPayload.nameLimit }
}

/// init_module(), finit_module() or delete_module() ends, well or not.
@c @section("tp_btf/sys_exit") @used
public func module_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let act = call.act
  let isImage = act == UInt32(SyscallAct.initModule)
  let isFile = act == UInt32(SyscallAct.initModuleFile)
  let isDelete = act == UInt32(SyscallAct.deleteModule)
  let result = Int64(bitPattern: unsafe context.argument(1))
  guard isImage || isFile || isDelete, !isRestart(result), let ring = KernelRing(),
    let scratch = unsafe kit_lookup(kit_map_scratch(), 0)
  else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .module, ring: ring) else { return 0 }
  let strings = unsafe UserStrings(scratch: scratch)
  let nameAt = isDelete ? call.argument(0) : 0
  let parametersAt = isImage ? call.argument(2) : isFile ? call.argument(1) : 0
  strings.read(0, from: nameAt, at: Place.name, limit: ModuleCallPayload.nameLimit)
  strings.read(
    1, from: parametersAt, at: Place.parameters, limit: ModuleCallPayload.parametersLimit)
  let flags = isFile ? call.argument(2) : isDelete ? call.argument(1) : 0
  let descriptor = isFile ? Int32(truncatingIfNeeded: call.argument(0)) : -1
  let imageLength = isImage ? call.argument(1) : 0
  let name = strings.length(0, limit: ModuleCallPayload.nameLimit)
  let parameters = strings.length(1, limit: ModuleCallPayload.parametersLimit)
  let recordFlags = RecordFlags(
    rawValue: RecordFlags.detail(call.detail).rawValue | strings.recordFlags)
  let length = UInt64(MemoryLayout<ModuleCallPayload>.size) &+ name &+ parameters
  guard let claim = producer.claim(slots: slots(length), family: .module) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: ModuleCallPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.result = result
  unsafe payload.pointee.flags = UInt32(truncatingIfNeeded: flags)
  unsafe payload.pointee.descriptor = descriptor
  unsafe payload.pointee.imageLength = imageLength
  unsafe payload.pointee.nameLength = UInt16(truncatingIfNeeded: name)
  unsafe payload.pointee.parametersLength = UInt16(truncatingIfNeeded: parameters)
  unsafe payload.pointee.reserved = 0
  let next = unsafe strings.copy(
    name, from: Place.name, limit: ModuleCallPayload.nameLimit,
    to: claim.payload + MemoryLayout<ModuleCallPayload>.size)
  _ = unsafe strings.copy(
    parameters, from: Place.parameters, limit: ModuleCallPayload.parametersLimit, to: next)
  producer.publish(
    claim, kind: .moduleCall, cpu: ring.cpu, flags: recordFlags,
    payloadLength: UInt32(truncatingIfNeeded: length))
  return 0
}
