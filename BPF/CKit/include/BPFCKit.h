/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What Swift can't say itself on the kernel side: helper calls by number, the maps as addresses, and
 * the volatile reads of the configuration that keep the linker from folding it.
 *
 * Helper numbers: enum bpf_func_id, include/uapi/linux/bpf.h.
 */
#ifndef ORDINAL_BPF_CKIT_H
#define ORDINAL_BPF_CKIT_H

#include <stdint.h>

#define KIT_INLINE static inline __attribute__((always_inline))

/* Byte offsets of kernel fields, resolved from the running kernel's BTF before load. */
struct kit_offsets {
  uint32_t task_pid, task_tgid, task_flags, task_exit_code;
  uint32_t task_start_time, task_group_leader, task_real_parent, task_signal;
  uint32_t task_comm, task_mm, task_cred, task_fs;
  uint32_t signal_live, signal_flags, signal_group_exit_code;
  uint32_t cred_uid, cred_gid, cred_euid, cred_egid, cred_permitted, cred_effective;
  uint32_t mm_arg_start, mm_arg_end;
  uint32_t bprm_filename, bprm_file, bprm_argc;
  uint32_t file_inode, inode_ino, inode_sb, sb_dev;
  uint32_t fs_root, fs_pwd, path_mnt, path_dentry;
  uint32_t dentry_parent, dentry_name, vfsmount_root;
  uint32_t mount_mnt, mount_parent, mount_mountpoint;
  uint32_t task_prio, task_cpu, task_cgroups;
  uint32_t css_set_dfl_cgrp, cgroup_level, cgroup_ancestors, cgroup_kn, kernfs_node_id;
  uint32_t task_files, files_fdt, fdtable_max_fds, fdtable_fd;
  uint32_t file_private_data, file_path, file_mode, inode_mode;
  uint32_t socket_sk, socket_file, sock_socket, sock_protocol, sock_type, sock_family;
  uint32_t sock_local4, sock_remote4, sock_local6, sock_remote6, sock_remote_port, inet_local_port;
  uint32_t unix_address, unix_peer, unix_address_length, unix_address_name;
  /* UINT32_MAX where the kernel lacks it (KernelField.isOptional) */
  uint32_t cred_suid, cred_sgid, cred_fsuid, cred_fsgid, cred_securebits, cred_inheritable,
           cred_bset, cred_ambient, cred_group_info, group_info_ngroups, cred_user_ns,
           user_ns_inum, task_nsproxy, nsproxy_uts_ns, nsproxy_ipc_ns, nsproxy_mnt_ns,
           nsproxy_pid_ns_for_children, nsproxy_net_ns, nsproxy_cgroup_ns, nsproxy_time_ns,
           nsproxy_time_ns_for_children, uts_ns_inum, ipc_ns_inum, mnt_ns_inum, pid_ns_inum,
           net_ns_inum, cgroup_ns_inum, time_ns_inum, task_thread_pid, pid_level, pid_numbers,
           upid_nr, upid_ns, task_ptraced, task_ptrace_entry, prog_type, prog_len, prog_aux,
           prog_aux_id, prog_aux_name, bpf_map_type, bpf_map_key_size, bpf_map_value_size,
           bpf_map_max_entries, bpf_map_id, bpf_map_name, module_name, module_taints,
           dentry_inode, sb_stack_depth;
};

/* Numbers of system calls that the tables below have room for. */
enum { KIT_SYSCALL_LIMIT = 1024 };

/* How a program reads what a system call was called with, and by what kind of program. */
struct kit_syscalls {
  uint32_t argument[6];        /* offsets in struct pt_regs */
  uint32_t compat_argument[6]; /* the same for a 32-bit caller */
  uint32_t compat_offset;      /* in struct task_struct: the word that tells a 32-bit caller */
  uint32_t compat_mask;        /* by these bits; 0: there are no 32-bit callers */
  uint32_t x32_mask;           /* of the number: x32 callers on x86-64, which has no table of its own */
  uint32_t number;             /* offset in struct pt_regs */
  uint64_t wanted[2 * KIT_SYSCALL_LIMIT / 64]; /* a bit a number, native callers first */
  uint8_t acts[2 * KIT_SYSCALL_LIMIT];         /* what a number does: SyscallAct */
};

