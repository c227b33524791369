#define _GNU_SOURCE
/* Acts on credentials, namespaces, tracees, BPF objects, modules and mounts, each written down as the start of
   the event that a tracer must give: a line of JSON in the file named by WORKLOAD_LOG, in the order of the
   acts. What they hold comes from /proc and from what the calls returned, never from a tracer. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int truth;

__attribute__((format(printf, 1, 2))) static void expect(const char *format, ...) {
  char line[8192];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line - 1, format, list);
  va_end(list);
  line[length] = '\n';
  if (write(truth, line, (size_t)length + 1) != length + 1) abort();
}

static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  _exit(90);
}

/* What a raw call gave, as the kernel gave it. */
static long raw(long result) { return result < 0 ? -errno : result; }

static unsigned inode(const char *format, int pid, const char *name) {
  char path[64], text[64] = "";
  snprintf(path, sizeof path, format, pid, name);
  if (readlink(path, text, sizeof text - 1) < 0) return 0;
  char *colon = strchr(text, '[');
  return colon ? (unsigned)strtoul(colon + 1, 0, 10) : 0;
}

/* A task's credentials, by /proc, which shows ids as the reader's user namespace has them. */
static void credentials(char *to, size_t room, pid_t tid, unsigned securebits) {
  static const char *names[][2] = {{"CapInh", "inheritable"}, {"CapPrm", "permitted"},
    {"CapEff", "effective"}, {"CapBnd", "bounding"}, {"CapAmb", "ambient"}};
  char path[64], line[4096], caps[400] = "";
  unsigned groups = 0, u[4] = {0}, g[4] = {0};
  unsigned long c;
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  FILE *file = fopen(path, "re");
  must(file != 0, path);
  while (fgets(line, sizeof line, file)) {
    sscanf(line, "Uid: %u %u %u %u", u, u + 1, u + 2, u + 3);
    sscanf(line, "Gid: %u %u %u %u", g, g + 1, g + 2, g + 3);
    for (int i = 0; i < 5; i++)
      if (strncmp(line, names[i][0], 6) == 0 && sscanf(line + 7, "%lx", &c) == 1)
        sprintf(caps + strlen(caps), ",\"cap_%s\":\"0x%016lx\"", names[i][1], c);
    if (strncmp(line, "Groups:", 7) == 0)
      for (char *word = strtok(line + 7, " \t\n"); word; word = strtok(0, " \t\n")) groups++;
  }
  fclose(file);
  snprintf(to, room, "{\"uid\":%u,\"gid\":%u,\"euid\":%u,\"egid\":%u,\"suid\":%u,\"sgid\":%u,\"fsuid\":%u,"
    "\"fsgid\":%u,\"groups\":%u,\"securebits\":%u,\"user_ns\":%u%s}", u[0], g[0], u[1], g[1], u[2], g[2],
    u[3], g[3], groups, securebits, inode("/proc/%d/ns/%s", tid, "user"), caps);
}

static char before[1024], after[1024];

static void own(char *to) {
  credentials(to, sizeof before, own_tid(), (unsigned)prctl(PR_GET_SECUREBITS));
}

static void begin_change(void) { own(before); }

static void end_change(const char *call, const char *abi, int replaced) {
  own(after);
  expect("{\"type\":\"cred\",\"syscall_name\":\"%s\",\"abi\":\"%s\",\"pid\":%d,\"tid\":%d,"
    "\"task\":{\"pid\":%d,\"tid\":%d},\"groups_replaced\":%s,\"before\":%s,\"after\":%s}",
    call, abi, getpid(), own_tid(), getpid(), own_tid(), replaced ? "true" : "false", before, after);
}

#if defined(__x86_64__)
#define NATIVE "x86_64"
static long old_call(long number, long one, long two, long three) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(one), "c"(two), "d"(three)
    : "memory", "r8", "r9", "r10", "r11");
  return result;
}
static int has_old_calls(void) {
  pid_t child = fork();
  if (child == 0) _exit(old_call(20, 0, 0, 0) > 0 ? 0 : 1); /* getpid */
  int status;
  waitpid(child, &status, 0);
  return status == 0;
}
#else
#define NATIVE "arm64"
#endif

