/*
 * Work that makes the events of one family, as fast as it can or at a rate: a process of its own.
 */
#ifndef ORDINAL_EVALUATION_FAMILIES_H
#define ORDINAL_EVALUATION_FAMILIES_H

#include <stdint.h>
#include <sys/types.h>

/* What a turn of the loop is. */
enum evaluation_family_kind {
  EVALUATION_GETPID = 0, /* getpid() */
  EVALUATION_PING,       /* a byte to another thread on the same CPU and back: two switches, two wake-ups */
  EVALUATION_KILL,       /* a signal to itself, with a handler */
  EVALUATION_WAKE,       /* a wake of nobody on a futex */
  EVALUATION_CONTEND,    /* mmap() and munmap() beside three threads that do the same: a contended lock */
  EVALUATION_CONNECT,    /* a connection to itself, reset */
  EVALUATION_CREATE,     /* a file made and unlinked */
  EVALUATION_SETUID,     /* another effective uid, and back */
  EVALUATION_UNSHARE,    /* a new UTS namespace */
  EVALUATION_MOUNT,      /* a bind mount in a mount namespace of its own, and its end */
  EVALUATION_PEEK,       /* a word of a stopped child's memory */
  EVALUATION_MAP,        /* a BPF map made and closed */
  EVALUATION_VFORK,      /* a child that ends at once, waited for */
  EVALUATION_SPAWN,      /* a child that runs /bin/true by a link of this process's name, waited for */
  EVALUATION_EMIT,       /* evaluation_emit(), a system call that nobody else makes */
};

/* The name of the process's threads, by which other tracers can filter. */
#define EVALUATION_FAMILY_NAME "ordinal-family"

struct evaluation_family {
  pid_t pid;
  int go;     /* close it: the loop begins */
  int result; /* readable when it is over */
};

struct evaluation_family_result {
  uint64_t turns;
  uint64_t elapsed; /* ns, all turns */
  uint64_t cpu;     /* of these, ns on a CPU: nobody else's time there is in it */
};

/* Forks a process that waits, on `cpu`, to do turns for `nanoseconds`: `rate` a second, in bursts of what is
   due, or as many as it can where that is 0. 0, or -1 with errno. */
int evaluation_family_start(
    enum evaluation_family_kind kind, int cpu, uint64_t nanoseconds, double rate,
    struct evaluation_family *_Nonnull out);
/* Waits for the end (of a process that was never let go: ends it). 0, or -1 if it failed. */
int evaluation_family_finish(
    struct evaluation_family *_Nonnull family, struct evaluation_family_result *_Nonnull out);

#endif