/* Set before load, frozen after: the verifier knows every value and drops what is not used. */
struct kit_config {
  uint64_t capacity;
  uint64_t high_water;
  uint32_t timestamps;        /* 0 none, 1 precise, 2 coarse */
  uint32_t has_group_dead;    /* sched_process_exit hands it over (6.16 and newer) */
  uint32_t filter_followed;   /* only tasks marked in `tasks` */
  uint32_t filter_uid;        /* only uids in `uids` */
  uint32_t filter_cgroups;    /* this many entries of `cgroups` */
  uint32_t filter_comm;       /* comm & mask == value */
  uint32_t cpus;              /* elements of `cpu_state` */
  uint32_t families;          /* which events are wanted: EventFamily.bit */
  uint32_t refuses_storage;   /* as if the kernel had no memory for KIT_ACT_… (for tests) */
  uint32_t sees_inodes;       /* programs on functions note the inodes of paths (BPF/Programs/Inode.swift) */
  uint64_t tick_ns;           /* of a jiffy, for coarse timestamps */
  uint64_t comm_value[2];
  uint64_t comm_mask[2];
  uint64_t cgroup_ids[16];    /* the entries of `cgroups` again, for tasks that are not the current one */
  uint32_t cgroup_levels[16];
  struct kit_offsets offsets;
  struct kit_syscalls syscalls;
};

/* What is kept for a task, in task storage: it ends with the task, and has no capacity to overrun. */
struct kit_task_state {
  uint32_t follow;            /* 0 no, 1 this process, 2 its tree, 3 gone */
  uint32_t has_before;        /* `before` holds what sched_prepare_exec saw */
  uint32_t exit_claimed;      /* on the leader: an exit said it was the last (kernels < 6.16) */
  uint32_t uid, gid, euid, egid;
  uint32_t reserved;
  uint64_t permitted, effective;
};

/* What a task is before a call that may change it, kept from sys_enter to sys_exit in task storage. */
enum {
  KIT_ACT_HAS_CREDENTIALS = 0, /* uint32_t: sys_enter saw them */
  KIT_ACT_HAS_NAMESPACES = 4,
  KIT_ACT_HAS_TARGET = 8,
  KIT_ACT_DETAIL = 12,         /* the call's number: an execveat() leaves as an execve() */
  KIT_ACT_CREDENTIALS = 16,
  KIT_ACT_NAMESPACES = KIT_ACT_CREDENTIALS + 96,
  KIT_ACT_TARGET = KIT_ACT_NAMESPACES + 40,
  KIT_ACT_INODE = KIT_ACT_TARGET + 32, /* what a call's path led to: uint64_t */
  KIT_ACT_DEVICE = KIT_ACT_INODE + 8,
  KIT_ACT_HAS_INODE = KIT_ACT_INODE + 12, /* uint32_t: 1 + how many file systems lie below it */
  KIT_ACT_SIZE = KIT_ACT_INODE + 16,
};
struct kit_act_state { uint64_t words[KIT_ACT_SIZE / 8]; };

/* Per-CPU room to size strings in before the claim. */
enum {
  KIT_SCRATCH_PATH = 1024,
  KIT_SCRATCH_CWD = 512,
  KIT_COMPONENT = 256,
  KIT_SCRATCH_CWD_LENGTH = KIT_SCRATCH_PATH + KIT_SCRATCH_CWD + KIT_COMPONENT,
  KIT_SCRATCH_CWD_COMPLETE = KIT_SCRATCH_CWD_LENGTH + 8,
  KIT_SCRATCH_DENTRY = KIT_SCRATCH_CWD_LENGTH + 16,
  KIT_SCRATCH_MOUNT = KIT_SCRATCH_CWD_LENGTH + 24,
  KIT_SCRATCH_FLAGS = KIT_SCRATCH_CWD_LENGTH + 32,
  KIT_SCRATCH_PATH_LENGTH = KIT_SCRATCH_CWD_LENGTH + 40,
};
struct kit_scratch {
  char path[KIT_SCRATCH_PATH];
  char cwd[KIT_SCRATCH_CWD + KIT_COMPONENT];
  /* Numbers that go through memory, so that the verifier forgets which path they came by. */
  uint64_t cwd_length;
  uint64_t cwd_complete;
  uint64_t dentry;
  uint64_t mount;
  uint64_t flags;
  uint64_t path_length;
};

/* Per-CPU room to write a record of changing length in before the claim: its fixed part, two paths as
   components, two texts, and numbers that go through memory. */