static void *change_in_thread(void *unused) {
  (void)unused;
  begin_change();
  must(syscall(SYS_setfsuid, 4321) == 0, "setfsuid");
  end_change("setfsuid", NATIVE, 0);
  return 0;
}

static int in_user_namespace(void *pipe_end) {
  char byte;
  return read(*(int *)pipe_end, &byte, 1) == 0 ? 0 : 1;
}

static int credentials_acts(const char *program) {
  gid_t groups[3] = {7, 8, 9};
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];

  /* Nothing changes. */
  must(syscall(SYS_setresuid, -1, -1, -1) == 0, "setresuid");
  must(syscall(SYS_setresgid, 0, -1, 0) == 0, "setresgid");
  must(prctl(PR_SET_NAME, "acts") == 0, "PR_SET_NAME");
  must(syscall(SYS_capget, &header, data) == 0, "capget");
  must(syscall(SYS_capset, &header, data) == 0, "capset");

  for (int i = 0; i < 2; i++) {
    begin_change();
    must(syscall(SYS_setgroups, 3, groups) == 0, "setgroups");
    end_change("setgroups", NATIVE, 1);
  }
  begin_change();
  must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0, "PR_SET_SECUREBITS");
  end_change("prctl", NATIVE, 0);
  begin_change();
  data[0].inheritable = 1 << CAP_NET_RAW;
  data[0].effective &= ~(1u << CAP_SYS_TIME);
  must(syscall(SYS_capset, &header, data) == 0, "capset");
  end_change("capset", NATIVE, 0);
  begin_change();
  must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0, "PR_CAP_AMBIENT");
  end_change("prctl", NATIVE, 0);
  begin_change();
  must(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT) == 0, "PR_CAPBSET_DROP");
  end_change("prctl", NATIVE, 0);
  begin_change();
  must(syscall(SYS_setfsgid, 44) == 0, "setfsgid");
  end_change("setfsgid", NATIVE, 0);
  begin_change();
  must(syscall(SYS_setresgid, 11, 22, 33) == 0, "setresgid");
  end_change("setresgid", NATIVE, 0);
#if defined(__x86_64__)
  if (has_old_calls()) {
    begin_change();
    must(old_call(210, 12, -1, 34) == 0, "setresgid32"); /* of arch/x86/entry/syscalls/syscall_32.tbl */
    end_change("setresgid32", "i386", 0);
  }
