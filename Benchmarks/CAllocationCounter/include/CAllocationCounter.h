/*
 * Counts the allocations of the whole process, by standing in for malloc and its kin.
 *
 * For benchmarks only. Not linked where a sanitizer wants malloc for itself: counting is then off,
 * and allocation_counter_is_on() says so.
 */
#ifndef ORDINAL_ALLOCATION_COUNTER_H
#define ORDINAL_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/* Allocations since the start, by malloc, calloc, realloc and the aligned ones. */
uint64_t allocation_count(void);
/* Releases since the start. */
uint64_t release_count(void);
/* Whether a malloc moves the count. */
bool allocation_counter_is_on(void);

#endif
