/*
 * What the evaluation needs of C: pinned threads, and names of x86 and arm64 that differ.
 */
#ifndef ORDINAL_EVALUATION_H
#define ORDINAL_EVALUATION_H

#include <stdint.h>

/* Keeps the calling thread on `cpu`: 0, or -1 with errno. */
int evaluation_pin(int cpu);

/* Calls `body(context)` on a new thread that is pinned to `cpu`, and joins it with the handle. 0, or an
   errno; a thread that can't be pinned never runs `body`. */
int evaluation_start(
    int cpu, void (*_Nonnull body)(void *_Nullable), void *_Nullable context,
    uint64_t *_Nonnull handle);
int evaluation_join(uint64_t handle);

/* An epoll descriptor (close-on-exec), and what it is to wait for: -1 with errno. */
int evaluation_epoll(void);
int evaluation_epoll_add(int epoll, int descriptor);

/* CPU time of the calling thread, ns, and the times it slept of its own accord. */
uint64_t evaluation_thread_time(void);
uint64_t evaluation_thread_sleeps(void);

/* The system call that the evaluation takes for its event: sched_get_priority_max() of a number that is
   no policy does nothing, and no other program asks for it. */
int evaluation_event_call(void);
/* Makes that call with a number of 64 bits. */
void evaluation_emit(uint64_t number);
/* Bytes into struct pt_regs (arch/ARCH/include/asm/ptrace.h) of a system call's first argument. */
int evaluation_argument_offset(void);

/* Makes `count` children one after the other, each of which runs `program` (NULL: none) and ends, and
   waits for each. A child goes to `child_cpu` first (-1: stays), so that its own events come from
   another CPU than its fork. `log` (NULL: none) has room for `count` ids and gets each child's.
   The number made, or a negative errno: -ENOENT if `program` can't be run. */
int64_t evaluation_storm(
    uint64_t count, int child_cpu, const char *_Nullable program, uint64_t *_Nullable log);

/* Passes a token: the thread with `index` of `threads` emits each number that is its own modulo
   `threads` and only then hands the next one on through `*baton`, which all share and which holds the
   first number at the start. Returns when `*baton` is `end`, with the number of tokens emitted here,
   which are in `log`; it has room for all of them. From `until` on, ns of CLOCK_MONOTONIC, it ends early:
   on a busy machine each hand-over waits for a turn of the scheduler. */
uint64_t evaluation_pass_tokens(
    uint64_t *_Nonnull baton, uint64_t index, uint64_t threads, uint64_t end,
    uint64_t until, uint64_t *_Nonnull log);

#endif
