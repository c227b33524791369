// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#define RECURSION_MAPS_DEFINED
#include "RecursionCKit.h"

#include "RingMaps.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct recursion_target);
} target SEC(".maps");
