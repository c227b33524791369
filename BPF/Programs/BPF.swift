// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// bpf() ends.
@c @section("tp_btf/sys_exit") @used
public func bpf_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let result = Int64(bitPattern: unsafe context.argument(1))
  guard call.act == UInt32(SyscallAct.bpf), !isRestart(result), let ring = KernelRing(),
    let scratch = unsafe kit_lookup(kit_map_scratch(), 0)
  else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .bpf, ring: ring) else { return 0 }
  unsafe describeObject(
    command: UInt32(truncatingIfNeeded: call.argument(0)), result: result,
    task: task, to: scratch)
  guard let claim = producer.claim(slots: 1, family: .bpf) else { return 0 }
  _ = claim.describe(task, in: ring)
  unsafe copyWords(
    MemoryLayout<BPFPayload>.size / 8, from: scratch, to: claim.payload)
  let payload = unsafe claim.payload.assumingMemoryBound(to: BPFPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.result = result
  producer.publish(
    claim, kind: .bpf, cpu: ring.cpu, flags: .detail(call.detail),
    payloadLength: UInt32(MemoryLayout<BPFPayload>.size))
  return 0
}

/// Commands of enum bpf_cmd, linux/bpf.h, whose result is a descriptor of a map or a program.
private enum Command {
  @inline(__always) static func givesMap(_ command: UInt32) -> Bool {
    command == 0 || command == 14  // BPF_MAP_CREATE, BPF_MAP_GET_FD_BY_ID
  }
  @inline(__always) static func givesProgram(_ command: UInt32) -> Bool {
    command == 5 || command == 13  // BPF_PROG_LOAD, BPF_PROG_GET_FD_BY_ID
  }
}

/// Writes what the returned descriptor stands for to `bytes`, as a ``SequencerABI/BPFPayload``.
///
/// A thread that closes the descriptor and opens another under its number before the call returns can make
/// this tell of that one: the kernel has no lock here.
@inline(__always)
private func describeObject(
  command: UInt32, result: Int64, task: Task, to bytes: UnsafeMutableRawPointer
) {
  let payload = unsafe bytes.assumingMemoryBound(to: BPFPayload.self)
  unsafe payload.pointee.command = command > 0xFFFF ? 0xFFFF : UInt16(truncatingIfNeeded: command)
  unsafe payload.pointee.object = 0
  unsafe payload.pointee.id = 0
  unsafe payload.pointee.name = TaskComm()
  unsafe payload.pointee.type = 0
  unsafe payload.pointee.count = 0
  unsafe payload.pointee.keySize = 0
  unsafe payload.pointee.valueSize = 0
  if result < 0 { return }
  let isMap = Command.givesMap(command)
  if !isMap && !Command.givesProgram(command) { return }
  let file = OpenFile(Int32(truncatingIfNeeded: result), of: task)
  if !file.exists { return }
  let object = file.privateData
  if object == 0 { return }
  if isMap {
    unsafe payload.pointee.object = 2
    unsafe payload.pointee.id = half(object, kit_offset_bpf_map_id())
    unsafe payload.pointee.type = half(object, kit_offset_bpf_map_type())
    unsafe payload.pointee.count = half(object, kit_offset_bpf_map_max_entries())
    unsafe payload.pointee.keySize = half(object, kit_offset_bpf_map_key_size())
    unsafe payload.pointee.valueSize = half(object, kit_offset_bpf_map_value_size())
    unsafe payload.pointee.name = name(object, kit_offset_bpf_map_name())
    return
  }
  let auxiliary = kit_read_word(object &+ UInt64(kit_offset_prog_aux()))
  unsafe payload.pointee.object = 1
  unsafe payload.pointee.id = half(auxiliary, kit_offset_prog_aux_id())
  unsafe payload.pointee.type = half(object, kit_offset_prog_type())
  unsafe payload.pointee.count = half(object, kit_offset_prog_len())
  unsafe payload.pointee.name = name(auxiliary, kit_offset_prog_aux_name())
}

@inline(__always) private func half(_ address: UInt64, _ offset: UInt32) -> UInt32 {
  UInt32(truncatingIfNeeded: kit_read_word(address &+ UInt64(offset)))
}

/// The 16 bytes of a name (BPF_OBJ_NAME_LEN).
@inline(__always) private func name(_ address: UInt64, _ offset: UInt32) -> TaskComm {
  var name = TaskComm()
  name.low = kit_read_word(address &+ UInt64(offset))
  name.high = kit_read_word(address &+ UInt64(offset &+ 8))
  return name
}
