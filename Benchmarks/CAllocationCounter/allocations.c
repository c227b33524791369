#include "CAllocationCounter.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

static uint64_t allocations, releases;

uint64_t allocation_count(void) { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }
uint64_t release_count(void) { return __atomic_load_n(&releases, __ATOMIC_RELAXED); }

bool allocation_counter_is_on(void) {
  uint64_t before = allocation_count();
  /* Through a volatile pointer, so that the compiler does not leave the pair out. */
  void *(*volatile allocate)(size_t) = malloc;
  free(allocate(1));
  return allocation_count() != before;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#if !defined(SANITIZED) && defined(__GLIBC__)
/* glibc's own, under the names it keeps for those who replace the public ones. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void count(uint64_t *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) {
  count(&allocations);
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  count(&allocations);
  return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
  count(&allocations);
  return __libc_realloc(old, size);
}
void *memalign(size_t alignment, size_t size) {
  count(&allocations);
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  void *memory = memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}
void free(void *memory) {
  if (memory) count(&releases);
  __libc_free(memory);
}
#endif
