// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define COUNTER_MAPS_DEFINED
#include "CounterCKit.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* One word a kind and CPU: nothing is shared, nothing can be lost. */
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, COUNTER_KINDS);
  __type(key, __u32);
  __type(value, __u64);
} counts SEC(".maps");
