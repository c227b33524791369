// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import AttackCKit
import BPFCKit
public import BPFKit
import CSequencerAtomics
import SequencerABI
import SequencerCore

// Events that describe themselves, written with the very `Producer` into a capture's ring, at any
// rate and in any context; beside them a count of attempts that owes nothing to the ring's own.

/// One attempt: numbered, tried, published or counted as lost.
///
/// - Parameters:
///   - source: the context it is written in.
///   - linger: ns to stay inside the slot.
/// - Returns: 0, what the program returns.
@inline(__always) func attempt(_ source: UInt32, linger: UInt64 = 0) -> Int32 {
  guard let ring = KernelRing(), let state = unsafe attack_cpu_state(ring.cpu) else { return 0 }
  // As the sequencer's programs: between the switches, and neither counted before nor after.
  if unsafe seq_load_u32(ring.control + ControlLayout.enabled) == 0 { return 0 }
  let base = UnsafeMutableRawPointer(state)
  let depth = unsafe seq_load_u64(base + Offset.depth)
  unsafe seq_store_u64(base + Offset.depth, depth &+ 1)
  unsafe seq_add_u64(base + Offset.bySource + Int(source) &* 8, 1)
  if unsafe seq_load_u64(base + Offset.holding) != 0 {
    unsafe seq_add_u64(base + Offset.nested + Int(source) &* 8, 1)
  }
  let processes = unsafe seq_load_u64(base + Offset.processes)
  let lost = unsafe seq_load_u64(base + Offset.lost)
  let number = unsafe seq_fetch_add_u64(base + Offset.attempts, 1)
  let slots = bounded(attack_slots(number))
  let producer = Producer(ring)
  guard let claim = producer.claim(slots: slots, family: .test) else {
    unsafe seq_add_u64(base + Offset.lost, 1)
    unsafe seq_store_u64(base + Offset.depth, depth)
    return 0
  }
  let holding = unsafe seq_load_u64(base + Offset.holding)
  unsafe seq_store_u64(base + Offset.holding, holding &+ 1)
  let facts = unsafe Facts(
    number: number, source: source, slots: slots, cpu: ring.cpu, lost: lost, processes: processes,
    depth: depth, attemptsAfter: seq_load_u64(base + Offset.attempts),
    lostAfter: seq_load_u64(base + Offset.lost))
  unsafe fill(claim.bytes, facts)
  if linger != 0 { attack_linger(linger) }
  producer.publish(
    claim, kind: .test, cpu: ring.cpu, flags: [],
    payloadLength: UInt32(truncatingIfNeeded: slots &* UInt64(Slot.size) &- 64))
  unsafe seq_store_u64(base + Offset.holding, holding)
  unsafe seq_store_u64(base + Offset.depth, depth)
  return 0
}

/// Bytes of `struct attack_cpu`; a test pins them.
enum Offset {
  @inline(__always) static var attempts: Int { 0 }
  @inline(__always) static var lost: Int { 8 }
  @inline(__always) static var processes: Int { 16 }
  @inline(__always) static var depth: Int { 24 }
  @inline(__always) static var holding: Int { 32 }
  @inline(__always) static var bySource: Int { 40 }
  @inline(__always) static var nested: Int { 72 }
}

struct Facts {
  let number: UInt64
  let source: UInt32
  let slots: UInt64
  let cpu: UInt32
  let lost, processes, depth, attemptsAfter, lostAfter: UInt64
}

/// Says again what the verifier forgets of a number it spilled.
@inline(__always) func bounded(_ slots: UInt64) -> UInt64 { slots > 8 ? 8 : slots }

@inline(__always) func fill(_ bytes: UnsafeMutableRawPointer, _ facts: Facts) {
  let header = unsafe bytes.assumingMemoryBound(to: RecordHeader.self)
  let task = attack_current_task()
  unsafe header.pointee.timestamp = kit_ktime_ns()
  unsafe header.pointee.pid = UInt32(truncatingIfNeeded: task &>> 32)
  unsafe header.pointee.tid = UInt32(truncatingIfNeeded: task)
  unsafe header.pointee.processStart = 0
  unsafe header.pointee.cgroup = 0
  unsafe header.pointee.uid = attack_current_uid()
  unsafe header.pointee.parentPID = 0
  let payload = unsafe bytes + Slot.headerSize
  var sum: UInt64 = 0
  unsafe put(payload, 0, facts.number, &sum)
  unsafe put(
    payload, 8,
    UInt64(facts.source) | facts.slots &<< 32 | UInt64(facts.cpu) &<< 48, &sum)
  unsafe put(payload, 16, facts.lost, &sum)
  unsafe put(payload, 24, facts.attemptsAfter, &sum)
  unsafe put(payload, 32, facts.lostAfter, &sum)
  unsafe put(payload, 40, facts.processes, &sum)
  unsafe put(payload, 48, facts.depth, &sum)
  for slot in 1..<8 {
    // Read back: of a number that it knows the compiler makes a test for equality, and the verifier
    // sees no end of the loop.
    let slots = unsafe (seq_load_u64(payload + 8) &>> 32) & 0xFF
    if UInt64(slot) >= slots { break }
    let base = unsafe bytes + slot &* Slot.size
    for word in 0..<16 {
      unsafe put(
        base, word &* 8,
        attack_word(facts.number, UInt64(facts.cpu), UInt64(slot &* 16 &+ word)), &sum)
    }
  }
  unsafe seq_store_u64(payload + 56, sum)
}

@inline(__always)
func put(_ base: UnsafeMutableRawPointer, _ offset: Int, _ word: UInt64, _ sum: inout UInt64) {
  unsafe seq_store_u64(base + offset, word)
  sum = attack_sum(sum, word)
}

/// A system call of the user that attacks, chosen by its number: `trace_sys_enter(regs, id)`,
/// include/trace/events/syscalls.h. No other task gets in between.
@c @section("tp_btf/sys_enter") @used
public func attack_by_call(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let call = unsafe UInt32(truncatingIfNeeded: context.argument(1))
  if call != attack_call() || attack_current_uid() != attack_uid() { return 0 }
  return attempt(UInt32(ATTACK_CALL.rawValue))
}

/// The same, by a producer that is stopped inside its slot.
@c @section("tp_btf/sys_enter") @used
public func attack_by_stall(_ context: Context) -> Int32 {
  preventPreemption()
  defer { allowPreemption() }
  let call = unsafe UInt32(truncatingIfNeeded: context.argument(1))
  if call != attack_lingering_call() || attack_current_uid() != attack_uid() { return 0 }
  return attempt(UInt32(ATTACK_STALL.rawValue), linger: attack_linger_ns())
}

/// Any timer that expires, in its hard interrupt, on top of whatever runs there:
/// `trace_hrtimer_expire_entry()` in __run_hrtimer(), kernel/time/hrtimer.c.
@c @section("tp_btf/hrtimer_expire_entry") @used
public func attack_by_timer(_ context: Context) -> Int32 {
  attempt(UInt32(ATTACK_TIMER.rawValue))
}

/// Any softirq: `trace_softirq_entry()` in handle_softirqs(), kernel/softirq.c, with interrupts on.
@c @section("tp_btf/softirq_entry") @used
public func attack_by_softirq(_ context: Context) -> Int32 {
  attempt(UInt32(ATTACK_SOFTIRQ.rawValue))
}
