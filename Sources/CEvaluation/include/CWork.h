/*
 * Work that is traced: a process of its own, its loop, and the time that each turn of it took.
 */
#ifndef ORDINAL_EVALUATION_WORK_H
#define ORDINAL_EVALUATION_WORK_H

#include <stdint.h>
#include <sys/types.h>

/* What a turn of the loop is. */
enum evaluation_work_kind {
  EVALUATION_EXEC = 0, /* vfork(), exec of /bin/true, wait: a fork, an exec and an exit */
  EVALUATION_PIPE = 1, /* a byte to another thread on the same CPU and back: two switches */
  EVALUATION_CALL = 2  /* evaluation_emit(): one system call */
};

/* The name of the process's threads, by which other tracers can filter. */
#define EVALUATION_WORK_NAME "ordinal-work"

struct evaluation_work {
  pid_t pid;
  int go;     /* close it: the loop begins */
  int result; /* readable when it is over */
};

struct evaluation_work_result {
  uint64_t turns;
  uint64_t elapsed; /* ns, all turns */
  uint64_t p50;     /* ns a turn */
  uint64_t p99;
  uint64_t max;
};

/* Forks a process that waits, on `cpu`, to do `turns` turns. 0, or -1 with errno. */
int evaluation_work_start(
    enum evaluation_work_kind kind, uint32_t turns, int cpu, struct evaluation_work *_Nonnull out);
/* Waits for the end (of a process that was never let go: ends it). 0, or -1 if it failed. */
int evaluation_work_finish(
    struct evaluation_work *_Nonnull work, struct evaluation_work_result *_Nonnull out);

#endif
