/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the evaluation's programs know besides the ring: which transport an event goes by, and what is
 * in it. Shared with user space, which sets and reads it. Helper numbers: enum bpf_func_id,
 * include/uapi/linux/bpf.h.
 */
#ifndef ORDINAL_EVALUATION_CKIT_H
#define ORDINAL_EVALUATION_CKIT_H

#include <stdint.h>

/* How an event travels. Above EVAL_CONTROLS: what the transports are held against. */
enum eval_transport {
  EVAL_NULL = 0,           /* the program without a transport */
  EVAL_SEQUENCER = 1,      /* this project's ring, by the very producer of its programs */
  EVAL_RINGBUF = 2,        /* one BPF ringbuf */
  EVAL_RINGBUF_TIME = 3,   /* a ringbuf for every few CPUs, its records stamped for a merge by time */
  EVAL_RINGBUF_TICKET = 4, /* the same, numbered by one shared counter */
  EVAL_PERF = 5,           /* perf buffers, one a CPU */
  EVAL_CONTROLS = 16,
  EVAL_PRIVATE = 16,  /* a counter of this CPU's own */
  EVAL_FETCH_ADD = 17, /* one counter, shared by all CPUs */
  EVAL_BARE = 18       /* that counter, and the payload into the slot it names: no gate, no account */
};

/* Set before load, frozen after: the verifier knows every value and drops the other transports. */
struct eval_config {
  uint32_t transport;     /* enum eval_transport */
  uint32_t payload;       /* bytes: 8, 56, 120 or 248 */
  uint32_t stamp;         /* 1: the moment, ns of CLOCK_MONOTONIC, in the event's second word */
  uint32_t shard_shift;   /* CPUs that share a ringbuf, as a power of two */
  uint32_t call;          /* the system call that is an event */
  uint32_t call_argument; /* bytes into struct pt_regs of its first argument */
  uint64_t flags;         /* of bpf_ringbuf_submit() */
  uint32_t task_tgid;     /* byte offsets of fields of struct task_struct */
  uint32_t task_tid;
  uint32_t task_start;
  uint32_t reserved;
};

/* What an event tells. Seven words; a payload of 120 or 248 bytes goes on with the first one. */
struct eval_event {
  uint64_t number;  /* the caller's own: a count, or a token */
  uint64_t stamp;   /* ns of CLOCK_MONOTONIC, 0 where none was wanted; wanted for a merge by time */
  uint32_t cpu;
  uint32_t kind;    /* enum eval_kind */
  uint64_t subject; /* start of the task it is about, ns: with its id a name that is never used twice */
  uint64_t id;      /* of that task */
  uint64_t actor;   /* the task that runs: tgid << 32 | tid */
  uint64_t ticket;  /* EVAL_RINGBUF_TICKET: its place */
};

enum eval_kind {
  EVAL_LOOP = 1,
  EVAL_CALL = 2,
  EVAL_FORK = 3,
  EVAL_EXEC = 4,
  EVAL_EXIT = 5,
  EVAL_SWITCH = 6
};

/* A slot of the product's: a header and a payload. */
struct eval_record {
  uint64_t words[16];
};

/* One a possible CPU, written by that CPU in task context only: contexts do not nest there. */
struct eval_cpu {
  uint64_t offered; /* events tried */
  uint64_t dropped; /* of these, refused by the ringbuf; the ring and perf count by themselves */
  uint64_t counter; /* EVAL_PRIVATE */
  uint64_t reserved[13];
};

/* Element 0 of the map `target`, written by user space at any time. */
struct eval_target {
  uint32_t tgid;   /* whose calls and switches are events; 0: nobody's */
  uint32_t events; /* 1: forks, execs and exits are events, of all tasks */
  uint64_t linger; /* ns to stay between claim and publish, once for each call; 0: no time */
};

#define EVAL_INLINE static inline __attribute__((always_inline))

#if defined(SEQ_TARGET_BPF) && !defined(KIT_MAPS_DEFINED)
extern const volatile struct eval_config evaluation;
extern char target, cpus, counters, bare, ringbuf, shards, perf;

EVAL_INLINE uint32_t eval_transport(void) { return evaluation.transport; }
EVAL_INLINE uint32_t eval_call(void) { return evaluation.call; }
EVAL_INLINE uint32_t eval_call_argument(void) { return evaluation.call_argument; }
EVAL_INLINE uint32_t eval_task_tgid(void) { return evaluation.task_tgid; }
EVAL_INLINE uint32_t eval_task_tid(void) { return evaluation.task_tid; }
EVAL_INLINE uint32_t eval_task_start(void) { return evaluation.task_start; }
EVAL_INLINE uint32_t eval_payload(void) { return evaluation.payload; }
EVAL_INLINE uint32_t eval_stamped(void) { return evaluation.stamp; }

