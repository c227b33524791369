// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import EvaluationCKit
import SequencerABI
import SequencerCore

// System calls and switches as the product's programs tell them (BPF/Programs): the same fields by the same
// reads, in records of 128 bytes, by the transport of the configuration. None is left out but the tracer's.

/// Nothing: what it costs to be called at all.
@c @section("tp_btf/sys_enter") @used
public func eval_empty(_ context: Context) -> Int32 { 0 }

/// The ring's switch, whatever the transport.
@inline(__always) private func isOn(_ ring: KernelRing) -> Bool {
  unsafe seq_load_u32(ring.control + ControlLayout.enabled) != 0
}

/// What ``SequencerCore/Claim/describe(_:in:)`` and the publishing write, into memory that is no claim.
@inline(__always)
private func describe(
  _ record: UnsafeMutableRawPointer, _ kind: EventKind, _ task: Task, _ ring: KernelRing,
  detail: UInt16, length: Int
) {
  let header = unsafe record.assumingMemoryBound(to: RecordHeader.self)
  unsafe header.pointee.sequence = 0
  unsafe header.pointee.timestamp = timestamp(ring.control)
  unsafe header.pointee.kind = kind.rawValue
  unsafe header.pointee.span = 1
  unsafe header.pointee.cpu = UInt16(truncatingIfNeeded: ring.cpu)
  unsafe header.pointee.flags = RecordFlags.detail(detail).rawValue
  unsafe header.pointee.lostBefore = 0
  unsafe header.pointee.payloadLength = UInt32(truncatingIfNeeded: length)
  unsafe header.pointee.pid = task.tgid
  unsafe header.pointee.tid = task.tid
  unsafe header.pointee.processStart = task.leader.start
  unsafe header.pointee.cgroup = kit_cgroup_id()
  unsafe header.pointee.uid = task.uid
  unsafe header.pointee.parentPID = task.parent.tgid
}

/// Sends a record: `fill` writes its payload.
@inline(__always)
private func tell(
  _ kind: EventKind, of task: Task, detail: UInt16, length: Int, _ ring: KernelRing,
  _ context: Context, _ fill: (UnsafeMutableRawPointer) -> Void
) {
  let transport = eval_transport()
  if transport == EVAL_SEQUENCER.rawValue {
    let producer = Producer(ring)
    guard let claim = producer.claim(slots: 1, family: .test) else { return }
    _ = claim.describe(task, in: ring)
    unsafe fill(claim.payload)
    producer.publish(
      claim, kind: kind, cpu: ring.cpu, flags: .detail(detail),
      payloadLength: UInt32(truncatingIfNeeded: length))
  } else if transport == EVAL_RINGBUF.rawValue {
    guard let record = unsafe eval_reserve_record(eval_ringbuf()) else {
      // Contexts nest here.
      if let cpu = unsafe eval_cpu_get(ring.cpu) { unsafe seq_add_u64(eval_dropped(cpu), 1) }
      return
    }
    unsafe describe(record, kind, task, ring, detail: detail, length: length)
    unsafe fill(record + Slot.headerSize)
    unsafe eval_submit(record)
  } else {
    var record = eval_record()
    unsafe withUnsafeMutableBytes(of: &record) { bytes in
      let base = unsafe bytes.baseAddress.unsafelyUnwrapped
      unsafe describe(base, kind, task, ring, detail: detail, length: length)
      unsafe fill(base + Slot.headerSize)
    }
    if transport == EVAL_PERF.rawValue {
      _ = unsafe eval_perf_record(context, &record)
    } else {
      unsafe eval_keep(&record)
    }
  }
}

/// As `syscall_enter` of the product.
@c @section("tp_btf/sys_enter") @used
public func eval_family_enter(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let call = unsafe SystemCall(
    task, registers: context.pointerArgument(0), number: context.argument(1))
  guard call.isWanted, let ring = KernelRing(), isOn(ring), !isTracer(task, ring: ring)
  else { return 0 }
  let comm = task.comm
  unsafe tell(
    .syscallEnter, of: task, detail: call.detail,
    length: MemoryLayout<SyscallEnterPayload>.size, ring, context
  ) { bytes in
    let payload = unsafe bytes.assumingMemoryBound(to: SyscallEnterPayload.self)
    unsafe payload.pointee.comm = comm
    unsafe payload.pointee.arguments.0 = call.argument(0)
    unsafe payload.pointee.arguments.1 = call.argument(1)
    unsafe payload.pointee.arguments.2 = call.argument(2)
    unsafe payload.pointee.arguments.3 = call.argument(3)
    unsafe payload.pointee.arguments.4 = call.argument(4)
    unsafe payload.pointee.arguments.5 = call.argument(5)
  }
  return 0
}