#endif
  /* One thread only. */
  pthread_t thread;
  must(pthread_create(&thread, 0, change_in_thread, 0) == 0, "pthread_create");
  pthread_join(thread, 0);

  /* A child in a user namespace of its own: told of the child, by its creator. */
  int ends[2];
  must(pipe(ends) == 0, "pipe");
  begin_change();
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0L, 0L, 0L, 0L);
  must(child >= 0, "clone");
  if (child == 0) {
    close(ends[1]);
    _exit(in_user_namespace(ends));
  }
  /* Of another namespace /proc shows the reader's view of ids: the same as the creator's. */
  credentials(after, sizeof after, child, SECUREBITS_DEFAULT);
  expect("{\"type\":\"cred\",\"syscall_name\":\"clone\",\"pid\":%d,\"task\":{\"pid\":%d,\"tid\":%d},"
    "\"groups_replaced\":false,\"before\":%s,\"after\":%s}", getpid(), child, child, before, after);
  close(ends[1]);
  waitpid(child, 0, 0);

  /* unshare() of one, in a child, seen from here: /proc must show our ids. */
  int told[2];
  must(pipe(ends) == 0 && pipe(told) == 0, "pipe");
  child = fork();
  if (child == 0) {
    must(unshare(CLONE_NEWUSER) == 0 && write(told[1], "x", 1) == 1, "unshare");
    close(ends[1]);
    _exit(in_user_namespace(ends));
  }
  char byte;
  must(read(told[0], &byte, 1) == 1, "read");
  credentials(after, sizeof after, child, SECUREBITS_DEFAULT);
  expect("{\"type\":\"cred\",\"syscall_name\":\"unshare\",\"pid\":%d,\"task\":{\"pid\":%d,\"tid\":%d},"
    "\"groups_replaced\":false,\"before\":%s,\"after\":%s}", child, child, child, before, after);
  close(ends[1]);
  waitpid(child, 0, 0);

  must(prctl(PR_SET_SECUREBITS, 0) == 0, "PR_SET_SECUREBITS");
  own(after);
  expect("{\"type\":\"cred\",\"syscall_name\":\"prctl\",\"after\":%s}", after);
  begin_change();
  must(syscall(SYS_setresuid, 1000, 1001, 1002) == 0, "setresuid");
  end_change("setresuid", NATIVE, 0);
  /* Refused: no change. */
  must(syscall(SYS_setresuid, 0, 0, 0) < 0, "setresuid as a user");
  must(syscall(SYS_setgroups, 0, 0L) < 0, "setgroups as a user");
  /* A program with the set-uid bit: what it has then, it says itself. */
  own(before);
  setenv("WORKLOAD_BEFORE", before, 1);
  execl(program, program, "acts", "cred-after", "-", (char *)0);
  must(0, program);
  return 90;
}

static int credentials_after(void) {
  snprintf(before, sizeof before, "%s", getenv("WORKLOAD_BEFORE"));
  end_change("execve", NATIVE, 0);
  return 0;
}

static void namespaces(char *to, int pid) {
  static const char *names[] = {
    "mnt", "uts", "ipc", "net", "cgroup", "user", "pid", "pid_for_children", "time", "time_for_children"};
  char *at = to;
  for (int i = 0; i < 10; i++) {
    unsigned number = inode("/proc/%d/ns/%s", pid, names[i]);
    /* Until its first process is there, this one has no name to read. */
    if (number || strcmp(names[i], "pid_for_children") != 0)
      at += sprintf(at, "%s\"%s\":%u", at == to ? "{" : ",", names[i], number);
  }
  strcpy(at, "}");
}

static void *nothing(void *unused) { return unused; }

static void expect_spaces(const char *call, pid_t task) {
  namespaces(after, task);
  expect("{\"type\":\"namespace\",\"syscall_name\":\"%s\",\"pid\":%d,\"tid\":%d,"
    "\"task\":{\"pid\":%d,\"tid\":%d},\"before\":%s,\"after\":%s}",
    call, getpid(), own_tid(), task, task, before, after);
}

