// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
public import EvaluationCKit
import SequencerABI
import SequencerCore

// One event, by each transport. The configuration is frozen, so that of each program nothing is left
// but the transport that it was loaded with.

/// Slots that a payload takes in the sequencer's ring.
@inline(__always) func slotsOfPayload() -> UInt64 {
  eval_payload() <= 56 ? 1 : eval_payload() <= 120 ? 2 : 3
}

/// The product's own producer: gate, claim, account, publish.
@inline(__always) func sendBySequencer(_ event: inout eval_event, linger: UInt64 = 0) {
  guard let ring = KernelRing() else { return }
  event.cpu = ring.cpu
  let producer = Producer(ring)
  guard let claim = producer.claim(slots: slotsOfPayload(), family: .test) else { return }
  stamp(&event)
  unsafe eval_fill(claim.payload, &event)
  if linger != 0 { eval_linger(linger) }
  producer.publish(
    claim, kind: .test, cpu: ring.cpu, flags: [], payloadLength: eval_payload())
}

/// `bpf_ringbuf_reserve()`, fill, `bpf_ringbuf_submit()`; a refusal is counted, as users of it do.
@inline(__always)
func sendByRingbuf(
  _ event: inout eval_event, _ map: UnsafeMutableRawPointer, linger: UInt64 = 0
) {
  guard let record = unsafe eval_reserve(map) else {
    if let own = unsafe eval_cpu_get(kit_cpu()) { unsafe own.pointee.dropped &+= 1 }
    return
  }
  event.cpu = kit_cpu()
  stamp(&event)
  // After the reservation: a ticket that no record carries would be waited for without end.
  if eval_transport() == EVAL_RINGBUF_TICKET.rawValue {
    event.ticket = unsafe seq_fetch_add_u64(eval_counters(), 1)
  }
  unsafe eval_fill(record, &event)
  if linger != 0 { eval_linger(linger) }
  unsafe eval_submit(record)
}

@inline(__always) func sendByShard(_ event: inout eval_event, linger: UInt64 = 0) {
  guard let shard = unsafe eval_shard(kit_cpu()) else { return }
  unsafe sendByRingbuf(&event, shard, linger: linger)
}

@inline(__always) func sendByPerf(_ event: inout eval_event, _ context: UnsafeRawPointer) {
  event.cpu = kit_cpu()
  stamp(&event)
  // Loss is counted by the kernel, as a record of the stream.
  _ = unsafe eval_perf_output(context, &event)
}

@inline(__always) func stamp(_ event: inout eval_event) {
  if eval_stamped() != 0 { event.stamp = eval_now() }
}

/// What a shared counter alone allows: a ticket and the payload in the slot that it names.
@inline(__always) func sendBare(_ event: inout eval_event) {
  let ticket = unsafe seq_fetch_add_u64(eval_counters(), slotsOfPayload())
  event.cpu = kit_cpu()
  stamp(&event)
  let slot = unsafe eval_bare() + Int((ticket & (kit_capacity() &- 1)) &<< Slot.sizeShift)
  unsafe eval_fill(slot, &event)
}

/// Sends by the transport of the configuration, and stays `linger` ns between claim and publish.
@inline(__always)
func send(_ event: inout eval_event, _ context: UnsafeRawPointer, linger: UInt64 = 0) {
  let transport = eval_transport()
  if transport == EVAL_SEQUENCER.rawValue { sendBySequencer(&event, linger: linger) }
  if transport == EVAL_RINGBUF.rawValue {
    unsafe sendByRingbuf(&event, eval_ringbuf(), linger: linger)
  }
  if transport == EVAL_RINGBUF_TIME.rawValue || transport == EVAL_RINGBUF_TICKET.rawValue {
    sendByShard(&event, linger: linger)
  }
  if transport == EVAL_PERF.rawValue { unsafe sendByPerf(&event, context) }
}
