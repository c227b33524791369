// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
public import EvaluationCKit
import SequencerABI
import SequencerCore

// The producer's path in other shapes: what each of its pieces costs, and what was tried and not taken. The
// same accesses as `Producer` makes, to a ring without a consumer (the map `bare`, its words in the map
// `counters`), so that one piece can be another in each of them.

/// What a path is made of; every value is a literal, so that nothing of the choice is left in the program.
struct Shape {
  /// The event is counted as offered, by an atomic addition to this CPU's state.
  var counts = true
  /// The slot is marked as claimed.
  var marks = true
  /// Published by an exchange, a full barrier; else by a plain store, which says nothing about what a
  /// consumer that goes to sleep at the same moment sees.
  var exchanges = true
  /// Gate and counters lie on the cursor's line; else on lines of their own.
  var isOneLine = false
  /// Slots of 64 bytes: 16 of metadata and 48 of payload; else 128.
  var isSmall = false
  /// Events of one claim.
  var batch: UInt64 = 1
  /// 0 no time; 1 bpf_ktime_get_ns(); 2 jiffies.
  var time = 0
}

/// Bytes in the page of counters.
private enum Place {
  @inline(__always) static func gating(_ shape: Shape) -> Int { shape.isOneLine ? 16 : 128 }
  @inline(__always) static func gate(_ shape: Shape) -> Int { shape.isOneLine ? 24 : 136 }
  @inline(__always) static func parked(_ shape: Shape) -> Int { shape.isOneLine ? 28 : 140 }
}

@inline(__always) func sendShaped(_ loop: UnsafeMutablePointer<eval_loop>, _ shape: Shape) {
  var event = unsafe event(loop)
  event.cpu = kit_cpu()
  if event.cpu >= kit_cpus() { return }
  let counters = unsafe eval_counters()
  let slots = unsafe eval_bare()
  let own = unsafe kit_map_cpu_state() + Int(event.cpu) &* CPUStateLayout.size
  if shape.counts {
    unsafe seq_add_u64(own + (CPUStateLayout.offered + 15 &* 8), 1)
  }
  var ticket: UInt64
  let isFirst = shape.batch == 1 || event.number & (shape.batch &- 1) == 0
  if isFirst {
    let gating = unsafe seq_load_u64(counters + Place.gating(shape))
    // Nobody closes this gate, nor tells losses: what is read is always zero.
    if unsafe seq_load_u32(counters + Place.gate(shape)) != 0 { return }
    if unsafe seq_load_u32(own + CPUStateLayout.pendingTotal) != 0 { return }
    ticket = unsafe seq_fetch_add_u64(counters, shape.batch)
    unsafe seq_store_u64(own + CPUStateLayout.lastSequence, ticket &+ shape.batch)
    if ticket &- gating > 1 &<< 62 { return }
    if shape.batch > 1 { unsafe loop.pointee.ticket = ticket }
  } else {
    ticket = unsafe loop.pointee.ticket &+ (event.number & (shape.batch &- 1))
  }
  let shift: UInt64 = shape.isSmall ? 6 : 7
  let slot = unsafe slots + Int((ticket & (kit_capacity() &- 1)) &<< shift)
  if shape.marks {
    unsafe seq_store_u64(slot, ClaimMark.word(sequence: ticket &+ 1, cpu: event.cpu))
  }
  if shape.time == 1 { event.stamp = eval_now() }
  if shape.time == 2 { event.stamp = kit_jiffies() &* kit_tick_ns() }
  if shape.isSmall {
    unsafe seq_store_u64(slot + 16, event.number)
    unsafe seq_store_u64(slot + 24, event.stamp)
    unsafe seq_store_u64(slot + 32, UInt64(event.cpu) | 1 &<< 32)
    unsafe seq_store_u64(slot + 40, event.subject)
    unsafe seq_store_u64(slot + 48, event.id)
    unsafe seq_store_u64(slot + 56, event.actor)
    unsafe seq_store_u64(
      slot + 8, MetadataWord.content(kind: .test, cpu: event.cpu, flags: []))
  } else {
    unsafe eval_fill(slot + Slot.headerSize, &event)
    unsafe seq_store_u64(
      slot + MetadataWord.offset,
      MetadataWord.shape(span: 1, hasGap: false)
        | MetadataWord.content(kind: .test, cpu: event.cpu, flags: []))
    unsafe seq_store_u64(slot + MetadataWord.lostBefore, UInt64(eval_payload()) &<< 32)
  }
  if shape.exchanges {
    _ = unsafe seq_exchange_u64(slot, ticket &+ 1)
  } else {
    unsafe seq_store_u64(slot, ticket &+ 1)
  }
  if unsafe seq_load_u32(counters + Place.parked(shape)) != 0 { kit_ring_doorbell() }
}

@c @inline(never)
func eval_step_as_is(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape())
  return 0
}

/// The path as it is, for the others to be held against.
@c @section("raw_tp/sys_enter") @used
public func eval_run_as_is(_ context: Context) -> Int32 { unsafe run(context, eval_step_as_is) }

@c @inline(never)
func eval_step_no_offered(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(counts: false))
  return 0
}

/// Without the count of what was offered.
@c @section("raw_tp/sys_enter") @used
public func eval_run_no_offered(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_no_offered)
}

@c @inline(never)
func eval_step_no_mark(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(marks: false))
  return 0
}

/// Without the mark that tells a stalled producer's CPU.
@c @section("raw_tp/sys_enter") @used
public func eval_run_no_mark(_ context: Context) -> Int32 { unsafe run(context, eval_step_no_mark) }

@c @inline(never)
func eval_step_plain_store(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(exchanges: false))
  return 0
}

/// Published by a plain store.
@c @section("raw_tp/sys_enter") @used
public func eval_run_plain_store(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_plain_store)
}

@c @inline(never)
func eval_step_one_line(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(isOneLine: true))
  return 0
}

/// Gate and counters on the cursor's line.
@c @section("raw_tp/sys_enter") @used
public func eval_run_one_line(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_one_line)
}

@c @inline(never)
func eval_step_small_slot(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(isSmall: true))
  return 0
}

/// Slots of 64 bytes.
@c @section("raw_tp/sys_enter") @used
public func eval_run_small_slot(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_small_slot)
}

@c @inline(never)
func eval_step_batch_4(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(batch: 4))
  return 0
}

/// One claim for four events that are known at once.
@c @section("raw_tp/sys_enter") @used
public func eval_run_batch_4(_ context: Context) -> Int32 { unsafe run(context, eval_step_batch_4) }

@c @inline(never)
func eval_step_batch_16(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(batch: 16))
  return 0
}

/// One claim for sixteen.
@c @section("raw_tp/sys_enter") @used
public func eval_run_batch_16(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_batch_16)
}

@c @inline(never)
func eval_step_ktime(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(time: 1))
  return 0
}

/// Stamped by bpf_ktime_get_ns(), which reads the TSC.
@c @section("raw_tp/sys_enter") @used
public func eval_run_ktime(_ context: Context) -> Int32 { unsafe run(context, eval_step_ktime) }

@c @inline(never)
func eval_step_jiffies(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  unsafe sendShaped(loop, Shape(time: 2))
  return 0
}

/// Stamped in steps of a tick.
@c @section("raw_tp/sys_enter") @used
public func eval_run_jiffies(_ context: Context) -> Int32 { unsafe run(context, eval_step_jiffies) }
