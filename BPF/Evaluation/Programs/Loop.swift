// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import BPFCKit
public import BPFKit
import CSequencerAtomics
public import EvaluationCKit
import SequencerABI
import SequencerCore

// Events in a loop inside the kernel, so that what is measured is the transport: the program is run by
// bpf_prog_test_run, in the caller's own thread with preemption off (bpf_prog_test_run_raw_tp(),
// net/bpf/test_run.c), and bpf_loop() calls a step for each event. A step for each transport: what one
// needs must not cost the other, and a program for each step, as the verifier wants to know which function
// a loop calls. They are loaded one at a time and never attached.

/// The event of one step.
@inline(__always) func event(_ loop: UnsafeMutablePointer<eval_loop>) -> eval_event {
  let number = unsafe loop.pointee.number
  unsafe loop.pointee.number = number &+ 1
  var event = eval_event()
  event.number = number
  event.kind = EVAL_LOOP.rawValue
  return event
}

@c @inline(never)
func eval_step_null(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  _ = unsafe event(loop)
  return 0
}

@c @inline(never)
func eval_step_sequencer(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  var event = unsafe event(loop)
  sendBySequencer(&event)
  return 0
}

@c @inline(never)
func eval_step_ringbuf(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  var event = unsafe event(loop)
  unsafe sendByRingbuf(&event, eval_ringbuf())
  return 0
}

@c @inline(never)
func eval_step_shard(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  var event = unsafe event(loop)
  sendByShard(&event)
  return 0
}

@c @inline(never)
func eval_step_perf(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  var event = unsafe event(loop)
  unsafe sendByPerf(&event, loop.pointee.context)
  return 0
}

@c @inline(never)
func eval_step_private(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  _ = unsafe event(loop)
  if let own = unsafe eval_cpu_get(kit_cpu()) { unsafe own.pointee.counter &+= 1 }
  return 0
}

@c @inline(never)
func eval_step_fetch_add(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  let event = unsafe event(loop)
  let ticket = unsafe seq_fetch_add_u64(eval_counters(), 1)
  // Used, so that it stays an operation that returns what it found.
  return ticket == event.number &+ (1 &<< 63) ? 1 : 0
}

@c @inline(never)
func eval_step_bare(_ index: UInt64, _ loop: UnsafeMutablePointer<eval_loop>) -> Int {
  var event = unsafe event(loop)
  sendBare(&event)
  return 0
}

/// Argument 0: how many events; argument 1: the number of the first.
@inline(__always)
func run(
  _ context: Context, _ step: @convention(c) (UInt64, UnsafeMutablePointer<eval_loop>) -> Int
)
  -> Int32
{
  var loop = unsafe eval_loop(
    context: context, number: context.argument(1), ticket: 0)
  unsafe eval_repeat(UInt32(truncatingIfNeeded: context.argument(0)), step, &loop)
  return 0
}

@c @section("raw_tp/sys_enter") @used
public func eval_run_null(_ context: Context) -> Int32 { unsafe run(context, eval_step_null) }

@c @section("raw_tp/sys_enter") @used
public func eval_run_sequencer(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_sequencer)
}

@c @section("raw_tp/sys_enter") @used
public func eval_run_ringbuf(_ context: Context) -> Int32 { unsafe run(context, eval_step_ringbuf) }

@c @section("raw_tp/sys_enter") @used
public func eval_run_shard(_ context: Context) -> Int32 { unsafe run(context, eval_step_shard) }

@c @section("raw_tp/sys_enter") @used
public func eval_run_perf(_ context: Context) -> Int32 { unsafe run(context, eval_step_perf) }

@c @section("raw_tp/sys_enter") @used
public func eval_run_private(_ context: Context) -> Int32 { unsafe run(context, eval_step_private) }

@c @section("raw_tp/sys_enter") @used
public func eval_run_fetch_add(_ context: Context) -> Int32 {
  unsafe run(context, eval_step_fetch_add)
}

@c @section("raw_tp/sys_enter") @used
public func eval_run_bare(_ context: Context) -> Int32 { unsafe run(context, eval_step_bare) }