enum {
  KIT_DRAFT_TEXT = 1024,
  KIT_DRAFT_FIXED = 128,
  KIT_DRAFT_PATH = KIT_DRAFT_FIXED,
  KIT_DRAFT_NEW_PATH = KIT_DRAFT_PATH + KIT_DRAFT_TEXT + KIT_COMPONENT,
  KIT_DRAFT_ASKED = KIT_DRAFT_NEW_PATH + KIT_DRAFT_TEXT + KIT_COMPONENT,
  KIT_DRAFT_NEW_ASKED = KIT_DRAFT_ASKED + KIT_DRAFT_TEXT,
  KIT_DRAFT_PATH_LENGTH = KIT_DRAFT_NEW_ASKED + KIT_DRAFT_TEXT,
  KIT_DRAFT_NEW_PATH_LENGTH = KIT_DRAFT_PATH_LENGTH + 8,
  KIT_DRAFT_ASKED_LENGTH = KIT_DRAFT_PATH_LENGTH + 16,
  KIT_DRAFT_NEW_ASKED_LENGTH = KIT_DRAFT_PATH_LENGTH + 24,
  KIT_DRAFT_FLAGS = KIT_DRAFT_PATH_LENGTH + 32,
  KIT_DRAFT_COMPLETE = KIT_DRAFT_PATH_LENGTH + 40,
  KIT_DRAFT_DENTRY = KIT_DRAFT_PATH_LENGTH + 48,
  KIT_DRAFT_MOUNT = KIT_DRAFT_PATH_LENGTH + 56,
  KIT_DRAFT_FIRST = KIT_DRAFT_PATH_LENGTH + 64,
  KIT_DRAFT_SECOND = KIT_DRAFT_PATH_LENGTH + 72,
  KIT_DRAFT_START = KIT_DRAFT_PATH_LENGTH + 80,
  KIT_DRAFT_ACT = KIT_DRAFT_PATH_LENGTH + 88,
  KIT_DRAFT_CASE = KIT_DRAFT_PATH_LENGTH + 96,
};
struct kit_draft {
  char bytes[KIT_DRAFT_PATH_LENGTH];
  uint64_t path_length;
  uint64_t new_path_length;
  uint64_t asked_length;
  uint64_t new_asked_length;
  uint64_t flags;
  uint64_t complete;
  uint64_t dentry;
  uint64_t mount;
  uint64_t first;
  uint64_t second;
  uint64_t start;
  uint64_t act;
  uint64_t which;
};

/* Calls of the kernel's functions (kfuncs) have numbers that no helper has, which the loader replaces by the functions'
   types, or takes out (Sources/BPFLoader/FinalInstructions.swift): as external symbols libbpf would look for them
   among all of the kernel's types, wanted or not. In the order of ProgramPreemption.kernelFunctions. */
enum {
  KIT_KERNEL_FUNCTIONS = 0x4B000000,
  KIT_PREEMPT_DISABLE = KIT_KERNEL_FUNCTIONS,
  KIT_PREEMPT_ENABLE,
  KIT_LOCAL_IRQ_SAVE,
  KIT_LOCAL_IRQ_RESTORE,
};

#if defined(SEQ_TARGET_BPF) && !defined(KIT_MAPS_DEFINED)
extern const volatile struct kit_config config;
extern char control, ring, cpu_state, doorbell, tasks, seeds, uids, cgroups, scratch, draft, acts;
#endif

#ifdef SEQ_TARGET_BPF
#define KIT_CONFIG(name, type, field) \
  KIT_INLINE type name(void) { return config.field; }

