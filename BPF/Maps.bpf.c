// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The maps. libbpf reads them from BTF, and BTF comes from C: nothing else lives here.
 */
#define KIT_MAPS_DEFINED
#include "BPFCKit.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kit_config config SEC(".rodata.config") = {};

/* Tickets, gate, identity of the ring: ControlLayout. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 4096);
} control SEC(".maps");

/* The slots, as one element: its size is set before load (RingGeometry.byteCount). */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 4096);
} ring SEC(".maps");

/* One element a possible CPU: CPUStateLayout. max_entries is set before load. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __uint(key_size, 4);
  __uint(value_size, 512);
} cpu_state SEC(".maps");

/* Wakes a parked consumer; never holds more than one token for long. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} doorbell SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct kit_task_state);
} tasks SEC(".maps");

/* tgid -> follow mode, read by the task iterator and while it runs. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u32);
} seeds SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
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