/// As `syscall_exit` of the product.
@c @section("tp_btf/sys_exit") @used
public func eval_family_exit(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let task = Task.current
  let registers = unsafe context.pointerArgument(0)
  let call = unsafe SystemCall(
    task, registers: registers, number: UInt64(registers.half(kit_syscall_number())))
  guard call.isWanted, let ring = KernelRing(), isOn(ring), !isTracer(task, ring: ring)
  else { return 0 }
  let comm = task.comm
  let result = unsafe context.argument(1)
  unsafe tell(
    .syscallExit, of: task, detail: call.detail, length: MemoryLayout<SyscallExitPayload>.size,
    ring, context
  ) { bytes in
    let payload = unsafe bytes.assumingMemoryBound(to: SyscallExitPayload.self)
    unsafe payload.pointee.comm = comm
    unsafe payload.pointee.result = Int64(bitPattern: result)
  }
  return 0
}

/// As `sched_switch` of the product.
@c @section("tp_btf/sched_switch") @used
public func eval_family_switch(_ context: Context) -> Int32 {
  guard let ring = KernelRing(), isOn(ring) else { return 0 }
  let previous = Task.current
  let next = unsafe Task(context.pointerArgument(2))
  // One of the two must be somebody: neither idle nor the tracer.
  let isWanted =
    (!previous.isIdle && !isTracer(previous, ring: ring))
    || (!next.isIdle && !isTracer(next, ring: ring))
  if !isWanted { return 0 }
  let comm = previous.comm
  let nextComm = next.comm
  let isPreempted = unsafe context.argument(0)
  let state = unsafe context.argument(3)
  unsafe tell(
    .switched, of: previous, detail: 0, length: MemoryLayout<SwitchPayload>.size, ring, context
  ) { bytes in
    let payload = unsafe bytes.assumingMemoryBound(to: SwitchPayload.self)
    unsafe payload.pointee.comm = comm
    unsafe payload.pointee.previousState = UInt32(truncatingIfNeeded: state)
    unsafe payload.pointee.previousPriority = previous.priority
    unsafe payload.pointee.nextPID = next.tgid
    unsafe payload.pointee.nextTID = next.tid
    unsafe payload.pointee.nextProcessStart = next.leader.start
    unsafe payload.pointee.nextPriority = next.priority
    unsafe payload.pointee.isPreempted = UInt32(truncatingIfNeeded: isPreempted & 1)
    unsafe payload.pointee.nextComm = nextComm
  }
  return 0
}

/// As `sched_waking` of the product.
@c @section("tp_btf/sched_waking") @used
public func eval_family_waking(_ context: Context) -> Int32 {
  guard let ring = KernelRing(), isOn(ring) else { return 0 }
  let task = Task.current
  let wakee = unsafe Task(context.pointerArgument(0))
  if isTracer(wakee, ring: ring) { return 0 }
  let comm = task.comm
  let wakeeComm = wakee.comm
  unsafe tell(
    .wakeup, of: task, detail: 0, length: MemoryLayout<WakeupPayload>.size, ring, context
  ) { bytes in
    let payload = unsafe bytes.assumingMemoryBound(to: WakeupPayload.self)
    unsafe payload.pointee.comm = comm
    unsafe payload.pointee.wakeePID = wakee.tgid
    unsafe payload.pointee.wakeeTID = wakee.tid
    unsafe payload.pointee.wakeeProcessStart = wakee.leader.start
    unsafe payload.pointee.wakeeCPU = wakee.cpu
    unsafe payload.pointee.wakeePriority = wakee.priority
    unsafe payload.pointee.wakeeComm = wakeeComm
    unsafe payload.pointee.reserved = 0
  }
  return 0
}
