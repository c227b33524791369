// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The sequencer's maps: the ring's, and those of its filters. Nothing else lives here.
 */
#include "RingMaps.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct kit_task_state);
} tasks SEC(".maps");

/* What tasks were before the calls they are in (KIT_ACT_…). */
struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct kit_act_state);
} acts SEC(".maps");

/* tgid -> follow mode, read by the task iterator and while it runs. max_entries is set before load. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} seeds SEC(".maps");

/* max_entries is set before load. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} uids SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
  __uint(max_entries, 16);
  __uint(key_size, 4);
  __uint(value_size, 4);
} cgroups SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct kit_scratch);
} scratch SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct kit_draft);
} draft SEC(".maps");
