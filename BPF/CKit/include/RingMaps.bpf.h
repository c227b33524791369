/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring's maps, for the map file of every object that writes to a ring: the sequencer's, the
 * attack's, the benchmarks'. libbpf reads maps from BTF, and BTF comes from C.
 */
#ifndef ORDINAL_RING_MAPS_BPF_H
#define ORDINAL_RING_MAPS_BPF_H

#define KIT_MAPS_DEFINED
#include "BPFCKit.h"

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct kit_config config SEC(".rodata.config") = {};

/*
 * Programs name the next three by their symbols as if those were the elements: each has one, whose address
 * the loader puts in (`directMaps` in Sources/Capture).
 */

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

/* CPUStateLayout, one after the other for each possible CPU: the size is set before load. */
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

#endif
