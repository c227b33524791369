// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

/// A task begins to wait for a kernel lock: `trace_contention_begin(lock, flags)`, kernel/locking.
@c @section("tp_btf/contention_begin") @used
public func contention_begin(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let flags = UInt32(truncatingIfNeeded: unsafe context.argument(1))
  return unsafe lock(context.argument(0), flags: flags, result: 0, kind: .lockWait)
}

/// The wait has ended, and the lock is held: `trace_contention_end(lock, ret)`, kernel/locking.
@c @section("tp_btf/contention_end") @used
public func contention_end(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let result = Int32(truncatingIfNeeded: unsafe context.argument(1))
  return unsafe lock(context.argument(0), flags: 0, result: result, kind: .lockAcquired)
}

@inline(__always)
func lock(_ address: UInt64, flags: UInt32, result: Int32, kind: EventKind) -> Int32 {
  guard let ring = KernelRing() else { return 0 }
  let producer = Producer(ring)
  let task = Task.current
  let comm = task.comm
  guard isWanted(task, comm: comm, family: .lock, ring: ring) else { return 0 }
  // This CPU rings the doorbell, whose lock may be the one that this event is of: to ring it again here
  // would wait for ourselves. The event is counted as lost, and told so.
  if ring.isRinging {
    producer.lose(.lock)
    return 0
  }
  guard let claim = producer.claim(slots: 1, family: .lock) else { return 0 }
  _ = claim.describe(task, in: ring)
  let payload = unsafe claim.payload.assumingMemoryBound(to: LockPayload.self)
  unsafe payload.pointee.comm = comm
  unsafe payload.pointee.lock = address
  unsafe payload.pointee.flags = flags
  unsafe payload.pointee.result = result
  producer.publish(
    claim, kind: kind, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(MemoryLayout<LockPayload>.size))
  return 0
}