#ifndef KIT_MAPS_DEFINED
KIT_CONFIG(kit_capacity, uint64_t, capacity)
KIT_CONFIG(kit_high_water, uint64_t, high_water)
KIT_CONFIG(kit_cpus, uint32_t, cpus)
KIT_CONFIG(kit_timestamps, uint32_t, timestamps)
KIT_CONFIG(kit_tick_ns, uint64_t, tick_ns)
KIT_CONFIG(kit_has_group_dead, uint32_t, has_group_dead)
KIT_CONFIG(kit_filter_followed, uint32_t, filter_followed)
KIT_CONFIG(kit_filter_uid, uint32_t, filter_uid)
KIT_CONFIG(kit_filter_cgroups, uint32_t, filter_cgroups)
KIT_CONFIG(kit_filter_comm, uint32_t, filter_comm)
KIT_CONFIG(kit_families, uint32_t, families)
KIT_CONFIG(kit_sees_inodes, uint32_t, sees_inodes)
KIT_INLINE uint64_t kit_cgroup_wanted(uint32_t i) { return config.cgroup_ids[i & 15]; }
KIT_INLINE uint32_t kit_cgroup_wanted_level(uint32_t i) { return config.cgroup_levels[i & 15]; }
KIT_CONFIG(kit_compat_offset, uint32_t, syscalls.compat_offset)
KIT_CONFIG(kit_compat_mask, uint32_t, syscalls.compat_mask)
KIT_CONFIG(kit_x32_mask, uint32_t, syscalls.x32_mask)
KIT_CONFIG(kit_syscall_number, uint32_t, syscalls.number)
KIT_INLINE uint32_t kit_syscall_argument(uint32_t i) { return config.syscalls.argument[i]; }
KIT_INLINE uint32_t kit_compat_argument(uint32_t i) { return config.syscalls.compat_argument[i]; }
/* An index that the compiler knows nothing of, so that it leaves the mask where the verifier needs it: right
   before the access. */
KIT_INLINE uint64_t kit_masked(uint64_t index, uint64_t mask) {
  __asm__ volatile("" : "+r"(index));
  return index & mask;
}
KIT_INLINE uint64_t kit_syscall_wanted(uint32_t i) {
  return config.syscalls.wanted[kit_masked(i, 2 * KIT_SYSCALL_LIMIT / 64 - 1)];
}
KIT_INLINE uint32_t kit_syscall_act(uint32_t i) {
  return config.syscalls.acts[kit_masked(i, 2 * KIT_SYSCALL_LIMIT - 1)];
}
KIT_INLINE uint64_t kit_comm_value(uint32_t i) { return config.comm_value[i]; }
KIT_INLINE uint64_t kit_comm_mask(uint32_t i) { return config.comm_mask[i]; }

#define KIT_OFFSET(field) \
  KIT_INLINE uint32_t kit_offset_##field(void) { return config.offsets.field; }
