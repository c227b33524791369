/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ORDINAL_RECURSION_CKIT_H
#define ORDINAL_RECURSION_CKIT_H

#include <stdint.h>

/* Whose system calls begin it: user space names them. */
struct recursion_target {
  uint64_t number; /* of the system call */
  uint32_t tgid;
  uint32_t reserved;
};

#ifndef SEQ_TARGET_BPF
#include <sys/syscall.h>
/* getpgid(): a system call each time it is called, and seldom called by anyone else. */
enum { RECURSION_SYSCALL = SYS_getpgid };
#endif

#ifndef RECURSION_MAPS_DEFINED
extern char target;
static inline __attribute__((always_inline)) const struct recursion_target
    *_Nullable recursion_target_get(void) {
  uint32_t index = 0;
  return ((const void *(*)(void *, const void *))1)(&target, &index);
}

/* bpf_trace_printk(): the kernel's tracepoint bpf_trace_printk fires inside of it. */
static inline __attribute__((always_inline)) void recursion_print(void) {
  char text[8] = "ordinal";
  ((long (*)(const char *, uint32_t))6)(text, sizeof(text));
}
#endif

#endif
