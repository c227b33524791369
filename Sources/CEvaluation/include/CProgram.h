/*
 * Other programs, run beside the work: each a process of its own that goes when this one does.
 */
#ifndef ORDINAL_EVALUATION_PROGRAM_H
#define ORDINAL_EVALUATION_PROGRAM_H

#include <stdint.h>
#include <sys/types.h>

/* Starts `arguments[0]`, a path, on all CPUs; what it writes goes to the files `output` and `errors`, made
   anew. Its id, or -1 with errno; a program that can't be run ends with status 127. */
pid_t evaluation_program_start(
    char *_Nullable const *_Nonnull arguments, const char *_Nonnull output,
    const char *_Nonnull errors);
/* Whether it has ended: 1, with its status as wait() tells it and the CPU time of it and of what it waited
   for, ns; 0 if it goes on; -1 with errno. */
int evaluation_program_ended(pid_t pid, int *_Nonnull status, uint64_t *_Nonnull cpu);

#endif