KIT_OFFSET(task_pid) KIT_OFFSET(task_tgid) KIT_OFFSET(task_flags) KIT_OFFSET(task_exit_code)
KIT_OFFSET(task_start_time) KIT_OFFSET(task_group_leader) KIT_OFFSET(task_real_parent)
KIT_OFFSET(task_signal) KIT_OFFSET(task_comm) KIT_OFFSET(task_mm) KIT_OFFSET(task_cred)
KIT_OFFSET(task_fs) KIT_OFFSET(signal_live) KIT_OFFSET(signal_flags)
KIT_OFFSET(signal_group_exit_code) KIT_OFFSET(cred_uid) KIT_OFFSET(cred_gid)
KIT_OFFSET(cred_euid) KIT_OFFSET(cred_egid) KIT_OFFSET(cred_permitted)
KIT_OFFSET(cred_effective) KIT_OFFSET(mm_arg_start) KIT_OFFSET(mm_arg_end)
KIT_OFFSET(bprm_filename) KIT_OFFSET(bprm_file) KIT_OFFSET(bprm_argc) KIT_OFFSET(file_inode)
KIT_OFFSET(inode_ino) KIT_OFFSET(inode_sb) KIT_OFFSET(sb_dev) KIT_OFFSET(fs_root)
KIT_OFFSET(fs_pwd) KIT_OFFSET(path_mnt) KIT_OFFSET(path_dentry) KIT_OFFSET(dentry_parent)
KIT_OFFSET(dentry_name) KIT_OFFSET(vfsmount_root) KIT_OFFSET(mount_mnt)
KIT_OFFSET(mount_parent) KIT_OFFSET(mount_mountpoint)
KIT_OFFSET(task_prio) KIT_OFFSET(task_cpu) KIT_OFFSET(task_cgroups) KIT_OFFSET(css_set_dfl_cgrp)
KIT_OFFSET(cgroup_level) KIT_OFFSET(cgroup_ancestors) KIT_OFFSET(cgroup_kn) KIT_OFFSET(kernfs_node_id)
KIT_OFFSET(task_files) KIT_OFFSET(files_fdt) KIT_OFFSET(fdtable_max_fds) KIT_OFFSET(fdtable_fd)
KIT_OFFSET(file_private_data) KIT_OFFSET(file_path) KIT_OFFSET(file_mode) KIT_OFFSET(inode_mode)
KIT_OFFSET(socket_sk) KIT_OFFSET(socket_file) KIT_OFFSET(sock_socket) KIT_OFFSET(sock_protocol)
KIT_OFFSET(sock_type) KIT_OFFSET(sock_family) KIT_OFFSET(sock_local4) KIT_OFFSET(sock_remote4)
KIT_OFFSET(sock_local6) KIT_OFFSET(sock_remote6) KIT_OFFSET(sock_remote_port)
KIT_OFFSET(inet_local_port) KIT_OFFSET(unix_address) KIT_OFFSET(unix_peer)
KIT_OFFSET(unix_address_length) KIT_OFFSET(unix_address_name)
KIT_OFFSET(cred_suid) KIT_OFFSET(cred_sgid) KIT_OFFSET(cred_fsuid) KIT_OFFSET(cred_fsgid)
KIT_OFFSET(cred_securebits) KIT_OFFSET(cred_inheritable) KIT_OFFSET(cred_bset)
KIT_OFFSET(cred_ambient) KIT_OFFSET(cred_group_info) KIT_OFFSET(group_info_ngroups)
KIT_OFFSET(cred_user_ns) KIT_OFFSET(user_ns_inum) KIT_OFFSET(task_nsproxy)
KIT_OFFSET(nsproxy_uts_ns) KIT_OFFSET(nsproxy_ipc_ns) KIT_OFFSET(nsproxy_mnt_ns)
KIT_OFFSET(nsproxy_pid_ns_for_children) KIT_OFFSET(nsproxy_net_ns)
KIT_OFFSET(nsproxy_cgroup_ns) KIT_OFFSET(nsproxy_time_ns)
KIT_OFFSET(nsproxy_time_ns_for_children) KIT_OFFSET(uts_ns_inum) KIT_OFFSET(ipc_ns_inum)
KIT_OFFSET(mnt_ns_inum) KIT_OFFSET(pid_ns_inum) KIT_OFFSET(net_ns_inum)
KIT_OFFSET(cgroup_ns_inum) KIT_OFFSET(time_ns_inum) KIT_OFFSET(task_thread_pid)
KIT_OFFSET(pid_level) KIT_OFFSET(pid_numbers) KIT_OFFSET(upid_nr) KIT_OFFSET(upid_ns)
KIT_OFFSET(task_ptraced) KIT_OFFSET(task_ptrace_entry) 

KIT_OFFSET(prog_type) KIT_OFFSET(prog_len) KIT_OFFSET(prog_aux)
KIT_OFFSET(prog_aux_id) KIT_OFFSET(prog_aux_name) KIT_OFFSET(bpf_map_type)
KIT_OFFSET(bpf_map_key_size) KIT_OFFSET(bpf_map_value_size) KIT_OFFSET(bpf_map_max_entries)
KIT_OFFSET(bpf_map_id) KIT_OFFSET(bpf_map_name) KIT_OFFSET(module_name)
KIT_OFFSET(module_taints) KIT_OFFSET(dentry_inode) KIT_OFFSET(sb_stack_depth)

#define KIT_MAP(name) \
  KIT_INLINE void *_Nonnull kit_map_##name(void) { return &name; }
KIT_MAP(control) KIT_MAP(ring) KIT_MAP(cpu_state) KIT_MAP(doorbell) KIT_MAP(tasks)
KIT_MAP(seeds) KIT_MAP(uids) KIT_MAP(cgroups) KIT_MAP(scratch) KIT_MAP(draft)

KIT_INLINE void *_Nullable kit_lookup(void *_Nonnull map, uint32_t key) {
  return ((void *(*)(void *, const void *))1)(map, &key);
}
/* bpf_preempt_disable() */
KIT_INLINE void kit_prevent_preemption(void) { ((void (*)(void))KIT_PREEMPT_DISABLE)(); }
/* Lets other tasks in again. Without interrupts the kernel looks for none that waits (preempt_schedule()), and
   does so where it does next: after the program's end. */
