/*
 * System calls that Swift can't make itself: fork() is closed to it, and syscall() is variadic.
 */
#ifndef ORDINAL_SYSTEM_H
#define ORDINAL_SYSTEM_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* membarrier(MEMBARRIER_CMD_GLOBAL): 0, or -1 with errno. */
int ordinal_membarrier_global(void);

/* pidfd_open(pid, 0): a descriptor (close-on-exec), or -1 with errno. */
int ordinal_pidfd_open(pid_t pid);

/* A command that was forked and waits, before its first instruction, to be let go. */
struct ordinal_gated_command {
  pid_t pid;
  int gate;   /* write a byte: exec; close without: _exit(0) */
  int status; /* reads an int errno if the exec failed, end of file if it succeeded */
};

/*
 * Forks, restores the signal mask `mask` in the child and lets it wait at the gate; then execvp().
 * Every pointer must stay valid until the gate is opened. Returns 0, or -1 with errno.
 */
int ordinal_spawn_gated(
    const char *_Nonnull file, char *_Nullable const *_Nonnull arguments,
    const sigset_t *_Nonnull mask, struct ordinal_gated_command *_Nonnull out);

/* A descriptor that `set`'s signals are read from: non-blocking, close-on-exec; -1 with errno. */
int ordinal_signalfd(const sigset_t *_Nonnull set);

/* Reads one signal and its si_code: 1, 0 if none waits, -1 with errno. */
int ordinal_signalfd_read(int descriptor, int *_Nonnull signal, int *_Nonnull code);

/* Waits for `first` or `second` (-1: not this one) to be readable, at most `nanoseconds`; poll() knows
   milliseconds only. A set of bits: 1 the first, 2 the second; 0 if the time is over or a signal came. */
int ordinal_wait_readable(int first, int second, int64_t nanoseconds);

/* Waits for `descriptor` (-1: none) to be readable, for `nanoseconds` to the microsecond: without the slack
   of 50 microseconds that the kernel allows itself else (PR_SET_TIMERSLACK). 1 if it is readable, 0 if the
   time is over or a signal came. */
int ordinal_nap(int descriptor, int64_t nanoseconds);

/* Keeps, of the capabilities, those in `keep` (bit n = capability n) and sets no_new_privs. */
int ordinal_limit_capabilities(uint64_t keep);

/* CRC-32C of `count` bytes behind what `crc` is of (0: nothing); by the CPU's instruction where it has one.
   The second never uses it: so each can be held against the other. */
uint32_t ordinal_crc32c(uint32_t crc, const void *_Nonnull bytes, size_t count);
uint32_t ordinal_crc32c_portable(uint32_t crc, const void *_Nonnull bytes, size_t count);

#endif
