/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps, configuration and licence: libbpf reads them from BTF, and BTF comes from C. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "CKit.h"

struct hello_counters_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} counters SEC(".maps");

/* In a section of its own: plain .rodata may also get lookup tables that the optimiser made. */
const volatile struct hello_config hello_config SEC(".rodata.config") = {.step = 1};

char LICENSE[] SEC("license") = "Dual BSD/GPL";
