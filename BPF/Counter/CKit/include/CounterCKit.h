/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef ORDINAL_COUNTER_CKIT_H
#define ORDINAL_COUNTER_CKIT_H

#include <stdint.h>

/* Indices of the map `counts`. */
enum { COUNTER_FORK = 0, COUNTER_EXEC = 1, COUNTER_EXIT = 2, COUNTER_KINDS = 3 };

#ifndef COUNTER_MAPS_DEFINED
extern char counts;
static inline __attribute__((always_inline)) uint64_t *_Nullable counter_of(uint32_t index) {
  return ((void *(*)(void *, const void *))1)(&counts, &index);
}
#endif

#endif