static int namespace_acts(void) {
  static const int kinds[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWCGROUP,
    CLONE_NEWUTS | CLONE_NEWNET, 0x80 /* CLONE_NEWTIME */, CLONE_NEWPID};
  int uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
  /* Nothing changes. */
  must(unshare(0) == 0 && unshare(CLONE_FILES) == 0, "unshare");
  must(setns(uts, CLONE_NEWUTS) == 0, "setns");
  pthread_t thread;
  must(pthread_create(&thread, 0, nothing, 0) == 0 && pthread_join(thread, 0) == 0, "pthread");
  for (int i = 0; i < 8; i++) {
    namespaces(before, getpid());
    must(unshare(kinds[i]) == 0, "unshare");
    expect_spaces("unshare", getpid());
  }
  namespaces(before, getpid());
  must(setns(uts, CLONE_NEWUTS) == 0, "setns");
  expect_spaces("setns", getpid());
  /* Born into what the calls above made for children, and into new ones. */
  for (int i = 0; i < 2; i++) {
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    namespaces(before, getpid());
    long flags = SIGCHLD | (i ? CLONE_NEWUTS | CLONE_NEWNET : 0);
    pid_t child = (pid_t)syscall(SYS_clone, flags, 0L, 0L, 0L, 0L);
    must(child >= 0, "clone");
    if (child == 0) {
      close(ends[1]);
      char byte;
      /* The first one is the init of its pid namespace, and must outlive the second. */
      _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    expect_spaces("clone", child);
    if (i) close(ends[1]);
  }
  return 0;
}

static void expect_ptrace(const char *request, pid_t asked, unsigned long address, unsigned long data,
    long result, pid_t tracer, pid_t target) {
  char whom[64] = "null";
  if (target) sprintf(whom, "{\"pid\":%d,\"tid\":%d}", target, target);
  expect("{\"type\":\"ptrace\",\"request_name\":\"%s\",\"asked_pid\":%d,\"address\":\"0x%016lx\","
    "\"data\":\"0x%016lx\",\"result\":%ld,\"tracer\":{\"pid\":%d},\"target\":%s}",
    request, asked, address, data, result, tracer, whom);
}

static long word = 0x1122334455667788;

static void trace(const char *name, long request, pid_t asked, const void *address, unsigned long data,
    pid_t target) {
  long result = raw(syscall(SYS_ptrace, request, asked, address, data));
  expect_ptrace(name, asked, (unsigned long)address, data, result, getpid(), target);
}

static int ptrace_acts(void) {
  pid_t child = fork();
  if (child == 0) {
    long result = raw(syscall(SYS_ptrace, PTRACE_TRACEME, 0L, 0L, 0L));
    expect_ptrace("PTRACE_TRACEME", 0, 0, 0, result, getppid(), getpid());
    raise(SIGSTOP);
    for (;;) pause();
  }
  int status;
  long got = 0;
  must(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status), "waitpid");
  trace("PTRACE_SETOPTIONS", PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL, child);
  trace("PTRACE_PEEKDATA", PTRACE_PEEKDATA, child, &word, (unsigned long)&got, child);
  must(got == word, "PTRACE_PEEKDATA");
  trace("PTRACE_POKEDATA", PTRACE_POKEDATA, child, &word, 5, child);
  /* Refused, by a tracee and by none. */
  trace("PTRACE_ATTACH", PTRACE_ATTACH, child, 0, 0, child);
  trace("PTRACE_PEEKDATA", PTRACE_PEEKDATA, getppid(), &word, (unsigned long)&got, 0);
  trace("PTRACE_ATTACH", PTRACE_ATTACH, 0x3FFFFFFF, 0, 0, 0);
  trace("PTRACE_DETACH", PTRACE_DETACH, child, 0, 0, child);
  trace("PTRACE_SEIZE", PTRACE_SEIZE, child, 0, PTRACE_O_EXITKILL, child);
  trace("PTRACE_INTERRUPT", PTRACE_INTERRUPT, child, 0, 0, child);

  long copy = 0;
  struct iovec local = {&copy, sizeof copy}, remote[2] = {{&word, 4}, {(char *)&word + 4, 4}};
  got = raw(syscall(SYS_process_vm_readv, child, &local, 1, remote, 2, 0L));
  expect("{\"type\":\"process_vm\",\"write\":false,\"asked_pid\":%d,\"remote_address\":\"0x%016lx\","
    "\"remote_count\":2,\"result\":%ld,\"error\":null}", child, (unsigned long)&word, got);
  got = raw(syscall(SYS_process_vm_writev, child, &local, 1, remote, 1, 0L));
  expect("{\"type\":\"process_vm\",\"write\":true,\"asked_pid\":%d,\"remote_count\":1,\"result\":%ld}",
    child, got);
  got = raw(syscall(SYS_process_vm_readv, 0x3FFFFFFF, &local, 1, remote, 1, 0L));
  expect("{\"type\":\"process_vm\",\"write\":false,\"asked_pid\":%d,\"result\":%ld,\"error\":\"ESRCH\"}",
    0x3FFFFFFF, got);
  kill(child, SIGKILL);
  waitpid(child, 0, 0);
  return 0;
}

