/*
 * A consumer's loop over slots in memory of its own: what slot size, prefetching and page size do to it.
 */
#ifndef ORDINAL_EVALUATION_SCAN_H
#define ORDINAL_EVALUATION_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Private memory of `bytes`, written once: on huge pages if `huge`, on none if not. NULL with errno. */
void *_Nullable evaluation_scan_map(size_t bytes, int huge);
void evaluation_scan_unmap(void *_Nonnull memory, size_t bytes);

/* Kilobytes of huge pages under the mapping that begins at `memory` (AnonHugePages, FilePmdMapped and
   ShmemPmdMapped of /proc/self/smaps), and in `page` the size of its pages; -1 if it is not found. */
int64_t evaluation_huge_kilobytes(const void *_Nonnull memory, uint64_t *_Nonnull page);

/* madvise(MADV_HUGEPAGE): 0, or an errno. */
int evaluation_advise_huge(void *_Nonnull memory, size_t bytes);

/* Puts a sequence into each of `count` slots, as a producer leaves them. */
void evaluation_scan_fill(void *_Nonnull memory, uint64_t count, uint64_t slot);

/* Reads `count` slots as a consumer does: the sequence with acquire, a word of metadata, the payload's
   first word; the slot `ahead` slots further is prefetched (0: none). Returns the payloads' sum. */
uint64_t evaluation_scan(
    const void *_Nonnull memory, uint64_t count, uint64_t slot, uint64_t ahead);

#endif
