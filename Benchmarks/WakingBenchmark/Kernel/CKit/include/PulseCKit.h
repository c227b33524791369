/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ORDINAL_PULSE_CKIT_H
#define ORDINAL_PULSE_CKIT_H

#include <stdint.h>

/* Whose system calls are events: user space names them once their process is there. */
struct pulse_target {
  uint64_t number; /* of the system call */
  uint32_t tgid;
  uint32_t reserved;
};

#ifndef PULSE_MAPS_DEFINED
extern char target;
static inline __attribute__((always_inline)) const struct pulse_target *_Nullable pulse_target_get(
    void) {
  uint32_t index = 0;
  return ((const void *(*)(void *, const void *))1)(&target, &index);
}
#endif

#endif