static long object(unsigned command, union bpf_attr *attributes) {
  return raw(syscall(SYS_bpf, command, attributes, sizeof *attributes));
}

/* The id of an object, by a call that is told as well. */
static unsigned object_id(long descriptor) {
  unsigned words[64] = {0}; /* struct bpf_map_info and struct bpf_prog_info begin with type and id */
  union bpf_attr info = {.info = {.bpf_fd = (unsigned)descriptor, .info_len = sizeof words,
    .info = (uintptr_t)words}};
  must(object(BPF_OBJ_GET_INFO_BY_FD, &info) == 0, "BPF_OBJ_GET_INFO_BY_FD");
  return words[1];
}

static void expect_info(void) {
  expect("{\"type\":\"bpf\",\"command_name\":\"BPF_OBJ_GET_INFO_BY_FD\",\"result\":0,\"object_name\":\"none\","
    "\"prog_type\":null,\"map_type\":null,\"key_size\":null,\"instructions\":null}");
}

static int bpf_acts(void) {
  union bpf_attr map = {.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 24, .max_entries = 55};
  strcpy(map.map_name, "acts_map");
  long descriptor = object(BPF_MAP_CREATE, &map);
  must(descriptor >= 0, "BPF_MAP_CREATE");
  unsigned id = object_id(descriptor);
  expect("{\"type\":\"bpf\",\"command_name\":\"BPF_MAP_CREATE\",\"result\":%ld,\"error\":null,"
    "\"object_name\":\"map\",\"id\":%u,\"name\":\"acts_map\",\"map_type_name\":\"BPF_MAP_TYPE_HASH\","
    "\"max_entries\":55,\"key_size\":4,\"value_size\":24,\"prog_type\":null,\"instructions\":null}",
    descriptor, id);
  expect_info();
  struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
  union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 2,
    .insns = (uintptr_t)code, .license = (uintptr_t) "GPL"};
  strcpy(program.prog_name, "acts_prog");
  long loaded = object(BPF_PROG_LOAD, &program);
  must(loaded >= 0, "BPF_PROG_LOAD");
  id = object_id(loaded);
  expect("{\"type\":\"bpf\",\"command_name\":\"BPF_PROG_LOAD\",\"result\":%ld,\"object_name\":\"prog\","
    "\"id\":%u,\"name\":\"acts_prog\",\"prog_type_name\":\"BPF_PROG_TYPE_SOCKET_FILTER\","
    "\"instructions\":2,\"map_type\":null,\"max_entries\":null}", loaded, id);
  expect_info();
  union bpf_attr by_id = {.prog_id = id};
  long again = object(BPF_PROG_GET_FD_BY_ID, &by_id);
  expect("{\"type\":\"bpf\",\"command_name\":\"BPF_PROG_GET_FD_BY_ID\",\"result\":%ld,\"id\":%u,"
    "\"object_name\":\"prog\",\"name\":\"acts_prog\"}", again, id);
  map.key_size = 0;
  long result = object(BPF_MAP_CREATE, &map);
  expect("{\"type\":\"bpf\",\"command_name\":\"BPF_MAP_CREATE\",\"result\":%ld,\"error\":\"EINVAL\","
    "\"object_name\":\"none\",\"id\":0,\"name\":\"\",\"map_type\":null}", result);
  return 0;
}

