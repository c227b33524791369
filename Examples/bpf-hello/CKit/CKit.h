/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a Swift BPF program can't say itself: calls of kernel helpers, volatile configuration, and
 * the addresses of maps. Read by swiftc (as a clang module) and by Maps.bpf.c.
 */
#ifndef HELLO_CKIT_H
#define HELLO_CKIT_H

#include <stdint.h>

#define KIT_INLINE static inline __attribute__((always_inline))

/* A call through a constant "address" is how BPF spells "call helper number n". */
KIT_INLINE void *_Nullable kit_map_lookup(const void *_Nonnull map, const void *_Nonnull key) {
  return ((void *(*)(const void *, const void *))(uintptr_t)1)(map, key);
}

/* Full barrier, result wanted: on BPF a relaxed one would lose its result. */
KIT_INLINE uint64_t kit_fetch_add(void *_Nonnull p, uint64_t n) {
  return __atomic_fetch_add((uint64_t *)p, n, __ATOMIC_SEQ_CST);
}

/* Set by the loader before load; frozen afterwards, so the verifier knows the values. */
struct hello_config {
  uint64_t step;
};
extern const volatile struct hello_config hello_config;

KIT_INLINE uint64_t hello_step(void) { return hello_config.step; }

/* The map, defined in Maps.bpf.c; only its address is of use here. */
struct hello_counters_map;
extern struct hello_counters_map counters;
KIT_INLINE const void *_Nonnull hello_counters(void) { return &counters; }

#endif
