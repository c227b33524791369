/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the attacking programs know besides the ring, and what they count by themselves. Shared with
 * the tests, which read it.
 */
#ifndef ORDINAL_ATTACK_CKIT_H
#define ORDINAL_ATTACK_CKIT_H

#include <stdint.h>

/* Set before load. */
struct attack_config {
  uint32_t uid;            /* whose calls are events, and whose processes are counted */
  uint32_t call;           /* the system call that is an event */
  uint32_t lingering_call; /* the one whose event is stalled between claim and publish */
  uint32_t reserved;
  uint64_t linger_ns; /* at most; see attack_cpu.release */
};

/* Where an event comes from: the context it is written in. */
enum attack_source {
  ATTACK_CALL = 0,    /* a task */
  ATTACK_SOFTIRQ = 1, /* a softirq, or ksoftirqd */
  ATTACK_TIMER = 2,   /* a hard interrupt */
  ATTACK_STALL = 3,   /* a task that lingers inside its slot */
  ATTACK_SOURCES = 4
};

/* One a possible CPU, written on that CPU only; contexts nest, so what two of them may write is
   written atomically or put back before the inner one returns. */
struct attack_cpu {
  uint64_t attempts;  /* events tried: gives each its number */
  uint64_t lost;      /* those that got no claim */
  uint64_t processes; /* forks, execs and exits of the uid, whatever the ring made of them */
  uint64_t depth;     /* attacking programs in progress */
  uint64_t holding;   /* those of them between claim and publish */
  uint64_t by_source[ATTACK_SOURCES];
  uint64_t nested[ATTACK_SOURCES]; /* begun while another one held a slot of its CPU */
  uint64_t release;                /* set by the test: a stalled event of this CPU goes on */
  uint64_t reserved[2];
};

/* The first 64 bytes of a test event's payload. Further slots are filled by attack_word(). */
struct attack_event {
  uint64_t number;         /* this CPU's attempts before this one */
  uint32_t source;         /* enum attack_source */
  uint16_t slots;          /* as attack_slots(number) says, without a gap block */
  uint16_t cpu;
  uint64_t lost;           /* this CPU's losses before this attempt began */
  uint64_t attempts_after; /* this CPU's attempts when it had its claim: number + 1, or more nested in it */
  uint64_t lost_after;
  uint64_t processes;      /* this CPU's forks, execs and exits before it began */
  uint64_t depth;          /* attacking programs that it interrupted */
  uint64_t checksum;       /* attack_sum() over all other words of the payload */
};

#define ATTACK_INLINE static inline __attribute__((always_inline))

/* The number decides the span: half of the events have one slot, the others up to eight. */
enum { ATTACK_SLOTS_LIMIT = 8 };
ATTACK_INLINE uint64_t attack_slots(uint64_t number) {
  uint64_t mixed = (number * 0x9E3779B97F4A7C15ull) >> 32;
  return mixed & 1 ? 1 : 1 + ((mixed >> 1) & 7);
}
/* Word `index` of a further slot's payload. */
ATTACK_INLINE uint64_t attack_word(uint64_t number, uint64_t cpu, uint64_t index) {
  return ((number << 20) ^ (cpu << 52) ^ index) * 0xBF58476D1CE4E5B9ull | 1;
}
ATTACK_INLINE uint64_t attack_sum(uint64_t sum, uint64_t word) {
  return ((sum << 7 | sum >> 57) ^ word) * 0x100000001B3ull;
}

#if defined(SEQ_TARGET_BPF) && !defined(KIT_MAPS_DEFINED)
extern const volatile struct attack_config attack;
extern char attack_state;

ATTACK_INLINE uint32_t attack_uid(void) { return attack.uid; }
ATTACK_INLINE uint32_t attack_call(void) { return attack.call; }
ATTACK_INLINE uint32_t attack_lingering_call(void) { return attack.lingering_call; }
ATTACK_INLINE uint64_t attack_linger_ns(void) { return attack.linger_ns; }

ATTACK_INLINE struct attack_cpu *_Nullable attack_cpu_state(uint32_t cpu) {
  return ((void *(*)(void *, const void *))1)(&attack_state, &cpu);
}
/* The real uid, by a helper: not by the way that the filters of the sequencer take. */
ATTACK_INLINE uint32_t attack_current_uid(void) { return (uint32_t)((uint64_t(*)(void))15)(); }
ATTACK_INLINE uint64_t attack_current_task(void) { return ((uint64_t(*)(void))14)(); }

/* bpf_loop() calls this at most 1 << 23 times. */
static __attribute__((noinline, used)) long attack_wait(uint64_t index, void *_Nonnull deadline) {
  (void)index;
  struct attack_cpu *own = attack_cpu_state(((uint32_t(*)(void))8)());
  if (own && *(volatile uint64_t *)&own->release) return 1;
  return ((uint64_t(*)(void))5)() >= *(uint64_t *)deadline;
}
/* Lingers with preemption off, as all programs run, until it is released or the time is over. */
ATTACK_INLINE void attack_linger(uint64_t ns) {
  uint64_t deadline = ((uint64_t(*)(void))5)() + ns;
  long (*loop)(uint32_t, void *, void *, uint64_t) = (void *)181;
  for (int round = 0; round < 16; round++) {
    if (((uint64_t(*)(void))5)() >= deadline) break;
    loop(1 << 23, (void *)attack_wait, &deadline, 0);
  }
}
#endif

#endif