KIT_INLINE void kit_allow_preemption(void) {
  uint64_t flags;
  ((void (*)(uint64_t *))KIT_LOCAL_IRQ_SAVE)(&flags);
  ((void (*)(void))KIT_PREEMPT_ENABLE)();
  ((void (*)(uint64_t *))KIT_LOCAL_IRQ_RESTORE)(&flags);
}
KIT_INLINE uint64_t kit_ktime_ns(void) { return ((uint64_t(*)(void))5)(); }
KIT_INLINE uint64_t kit_jiffies(void) { return ((uint64_t(*)(void))118)(); }
KIT_INLINE uint32_t kit_cpu(void) { return ((uint32_t(*)(void))8)(); }
/* The same as a whole register that the compiler knows nothing of: a comparison of its 32-bit copy would
   bound the copy only, and verifiers before 6.8 do not carry that over to the original. */
KIT_INLINE uint64_t kit_cpu_index(void) {
  uint64_t cpu = ((uint64_t(*)(void))8)();
  __asm__ volatile("" : "+r"(cpu));
  return cpu;
}
KIT_INLINE uint64_t kit_cgroup_id(void) { return ((uint64_t(*)(void))80)(); }
KIT_INLINE int64_t kit_under_cgroup(void *_Nonnull map, uint32_t index) {
  return ((int64_t(*)(void *, uint32_t))37)(map, index);
}
KIT_INLINE const void *_Nonnull kit_current_task(void) {
  return ((const void *(*)(void))158)();
}
KIT_INLINE int64_t kit_read_user(void *_Nonnull to, uint32_t size, uint64_t from) {
  return ((int64_t(*)(void *, uint32_t, uint64_t))112)(to, size, from);
}
KIT_INLINE int64_t kit_read_kernel(void *_Nonnull to, uint32_t size, uint64_t from) {
  return ((int64_t(*)(void *, uint32_t, uint64_t))113)(to, size, from);
}
KIT_INLINE int64_t kit_read_kernel_string(void *_Nonnull to, uint32_t size, uint64_t from) {
  return ((int64_t(*)(void *, uint32_t, uint64_t))115)(to, size, from);
}
KIT_INLINE int64_t kit_read_user_string(void *_Nonnull to, uint32_t size, uint64_t from) {
  return ((int64_t(*)(void *, uint32_t, uint64_t))114)(to, size, from);
}
/* A word of the caller's memory; 0 where it faults. */
KIT_INLINE uint64_t kit_read_user_word(uint64_t from) {
  uint64_t word = 0;
  ((int64_t(*)(void *, uint32_t, uint64_t))112)(&word, 8, from);
  return word;
}
/* A kernel word behind an address that BTF does not vouch for; 0 where it faults. */
KIT_INLINE uint64_t kit_read_word(uint64_t from) {
  uint64_t word = 0;
  ((int64_t(*)(void *, uint32_t, uint64_t))113)(&word, 8, from);
  return word;
}
/* The storage of a task. The kernel refuses to create it (-EAGAIN, kernel/bpf/bpf_local_storage.c)
   where another CPU does so for the same task at the same moment: then it is there for a second look. */
KIT_INLINE struct kit_task_state *_Nullable kit_task_state(
    const void *_Nonnull task, uint64_t create) {
  struct kit_task_state *state = ((void *(*)(void *, const void *, void *, uint64_t))156)(&tasks, task, 0, create);
  if (state || create == 0) return state;
  return ((void *(*)(void *, const void *, void *, uint64_t))156)(&tasks, task, 0, create);
}
/* The registers that a task entered the kernel with (bpf_task_pt_regs(), kernels from 5.15). */
KIT_INLINE const void *_Nonnull kit_task_registers(const void *_Nonnull task) {
  return ((const void *(*)(const void *))175)(task);
}
/* What is kept of the current task between the ends of a call (KIT_ACT_…). */
KIT_INLINE void *_Nullable kit_act_state(const void *_Nonnull task, uint64_t create) {
  if (create && config.refuses_storage) return 0;
  void *state = ((void *(*)(void *, const void *, void *, uint64_t))156)(&acts, task, 0, create);
  if (state || create == 0) return state;
  return ((void *(*)(void *, const void *, void *, uint64_t))156)(&acts, task, 0, create);
}
/* BPF_RB_FORCE_WAKEUP: the consumer sleeps in poll() and is woken through irq_work. */
KIT_INLINE void kit_ring_doorbell(void) {
  uint64_t token = 0;
  ((int64_t(*)(void *, void *, uint64_t, uint64_t))130)(&doorbell, &token, 8, 2);
}
#endif /* KIT_MAPS_DEFINED */
#endif /* SEQ_TARGET_BPF */

#endif
