#define _GNU_SOURCE
#include "CFamilies.h"

#include "CEvaluation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* All of the child's own. */
static struct {
  int cpu;
  int there[2], back[2];
  int listener;
  struct sockaddr_in address;
  char folder[64], path[96];
  pid_t tracee;
  long word;
} own;

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void handle(int signal) { (void)signal; }

static void *echo(void *unused) {
  (void)unused;
  char byte;
  if (evaluation_pin(own.cpu) != 0) return NULL;
  while (read(own.there[0], &byte, 1) == 1)
    if (write(own.back[1], &byte, 1) != 1) break;
  return NULL;
}

static int remap(void) {
  char *page = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return -1;
  *page = 1;
  return munmap(page, 1 << 16);
}

static void *contend(void *unused) {
  (void)unused;
  while (remap() == 0) {
  }
  return NULL;
}

/* A copy on the stack of the parent would be its: the tracee only stops. */
static int stop_tracee(void) {
  own.word = 0x4F726469;
  own.tracee = fork();
  if (own.tracee == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  return own.tracee > 0 && waitpid(own.tracee, &status, 0) == own.tracee && WIFSTOPPED(status) ? 0 : -1;
}

static int make_folder(void) {
  strcpy(own.folder, "/tmp/ordinal-bench-XXXXXX");
  if (!mkdtemp(own.folder)) return -1;
  snprintf(own.path, sizeof own.path, "%s/file", own.folder);
  return 0;
}

static int make_link(void) {
  if (make_folder() != 0) return -1;
  snprintf(own.path, sizeof own.path, "%s/" EVALUATION_FAMILY_NAME, own.folder);
  return symlink("/bin/true", own.path);
}

static int listen_at_loopback(void) {
  socklen_t size = sizeof own.address;
  own.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  own.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return own.listener >= 0 && bind(own.listener, (struct sockaddr *)&own.address, size) == 0 &&
                 listen(own.listener, 16) == 0 &&
                 getsockname(own.listener, (struct sockaddr *)&own.address, &size) == 0
             ? 0
             : -1;
}

static int prepare(enum evaluation_family_kind kind) {
  pthread_t thread;
  switch (kind) {
  case EVALUATION_PING:
    return pipe2(own.there, O_CLOEXEC) == 0 && pipe2(own.back, O_CLOEXEC) == 0 &&
                   pthread_create(&thread, NULL, echo, NULL) == 0
               ? 0
               : -1;
  case EVALUATION_KILL: return signal(SIGUSR1, handle) == SIG_ERR ? -1 : 0;
  case EVALUATION_CONTEND: {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &all);
    if (sched_setaffinity(0, sizeof all, &all) != 0) return -1;
    for (int i = 0; i < 3; i++)
      if (pthread_create(&thread, NULL, contend, NULL) != 0) return -1;
    return 0;
  }
  case EVALUATION_CONNECT: return listen_at_loopback();
  case EVALUATION_CREATE: return make_folder();
  case EVALUATION_MOUNT:
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0
               ? make_folder()
               : -1;
  case EVALUATION_PEEK: return stop_tracee();
  case EVALUATION_SPAWN: return make_link();
  default: return 0;
  }
}

static void clean(enum evaluation_family_kind kind) {
  if (kind == EVALUATION_SPAWN) unlink(own.path);
  if (kind == EVALUATION_CREATE || kind == EVALUATION_MOUNT || kind == EVALUATION_SPAWN) rmdir(own.folder);
  if (kind == EVALUATION_PEEK) {
    kill(own.tracee, SIGKILL);
    waitpid(own.tracee, NULL, 0);
  }
}

static int turn_ping(void) {
  char byte = 1;
  if (write(own.there[1], &byte, 1) != 1) return -1;
  return read(own.back[0], &byte, 1) == 1 ? 0 : -1;
}

static int turn_connect(void) {
  /* A reset leaves no port behind that would wait for a minute. */
  struct linger linger = {.l_onoff = 1};
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0) return -1;
  int failed = setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) |
               connect(client, (struct sockaddr *)&own.address, sizeof own.address);
  int server = failed ? -1 : accept4(own.listener, NULL, NULL, SOCK_CLOEXEC);
  close(client);
  if (server < 0) return -1;
  return close(server);
}

static int turn_create(void) {
  int file = open(own.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  return file >= 0 && close(file) == 0 && unlink(own.path) == 0 ? 0 : -1;
}

static int turn_map(void) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = 8;
  attributes.max_entries = 1;
  int map = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof attributes);
  return map >= 0 ? close(map) : -1;
}

static int turn_vfork(void) {
  pid_t child = vfork();
  if (child == 0) _exit(0);
  return child > 0 && waitpid(child, NULL, 0) == child ? 0 : -1;
}

