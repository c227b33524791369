/* What the waking benchmark runs in a process of its own, in C, as it is forked. */
#ifndef ORDINAL_CWAKINGWORKLOAD_H
#define ORDINAL_CWAKINGWORKLOAD_H

#include <stdint.h>
#include <sys/types.h>

enum waking_kind {
  WAKING_PULSE, /* `rate` getsid() calls a second, at random moments, for `amount` ms */
  WAKING_FORK,  /* `amount` times fork(), _exit() in the child, waitpid() */
  WAKING_PIPE   /* `amount` bytes to a second thread and back, through two pipes */
};

/* What the process did; it writes this when it has done. */
struct waking_result {
  uint64_t count;   /* calls, forks or round trips */
  uint64_t elapsed; /* ns of CLOCK_MONOTONIC */
};

struct waking_process {
  pid_t pid;
  int go;     /* close it: the work begins */
  int result; /* gives one struct waking_result; readable when the work is done */
};

/* The number of the system call that WAKING_PULSE makes. */
long waking_pulse_number(void);

/* The number of the system call that moves a byte in WAKING_PIPE: two in a round trip. */
long waking_pipe_number(void);

/* Forks a process, bound to `cpu` (-1: to none), that waits for `go`. 0, or -1 with errno. */
int waking_start(
    enum waking_kind kind, uint64_t amount, double rate, int cpu,
    struct waking_process *_Nonnull out);

/* Reads the result and reaps the process: 0, or -1 if it failed. */
int waking_finish(
    const struct waking_process *_Nonnull process, struct waking_result *_Nonnull result);

/* Binds the caller to `cpu`; 0, or -1 with errno. */
int waking_bind(int cpu);

/* ns of CPU time of the calling thread. */
uint64_t waking_thread_time(void);

/* Times the calling thread slept. */
uint64_t waking_thread_sleeps(void);

#endif
