// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// Where things lie in the scratch: four strings, then the call's arguments, each by its meaning. Through
/// memory, so that the verifier looks at what follows once, not once for each call.
private enum Place {
  @inline(__always) static var source: Int { 0 }
  @inline(__always) static var target: Int { MountPayload.pathLimit }
  @inline(__always) static var type: Int { target &+ MountPayload.pathLimit }
  @inline(__always) static var key: Int { type &+ MountPayload.wordLimit }
  @inline(__always) static var arguments: Int { key &+ MountPayload.wordLimit }
  @inline(__always) static var registers: Int { arguments &+ 9 &* 8 }
}

/// The arguments of a call of mounts, by their meaning.
@safe private struct MountArguments {
  let scratch: UnsafeMutableRawPointer

  @inline(__always) init(scratch: UnsafeMutableRawPointer) {
    unsafe self.scratch = unsafe scratch
    for index in 0..<7 { unsafe seq_store_u64(scratch + (Place.arguments &+ index &* 8), 0) }
    sourceDescriptor = UInt64.max
    targetDescriptor = UInt64.max
  }

  @inline(__always) func get(_ index: Int) -> UInt64 {
    unsafe seq_load_u64(scratch + (Place.arguments &+ index &* 8))
  }
  @inline(__always) func set(_ index: Int, _ value: UInt64) {
    unsafe seq_store_u64(scratch + (Place.arguments &+ index &* 8), value)
  }

  @inline(__always) var source: UInt64 {
    get { get(0) }
    nonmutating set { set(0, newValue) }
  }
  @inline(__always) var target: UInt64 {
    get { get(1) }
    nonmutating set { set(1, newValue) }
  }
  @inline(__always) var type: UInt64 {
    get { get(2) }
    nonmutating set { set(2, newValue) }
  }
  @inline(__always) var key: UInt64 {
    get { get(3) }
    nonmutating set { set(3, newValue) }
  }
  @inline(__always) var flags: UInt64 {
    get { get(4) }
    nonmutating set { set(4, newValue) }
  }
  @inline(__always) var attributesSet: UInt64 {
    get { get(5) }
    nonmutating set { set(5, newValue) }
  }
  @inline(__always) var attributesCleared: UInt64 {
    get { get(6) }
    nonmutating set { set(6, newValue) }
  }
  @inline(__always) var sourceDescriptor: UInt64 {
    get { get(7) }
    nonmutating set { set(7, newValue) }
  }
  @inline(__always) var targetDescriptor: UInt64 {
    get { get(8) }
    nonmutating set { set(8, newValue) }
  }

  @inline(__always) func raw(_ index: Int) -> UInt64 {
    unsafe seq_load_u64(scratch + (Place.registers &+ index &* 8))
  }

  /// Takes the arguments of `call`; false where it is none of mounts.
  @inline(__always) func take(_ call: SystemCall) -> Bool {
    let act = call.act
    for index in 0..<6 {
      unsafe seq_store_u64(
        scratch + (Place.registers &+ index &* 8), call.argument(UInt32(index)))
    }
    if act == UInt32(SyscallAct.mount) {
      source = raw(0)
      target = raw(1)
      type = raw(2)
      flags = raw(3)
    } else if act == UInt32(SyscallAct.unmount) {
      target = raw(0)
      flags = raw(1) & 0xFFFF_FFFF
    } else if act == UInt32(SyscallAct.pathAlone) {
      target = raw(0)
    } else if act == UInt32(SyscallAct.moveMount) {
      sourceDescriptor = raw(0)
      source = raw(1)
      targetDescriptor = raw(2)
      target = raw(3)
      flags = raw(4) & 0xFFFF_FFFF
    } else if act == UInt32(SyscallAct.mountFileSystem) {
      sourceDescriptor = raw(0)
      flags = raw(1) & 0xFFFF_FFFF
      attributesSet = raw(2) & 0xFFFF_FFFF
    } else if act == UInt32(SyscallAct.openTree) {
      sourceDescriptor = raw(0)
      source = raw(1)
      flags = raw(2) & 0xFFFF_FFFF
    } else if act == UInt32(SyscallAct.pivotRoot) {
      source = raw(0)
      target = raw(1)
    } else if act == UInt32(SyscallAct.setMountAttributes) {
      targetDescriptor = raw(0)
      target = raw(1)
      flags = raw(2) & 0xFFFF_FFFF
      // struct mount_attr of linux/mount.h begins with these two.
      attributesSet = kit_read_user_word(raw(3))
      attributesCleared = kit_read_user_word(raw(3) &+ 8)
    } else if act == UInt32(SyscallAct.openFileSystem) {
      type = raw(0)
      flags = raw(1) & 0xFFFF_FFFF
    } else if act == UInt32(SyscallAct.configureFileSystem) {
      sourceDescriptor = raw(0)
      let command = raw(1) & 0xFFFF_FFFF
      flags = command
      key = raw(2)
      // FSCONFIG_SET_STRING, _SET_PATH, _SET_PATH_EMPTY.
      if command == 1 || command == 3 || command == 4 { source = raw(3) }
    } else {
      return false
    }
    return true
  }
}

