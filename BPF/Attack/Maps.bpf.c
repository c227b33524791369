// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The ring's maps by the names and kinds of BPF/Maps.bpf.c: the loader replaces each by the one of
 * the capture that is attacked, whose sizes count. And what the attack counts by itself.
 */
#define KIT_MAPS_DEFINED
#include "BPFCKit.h"
#include "AttackCKit.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kit_config config SEC(".rodata.config") = {};
const volatile struct attack_config attack SEC(".rodata.attack") = {};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 4096);
} control SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 4096);
} ring SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 512);
} cpu_state SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} doorbell SEC(".maps");

/* struct attack_cpu, one a possible CPU. max_entries is set before load. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 128);
} attack_state SEC(".maps");