static int module_acts(void) {
  /* No such module, no descriptor, no image: harmless where the kernel has modules. */
  long result = raw(syscall(SYS_delete_module, "ordinal_no_such_module", O_NONBLOCK));
  expect("{\"type\":\"module_call\",\"syscall_name\":\"delete_module\",\"result\":%ld,\"flags\":%d,\"fd\":-1,"
    "\"image_length\":0,\"name\":\"ordinal_no_such_module\",\"parameters\":null}", result, O_NONBLOCK);
  result = raw(syscall(SYS_finit_module, 987, "a=1 b=\"2\"", 1));
  expect("{\"type\":\"module_call\",\"syscall_name\":\"finit_module\",\"result\":%ld,\"flags\":1,\"fd\":987,"
    "\"image_length\":0,\"name\":null,\"parameters\":\"a=1 b=\\\"2\\\"\"}", result);
  result = raw(syscall(SYS_init_module, "none", 4, "c=3"));
  expect("{\"type\":\"module_call\",\"syscall_name\":\"init_module\",\"result\":%ld,\"flags\":0,\"fd\":-1,"
    "\"image_length\":4,\"name\":null,\"parameters\":\"c=3\"}", result);
  char name[101];
  memset(name, 'n', 100);
  name[100] = 0;
  result = raw(syscall(SYS_delete_module, name, O_NONBLOCK));
  expect("{\"type\":\"module_call\",\"syscall_name\":\"delete_module\",\"result\":%ld,\"name\":\"%.63s\"}",
    result, name);
  return 0;
}

static void quoted(char *to, const char *text) {
  if (text) sprintf(to, "\"%s\"", text);
  else strcpy(to, "null");
}

static void expect_mount(const char *call, long result, unsigned long flags, const char *source,
    const char *target, const char *type, const char *key, long source_fd, long target_fd) {
  char words[4][600];
  quoted(words[0], source);
  quoted(words[1], target);
  quoted(words[2], type);
  quoted(words[3], key);
  expect("{\"type\":\"mount\",\"syscall_name\":\"%s\",\"pid\":%d,\"result\":%ld,\"flags\":%lu,\"source\":%s,"
    "\"target\":%s,\"fstype\":%s,\"key\":%s,\"source_fd\":%ld,\"target_fd\":%ld,\"truncated\":%s,"
    "\"fault\":%s}", call, getpid(), result, flags, words[0], words[1], words[2], words[3], source_fd,
    target_fd, source && strlen(source) == 511 ? "true" : "false", result == -EFAULT ? "true" : "false");
}