/// A call of mounts ends, well or not.
@c @section("tp_btf/sys_exit") @used
public func mount_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(leaving: context, task)
  let act = call.act
  if act < UInt32(SyscallAct.mount) || act > UInt32(SyscallAct.pathAlone) { return 0 }
  let result = Int64(bitPattern: unsafe context.argument(1))
  guard !isRestart(result), let ring = KernelRing(),
    let scratch = unsafe kit_lookup(kit_map_scratch(), 0)
  else { return 0 }
  let producer = Producer(ring)
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .mount, ring: ring) else { return 0 }
  let arguments = unsafe MountArguments(scratch: scratch)
  guard arguments.take(call) else { return 0 }
  let strings = unsafe UserStrings(scratch: scratch)
  strings.read(0, from: arguments.source, at: Place.source, limit: MountPayload.pathLimit)
  strings.read(1, from: arguments.target, at: Place.target, limit: MountPayload.pathLimit)
  strings.read(2, from: arguments.type, at: Place.type, limit: MountPayload.wordLimit)
  strings.read(3, from: arguments.key, at: Place.key, limit: MountPayload.wordLimit)
  let source = strings.length(0, limit: MountPayload.pathLimit)
  let target = strings.length(1, limit: MountPayload.pathLimit)
  let type = strings.length(2, limit: MountPayload.wordLimit)
  let key = strings.length(3, limit: MountPayload.wordLimit)
  let recordFlags = RecordFlags(
    rawValue: RecordFlags.detail(call.detail).rawValue | strings.recordFlags)
  let length = UInt64(MemoryLayout<MountPayload>.size) &+ source &+ target &+ type &+ key
  guard let claim = producer.claim(slots: slots(length), family: .mount) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: MountPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.result = result
  unsafe payload.pointee.flags = arguments.flags
  unsafe payload.pointee.attributesSet = arguments.attributesSet
  unsafe payload.pointee.attributesCleared = arguments.attributesCleared
  unsafe payload.pointee.sourceDescriptor = Int32(truncatingIfNeeded: arguments.sourceDescriptor)
  unsafe payload.pointee.targetDescriptor = Int32(truncatingIfNeeded: arguments.targetDescriptor)
  unsafe payload.pointee.sourceLength = UInt16(truncatingIfNeeded: source)
  unsafe payload.pointee.targetLength = UInt16(truncatingIfNeeded: target)
  unsafe payload.pointee.typeLength = UInt16(truncatingIfNeeded: type)
  unsafe payload.pointee.keyLength = UInt16(truncatingIfNeeded: key)
  var next = unsafe claim.payload + MemoryLayout<MountPayload>.size
  unsafe next = strings.copy(source, from: Place.source, limit: MountPayload.pathLimit, to: next)
  unsafe next = strings.copy(target, from: Place.target, limit: MountPayload.pathLimit, to: next)
  unsafe next = strings.copy(type, from: Place.type, limit: MountPayload.wordLimit, to: next)
  _ = unsafe strings.copy(key, from: Place.key, limit: MountPayload.wordLimit, to: next)
  producer.publish(
    claim, kind: .mount, cpu: ring.cpu, flags: recordFlags,
    payloadLength: UInt32(truncatingIfNeeded: length))
  return 0
}