static int turn_spawn(void) {
  /* Nothing of this process is copied: the child borrows its memory until its exec. */
  pid_t child = vfork();
  if (child == 0) {
    char *arguments[] = {EVALUATION_FAMILY_NAME, NULL};
    char *environment[] = {NULL};
    execve(own.path, arguments, environment);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int turn(enum evaluation_family_kind kind) {
  static uint32_t word;
  switch (kind) {
  case EVALUATION_GETPID: return syscall(SYS_getpid) > 0 ? 0 : -1;
  case EVALUATION_PING: return turn_ping();
  case EVALUATION_KILL: return kill(getpid(), SIGUSR1);
  case EVALUATION_WAKE:
    return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0 ? 0 : -1;
  case EVALUATION_CONTEND: return remap();
  case EVALUATION_CONNECT: return turn_connect();
  case EVALUATION_CREATE: return turn_create();
  case EVALUATION_SETUID:
    return (int)(syscall(SYS_setresuid, -1, 1, -1) | syscall(SYS_setresuid, -1, 0, -1));
  case EVALUATION_UNSHARE: return unshare(CLONE_NEWUTS);
  case EVALUATION_MOUNT:
    return mount(own.folder, own.folder, NULL, MS_BIND, NULL) == 0 && umount2(own.folder, MNT_DETACH) == 0
               ? 0
               : -1;
  case EVALUATION_PEEK:
    errno = 0;
    return ptrace(PTRACE_PEEKDATA, own.tracee, &own.word, NULL) == own.word && errno == 0 ? 0 : -1;
  case EVALUATION_MAP: return turn_map();
  case EVALUATION_VFORK: return turn_vfork();
  case EVALUATION_SPAWN: return turn_spawn();
  case EVALUATION_EMIT: evaluation_emit(0); return 0;
  }
  return -1;
}

/* Runs in the child. */
static int work(
    enum evaluation_family_kind kind, int cpu, uint64_t nanoseconds, double rate, int go, int result) {
  char byte;
  own.cpu = cpu;
  if (evaluation_pin(cpu) != 0 || prepare(kind) != 0) return 1;
  if (read(go, &byte, 1) != 0) return 1;
  struct evaluation_family_result out = {0};
  uint64_t used = now(CLOCK_PROCESS_CPUTIME_ID), began = now(CLOCK_MONOTONIC);
  /* The clock is read once in some turns: it must not be what is measured. */
  uint64_t burst = kind == EVALUATION_GETPID || kind == EVALUATION_WAKE || kind == EVALUATION_EMIT ? 64 : 8;
  while ((out.elapsed = now(CLOCK_MONOTONIC) - began) < nanoseconds) {
    if (rate > 0) {
      double due = rate * (double)out.elapsed / 1e9 - (double)out.turns;
      /* What a stolen CPU left undone is made up for in steps, not in one flood. */
      burst = due < 0 ? 0 : due > 256 ? 256 : (uint64_t)due;
    }
    for (uint64_t i = 0; i < burst; i++)
      if (turn(kind) != 0) {
        clean(kind);
        return 1;
      }
    out.turns += burst;
  }
  out.cpu = now(CLOCK_PROCESS_CPUTIME_ID) - used;
  clean(kind);
  return write(result, &out, sizeof out) == sizeof out ? 0 : 1;
}

int evaluation_family_start(
    enum evaluation_family_kind kind, int cpu, uint64_t nanoseconds, double rate,
    struct evaluation_family *out) {
  int go[2], result[2];
  if (pipe2(go, O_CLOEXEC) != 0) return -1;
  if (pipe2(result, O_CLOEXEC) != 0) {
    close(go[0]);
    close(go[1]);
    return -1;
  }
  pid_t pid = fork();
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, EVALUATION_FAMILY_NAME);
    close(go[1]);
    close(result[0]);
    _exit(work(kind, cpu, nanoseconds, rate, go[0], result[1]));
  }
  int error = errno;
  close(go[0]);
  close(result[1]);
  if (pid < 0) {
    close(go[1]);
    close(result[0]);
    errno = error;
    return -1;
  }
  *out = (struct evaluation_family){.pid = pid, .go = go[1], .result = result[0]};
  return 0;
}

int evaluation_family_finish(struct evaluation_family *family, struct evaluation_family_result *out) {
  if (family->go >= 0) {
    /* Never let go: it must not begin now. */
    kill(family->pid, SIGKILL);
    close(family->go);
  }
  ssize_t got = read(family->result, out, sizeof *out);
  close(family->result);
  int status;
  pid_t ended;
  while ((ended = waitpid(family->pid, &status, 0)) < 0 && errno == EINTR) {
  }
  return got == sizeof *out && ended == family->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? 0
             : -1;
}