static int mount_acts(const char *folder) {
  must(unshare(CLONE_NEWNS) == 0, "unshare");
  long result = raw(mount(0, "/", 0, MS_REC | MS_PRIVATE, 0));
  must(result == 0, "mount");
  expect_mount("mount", result, MS_REC | MS_PRIVATE, 0, "/", 0, 0, -1, -1);
  result = raw(mount("a source", folder, "tmpfs", MS_NODEV | MS_NOSUID, "size=1m"));
  must(result == 0, "mount");
  expect_mount("mount", result, MS_NODEV | MS_NOSUID, "a source", folder, "tmpfs", 0, -1, -1);
  result = raw(umount2(folder, MNT_DETACH));
  expect_mount("umount2", result, MNT_DETACH, 0, folder, 0, 0, -1, -1);
  result = raw(umount2("/nonexistent", 0));
  expect_mount("umount2", result, 0, 0, "/nonexistent", 0, 0, -1, -1);
  result = raw(mount((char *)8, folder, "tmpfs", 0, 0));
  expect_mount("mount", result, 0, 0, folder, "tmpfs", 0, -1, -1);
  char text[701];
  memset(text, 'x', 700);
  text[700] = 0;
  result = raw(mount(text, "/nonexistent", "tmpfs", 0, 0));
  text[511] = 0; /* cut where MountPayload.pathLimit says */
  expect_mount("mount", result, 0, text, "/nonexistent", "tmpfs", 0, -1, -1);
  result = raw(syscall(SYS_pivot_root, folder, "/nonexistent"));
  expect_mount("pivot_root", result, 0, folder, "/nonexistent", 0, 0, -1, -1);

  result = raw(chroot("/"));
  must(result == 0, "chroot");
  expect_mount("chroot", result, 0, 0, "/", 0, 0, -1, -1);
  result = raw(syscall(SYS_fspick, AT_FDCWD, "/", 1 /* FSPICK_CLOEXEC */));
  expect_mount("fspick", result, 1, "/", 0, 0, 0, AT_FDCWD, -1);

  long context = raw(syscall(SYS_fsopen, "tmpfs", 1 /* FSOPEN_CLOEXEC */));
  if (context < 0) return 0;
  expect_mount("fsopen", context, 1, 0, 0, "tmpfs", 0, -1, -1);
  result = raw(syscall(SYS_fsconfig, context, 1 /* FSCONFIG_SET_STRING */, "size", "2m", 0L));
  expect_mount("fsconfig", result, 1, "2m", 0, 0, "size", context, -1);
  result = raw(syscall(SYS_fsconfig, context, 6 /* FSCONFIG_CMD_CREATE */, 0L, 0L, 0L));
  expect_mount("fsconfig", result, 6, 0, 0, 0, 0, context, -1);
  long made = raw(syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, 8 /* MOUNT_ATTR_NOEXEC */));
  must(made >= 0, "fsmount");
  expect("{\"type\":\"mount\",\"syscall_name\":\"fsmount\",\"result\":%ld,\"flags\":1,\"source_fd\":%ld,"
    "\"attr_set\":\"0x0000000000000008\",\"attr_clr\":\"0x0000000000000000\",\"source\":null}", made, context);
  result = raw(syscall(SYS_move_mount, made, "", AT_FDCWD, folder, 4 /* MOVE_MOUNT_F_EMPTY_PATH */));
  must(result == 0, "move_mount");
  expect_mount("move_mount", result, 4, 0, folder, 0, 0, made, AT_FDCWD);
  unsigned long attributes[4] = {1 /* MOUNT_ATTR_RDONLY */, 8, 0, 0};
  result = raw(syscall(SYS_mount_setattr, AT_FDCWD, folder, 0, attributes, sizeof attributes));
  must(result == 0, "mount_setattr");
  expect("{\"type\":\"mount\",\"syscall_name\":\"mount_setattr\",\"result\":0,\"flags\":0,\"target_fd\":-100,"
    "\"attr_set\":\"0x0000000000000001\",\"attr_clr\":\"0x0000000000000008\",\"target\":\"%s\"}", folder);
  result = raw(syscall(SYS_open_tree, AT_FDCWD, folder, 1 /* OPEN_TREE_CLONE */));
  expect_mount("open_tree", result, 1, folder, 0, 0, 0, AT_FDCWD, -1);
  return 0;
}

/* Four processes at once, each with `count` changes of its credentials and a tenth of it of its namespaces. */
static int storm(int count) {
  for (int process = 0; process < 4; process++) {
    pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < count; i++) {
        must(syscall(SYS_setresgid, i + 1, i + 2, i + 3) == 0, "setresgid");
        if (i % 10 == 0) must(unshare(CLONE_NEWUTS) == 0, "unshare");
      }
      _exit(0);
    }
  }
  for (int process = 0; process < 4; process++) wait(0);
  return 0;
}

int acts(const char *kind, const char *place) {
  if (strcmp(kind, "storm") == 0) return storm(atoi(place));
  char *inherited = getenv("WORKLOAD_TRUTH");
  if (inherited) {
    truth = atoi(inherited);
  } else {
    /* Held open: a later user may not write to the file. */
    truth = open(getenv("WORKLOAD_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0666);
    must(truth >= 0, "WORKLOAD_LOG");
    char number[16];
    snprintf(number, sizeof number, "%d", truth);
    setenv("WORKLOAD_TRUTH", number, 1);
  }
  if (strcmp(kind, "cred") == 0) return credentials_acts(place);
  if (strcmp(kind, "cred-after") == 0) return credentials_after();
  if (strcmp(kind, "namespace") == 0) return namespace_acts();
  if (strcmp(kind, "ptrace") == 0) return ptrace_acts();
  if (strcmp(kind, "bpf") == 0) return bpf_acts();
  if (strcmp(kind, "module") == 0) return module_acts();
  if (strcmp(kind, "mount") == 0) return mount_acts(place);
  return 2;
}