EVAL_INLINE void *_Nullable eval_lookup(void *_Nonnull map, uint32_t key) {
  return ((void *(*)(void *, const void *))1)(map, &key);
}
EVAL_INLINE const struct eval_target *_Nullable eval_target_get(void) {
  return eval_lookup(&target, 0);
}
EVAL_INLINE struct eval_cpu *_Nullable eval_cpu_get(uint32_t cpu) { return eval_lookup(&cpus, cpu); }
/* The page of shared counters: the ticket at its start. Like the ring's maps without a look-up. */
EVAL_INLINE void *_Nonnull eval_counters(void) { return &counters; }
/* Slots without a protocol, as many bytes as the ring has. */
EVAL_INLINE void *_Nonnull eval_bare(void) { return &bare; }
EVAL_INLINE void *_Nonnull eval_dropped(struct eval_cpu *_Nonnull own) { return &own->dropped; }
EVAL_INLINE uint64_t eval_now(void) { return ((uint64_t(*)(void))5)(); }
EVAL_INLINE uint64_t eval_actor(void) { return ((uint64_t(*)(void))14)(); }

/* Writes the words that the payload has room for. */
EVAL_INLINE void eval_fill(void *_Nonnull to, const struct eval_event *_Nonnull event) {
  volatile uint64_t *words = to;
  words[0] = event->number;
  if (evaluation.payload >= 56) {
    words[1] = event->stamp;
    words[2] = event->cpu | (uint64_t)event->kind << 32;
    words[3] = event->subject;
    words[4] = event->id;
    words[5] = event->actor;
    words[6] = event->ticket;
  }
  if (evaluation.payload >= 120) {
#pragma clang loop unroll(full)
    for (int i = 7; i < 15; i++) words[i] = event->number;
  }
  if (evaluation.payload >= 248) {
#pragma clang loop unroll(full)
    for (int i = 15; i < 31; i++) words[i] = event->number;
  }
}

EVAL_INLINE void *_Nullable eval_reserve(void *_Nonnull map) {
  return ((void *(*)(void *, uint64_t, uint64_t))131)(map, evaluation.payload, 0);
}
EVAL_INLINE void eval_submit(void *_Nonnull record) {
  ((void (*)(void *, uint64_t))132)(record, evaluation.flags);
}
EVAL_INLINE void *_Nonnull eval_ringbuf(void) { return &ringbuf; }
/* The ringbuf that this CPU shares with its neighbours. */
EVAL_INLINE void *_Nullable eval_shard(uint32_t cpu) {
  return eval_lookup(&shards, cpu >> evaluation.shard_shift);
}
/* BPF_F_CURRENT_CPU. perf counts what it refuses: PERF_RECORD_LOST. */
EVAL_INLINE int64_t eval_perf_output(
    const void *_Nonnull context, const struct eval_event *_Nonnull event) {
  uint64_t words[31];
  eval_fill(words, event);
  return ((int64_t(*)(const void *, void *, uint64_t, void *, uint64_t))25)(
      context, &perf, 0xffffffffull, words, evaluation.payload);
}

/* A record of the product's, whole: what a transport carries of an event of a family. */
EVAL_INLINE void *_Nullable eval_reserve_record(void *_Nonnull map) {
  return ((void *(*)(void *, uint64_t, uint64_t))131)(map, sizeof(struct eval_record), 0);
}
EVAL_INLINE int64_t eval_perf_record(
    const void *_Nonnull context, struct eval_record *_Nonnull record) {
  return ((int64_t(*)(const void *, void *, uint64_t, void *, uint64_t))25)(
      context, &perf, 0xffffffffull, record, sizeof *record);
}
/* The record is written, though nobody gets it. */
EVAL_INLINE void eval_keep(struct eval_record *_Nonnull record) {
  __asm__ volatile("" : : "r"(record) : "memory");
}

/* The callback's state in a loop: on the stack of the program. */
struct eval_loop {
  const void *_Nonnull context;
  uint64_t number;
  uint64_t ticket; /* of a claim for several events: the first one's */
};
typedef long (*eval_step)(uint64_t index, struct eval_loop *_Nonnull loop);
EVAL_INLINE void eval_repeat(uint32_t count, eval_step _Nonnull step, struct eval_loop *_Nonnull loop) {
  ((long (*)(uint32_t, void *, void *, uint64_t))181)(count, (void *)step, loop, 0);
}

static __attribute__((noinline, used)) long eval_wait(uint64_t index, void *_Nonnull deadline) {
  (void)index;
  return eval_now() >= *(uint64_t *)deadline;
}
/* Stays in place with preemption off, as all programs run. */
EVAL_INLINE void eval_linger(uint64_t ns) {
  uint64_t deadline = eval_now() + ns;
  long (*loop)(uint32_t, void *, void *, uint64_t) = (void *)181;
  loop(1 << 23, (void *)eval_wait, &deadline, 0);
}
#endif

#endif
