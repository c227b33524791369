#define _GNU_SOURCE
#include "CScan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void *evaluation_scan_map(size_t bytes, int huge) {
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  memset(memory, 1, bytes);
  return memory;
}

void evaluation_scan_unmap(void *memory, size_t bytes) { munmap(memory, bytes); }

int64_t evaluation_huge_kilobytes(const void *memory, uint64_t *page) {
  FILE *file = fopen("/proc/self/smaps", "re");
  if (!file) return -1;
  char line[512];
  int inside = 0;
  int64_t sum = -1;
  while (fgets(line, sizeof line, file)) {
    unsigned long begin, end, kilobytes;
    char name[64];
    if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
      inside = begin <= (unsigned long)memory && (unsigned long)memory < end;
      if (inside) sum = 0;
    } else if (inside && sscanf(line, "%63[^:]: %lu", name, &kilobytes) == 2) {
      if (strcmp(name, "KernelPageSize") == 0) *page = kilobytes * 1024;
      if (strcmp(name, "AnonHugePages") == 0 || strcmp(name, "FilePmdMapped") == 0 ||
          strcmp(name, "ShmemPmdMapped") == 0)
        sum += (int64_t)kilobytes;
    }
  }
  fclose(file);
  return sum;
}

int evaluation_advise_huge(void *memory, size_t bytes) {
  return madvise(memory, bytes, MADV_HUGEPAGE) == 0 ? 0 : errno;
}

void evaluation_scan_fill(void *memory, uint64_t count, uint64_t slot) {
  for (uint64_t i = 0; i < count; i++) {
    uint64_t *words = (uint64_t *)((char *)memory + i * slot);
    words[1] = i;
    words[slot == 64 ? 2 : 8] = i;
    __atomic_store_n(words, i + 1, __ATOMIC_RELEASE);
  }
}

uint64_t evaluation_scan(const void *memory, uint64_t count, uint64_t slot, uint64_t ahead) {
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t *words = (const uint64_t *)((const char *)memory + i * slot);
    if (ahead) {
      const char *next = (const char *)words + ahead * slot;
      __builtin_prefetch(next);
      if (slot > 64) __builtin_prefetch(next + 64);
    }
    if (__atomic_load_n(words, __ATOMIC_ACQUIRE) != i + 1) break;
    sum += words[1] & 1;
    sum += words[slot == 64 ? 2 : 8];
  }
  return sum;
}
