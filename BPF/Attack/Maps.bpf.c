// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ring's maps: the loader replaces each by the one of the capture that is attacked, whose sizes
 * count. And what the attack counts by itself.
 */
#include "RingMaps.bpf.h"

#include "AttackCKit.h"

const volatile struct attack_config attack SEC(".rodata.attack") = {};

/* struct attack_cpu, one a possible CPU. max_entries is set before load. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 128);
} attack_state SEC(".maps");
