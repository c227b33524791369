/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Atomic operations on memory shared between the kernel's producers and the consumer.
 *
 * One header for both sides: the pipeline compiles it for BPF, SwiftPM for the host. Swift's own
 * `Atomic` owns its storage and can't be laid over a mapped page. Each function names its ordering;
 * the Swift callers name the operation it pairs with.
 *
 * On BPF (-mcpu=v3) a fetch-add with relaxed ordering whose result is used loses its result
 * (llvm-project issue 210280), and load-acquire/store-release do not select; the full-barrier
 * forms below do, and the relaxed loads and stores become plain ones.
 */
#ifndef ORDINAL_SEQUENCER_ATOMICS_H
#define ORDINAL_SEQUENCER_ATOMICS_H

#include <stdint.h>

#define SEQ_INLINE static inline __attribute__((always_inline))

/* Full barrier; returns the value before. */
SEQ_INLINE uint64_t seq_fetch_add_u64(void *_Nonnull p, uint64_t n) {
  return __atomic_fetch_add((uint64_t *)p, n, __ATOMIC_SEQ_CST);
}

/* No result, no ordering wanted: a counter. */
SEQ_INLINE void seq_add_u64(void *_Nonnull p, uint64_t n) {
  (void)__atomic_fetch_add((uint64_t *)p, n, __ATOMIC_RELAXED);
}
SEQ_INLINE void seq_add_u32(void *_Nonnull p, uint32_t n) {
  (void)__atomic_fetch_add((uint32_t *)p, n, __ATOMIC_RELAXED);
}

/* Full barrier; returns the value before. */
SEQ_INLINE uint64_t seq_exchange_u64(void *_Nonnull p, uint64_t v) {
  return __atomic_exchange_n((uint64_t *)p, v, __ATOMIC_SEQ_CST);
}
SEQ_INLINE uint32_t seq_exchange_u32(void *_Nonnull p, uint32_t v) {
  return __atomic_exchange_n((uint32_t *)p, v, __ATOMIC_SEQ_CST);
}

/* Relaxed: never torn, never folded, no ordering. The host's are what ThreadSanitizer knows as such. */
#ifdef SEQ_TARGET_BPF
#define SEQ_LOAD(type, p) (*(const volatile type *)(p))
#define SEQ_STORE(type, p, v) (*(volatile type *)(p) = (v))
#else
#define SEQ_LOAD(type, p) __atomic_load_n((const volatile type *)(p), __ATOMIC_RELAXED)
#define SEQ_STORE(type, p, v) __atomic_store_n((volatile type *)(p), (v), __ATOMIC_RELAXED)
#endif
SEQ_INLINE uint64_t seq_load_u64(const void *_Nonnull p) { return SEQ_LOAD(uint64_t, p); }
SEQ_INLINE uint32_t seq_load_u32(const void *_Nonnull p) { return SEQ_LOAD(uint32_t, p); }
SEQ_INLINE void seq_store_u64(void *_Nonnull p, uint64_t v) { SEQ_STORE(uint64_t, p, v); }
SEQ_INLINE void seq_store_u32(void *_Nonnull p, uint32_t v) { SEQ_STORE(uint32_t, p, v); }

/* Has the compiler work an address out here, and not where it is first used. No memory access. */
SEQ_INLINE void *_Nonnull seq_settled(void *_Nonnull p) {
  __asm__ volatile("" : "+r"(p));
  return p;
}

/*
 * Ordered before whatever follows the next full barrier. In the kernel the barrier of an atomic
 * operation on any word does that; C's memory model has no such rule, so the host takes an acquire.
 */
SEQ_INLINE uint64_t seq_load_before_barrier_u64(const void *_Nonnull p) {
#ifdef SEQ_TARGET_BPF
  return SEQ_LOAD(uint64_t, p);
#else
  return __atomic_load_n((const volatile uint64_t *)p, __ATOMIC_ACQUIRE);
#endif
}

#ifndef SEQ_TARGET_BPF
/* The consumer's side: these do not exist on BPF -mcpu=v3. */
SEQ_INLINE uint64_t seq_load_acquire_u64(const void *_Nonnull p) {
  return __atomic_load_n((const uint64_t *)p, __ATOMIC_ACQUIRE);
}
SEQ_INLINE void seq_store_release_u64(void *_Nonnull p, uint64_t v) {
  __atomic_store_n((uint64_t *)p, v, __ATOMIC_RELEASE);
}
SEQ_INLINE uint32_t seq_load_acquire_u32(const void *_Nonnull p) {
  return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
}
SEQ_INLINE void seq_store_release_u32(void *_Nonnull p, uint32_t v) {
  __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELEASE);
}
/* A line that is soon to be read: a hint, without effect on what is seen. */
SEQ_INLINE void seq_prefetch(const void *_Nonnull p) { __builtin_prefetch(p); }
SEQ_INLINE void seq_full_barrier(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
SEQ_INLINE void seq_spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#endif
}
#endif

#endif
