#define _GNU_SOURCE
/* Tasks that take turns, contend, raise their privilege and are killed, or make calls as fast as
   they can; and what the kernel itself counted of it, in lines of JSON in the file named by
   WORKLOAD_LOG. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  _exit(90);
}

static void reap(pid_t child) {
  int status;
  must(waitpid(child, &status, 0) == child && status == 0, "waitpid");
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  must(sched_setaffinity(0, sizeof set, &set) == 0 && sched_getcpu() == cpu, "sched_setaffinity");
}

/* MARK: Switches */

/* The kernel's counts of this task; the system call marks the moment in the trace. */
static struct rusage counts(void) {
  struct rusage usage;
  memset(&usage, 1, sizeof usage);
  must(getrusage(RUSAGE_THREAD, &usage) == 0, "getrusage");
  return usage;
}

static void tell_counts(struct rusage *first, struct rusage *last, int cpu) {
  say("{\"type\":\"switches\",\"tid\":%d,\"cpu\":%d,\"voluntary\":%ld,\"involuntary\":%ld}",
      own_tid(), cpu, last->ru_nvcsw - first->ru_nvcsw, last->ru_nivcsw - first->ru_nivcsw);
}

/* Sends a byte to and fro over two pipes, `rounds` times. */
static void bounce(int in, int out, int begins, long rounds) {
  char byte = 'x';
  if (begins) must(write(out, &byte, 1) == 1, "write");
  for (long i = 0; i < rounds; i++) {
    must(read(in, &byte, 1) == 1, "read");
    if (!begins || i + 1 < rounds) must(write(out, &byte, 1) == 1, "write");
  }
}

/* Two processes, each on a CPU of its own. */
static int ping_pong(long rounds) {
  int to[2], fro[2];
  must(pipe(to) == 0 && pipe(fro) == 0, "pipe");
  pid_t child = fork();
  pin(child == 0);
  struct rusage first = counts();
  bounce(child ? fro[0] : to[0], child ? to[1] : fro[1], child != 0, rounds);
  struct rusage last = counts();
  tell_counts(&first, &last, child == 0);
  if (child) reap(child);
  return 0;
}

/* From CPU to CPU, `moves` times. */
static int migrations(long moves) {
  pin(0);
  struct rusage first = counts();
  for (long i = 1; i <= moves; i++) pin((int)(i % 2));
  struct rusage last = counts();
  tell_counts(&first, &last, 0);
  return 0;
}

/* MARK: Locks */

static void *mapping_thread(void *place) {
  for (long i = 0; i < *(long *)place; i++) {
    char *pages = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(pages != MAP_FAILED, "mmap");
    pages[4096] = 1;
    mprotect(pages, 4096, PROT_READ);
    munmap(pages, 16384);
  }
  return 0;
}

static int contention(long rounds) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, mapping_thread, &rounds);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  return 0;
}

/* MARK: Privilege */

/* Becomes nobody but for the saved uid, tells so, and root again once told; then waits to die. */
static void raising_child(int in, int out, _Atomic int *raised) {
  char byte;
  must(setresuid(1000, 1000, 0) == 0 && write(out, "d", 1) == 1, "drop");
  must(read(in, &byte, 1) == 1, "go");
  *raised = 1;
  must(setresuid(0, 0, 0) == 0, "raise");
  *raised = 2;
  must(write(out, "r", 1) == 1, "raised");
  for (;;) pause();
}

/* The same by a program with the set-uid bit, which says so when it runs. */
static void executing_child(const char *program, int in, int out, _Atomic int *raised) {
  char byte, number[16];
  must(setresuid(1000, 1000, 1000) == 0 && write(out, "d", 1) == 1, "drop");
  must(read(in, &byte, 1) == 1, "go");
  *raised = 1;
  snprintf(number, sizeof number, "%d", out);
  execl(program, program, "turns", "raised", number, (char *)0);
  must(0, program);
}

/* That program. */
static int raised_by_exec(int out) {
  must(getuid() == 1000 && geteuid() == 0 && write(out, "r", 1) == 1, "raised");
  for (;;) pause();
}

/* Children that raise their privilege and are killed afterwards (raised), before (killed), or at
   about the same time (race): how far each came stands in memory that is shared with it, or what it
   said last in its pipe. Without a program they do it by setresuid(). */
static int privilege(const char *program, long count) {
  static const char *const ways[] = {"raised", "killed", "race"};
  _Atomic int *raised = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (long i = 0; i < 3 * count; i++) {
    int way = (int)(i % 3), to[2], fro[2], status;
    char byte;
    must(pipe(to) == 0 && pipe(fro) == 0, "pipe");
    *raised = 0;
    pid_t child = fork();
    if (child == 0) {
      if (program) executing_child(program, to[0], fro[1], raised);
      raising_child(to[0], fro[1], raised);
    }
    must(read(fro[0], &byte, 1) == 1 && byte == 'd', "dropped");
    if (way != 1) must(write(to[1], "g", 1) == 1, "go");
    if (way == 0) {
      must(read(fro[0], &byte, 1) == 1 && byte == 'r', "raised");
      *raised = 2;
    }
    if (way == 2)
      for (volatile long spin = i * 37 % 20000 * (program ? 50 : 1); spin > 0;) spin--;
    must(kill(child, SIGKILL) == 0, "kill");
    if (way == 1) must(write(to[1], "g", 1) == 1, "go");
    must(waitpid(child, &status, 0) == child && status == SIGKILL, "waitpid");
    close(fro[1]);
    if (read(fro[0], &byte, 1) == 1 && byte == 'r') *raised = 2;
    say("{\"type\":\"%s\",\"pid\":%d,\"raised\":%d}", ways[way], child, *raised);
    close(fro[0]);
    for (int end = 0; end < 2; end++) close(to[end]);
  }
  return 0;
}

/* MARK: Full blast */

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* getpid() on all CPUs, for that long. */
static int getpid_blast(long milliseconds) {
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  pid_t children[256];
  must(cpus <= 256, "256 CPUs");
  for (long i = 0; i < cpus; i++) {
    if ((children[i] = fork()) != 0) continue;
    pin((int)i);
    double end = now() + (double)milliseconds / 1000;
    long count = 0;
    do {
      for (int each = 0; each < 1000; each++) syscall(SYS_getpid);
      count += 1000;
    } while (now() < end);
    say("{\"type\":\"calls\",\"count\":%ld}", count);
    _exit(0);
  }
  for (long i = 0; i < cpus; i++) reap(children[i]);
  return 0;
}

/* Pairs that take turns over pipes, two a CPU, for that long. */
static int pipe_blast(long milliseconds) {
  long pairs = 2 * sysconf(_SC_NPROCESSORS_ONLN);
  for (long i = 0; i < 2 * pairs; i++) {
    static int to[2], fro[2];
    if (i % 2 == 0) must(pipe(to) == 0 && pipe(fro) == 0, "pipe");
    if (fork() == 0) {
      char byte = 'x';
      int in = i % 2 ? to[0] : fro[0], out = i % 2 ? fro[1] : to[1];
      double end = now() + (double)milliseconds / 1000;
      signal(SIGPIPE, SIG_DFL);
      close(i % 2 ? to[1] : fro[1]);
      close(i % 2 ? fro[0] : to[0]);
      if (i % 2 == 0) must(write(out, &byte, 1) == 1, "write");
      while (read(in, &byte, 1) == 1 && now() < end)
        if (write(out, &byte, 1) != 1) break;
      _exit(0);
    }
    if (i % 2) {
      for (int end = 0; end < 2; end++) {
        close(to[end]);
        close(fro[end]);
      }
    }
  }
  while (wait(0) > 0) {}
  return 0;
}

/* MARK: Reading */

/* Reads a trace's JSON from standard input and says what it holds: lines of events and gaps, what
   these lost, and the lines whose sequence is not above the one before. Built to keep up with a
   trace at full rate. */
static int scan(void) {
  char *line = 0;
  size_t room = 0;
  long events = 0, gaps = 0, lost = 0, wrong = 0;
  long long last = -1;
  while (getline(&line, &room, stdin) > 0) {
    long long sequence;
    if (sscanf(line, "{\"seq\":%lld,", &sequence) == 1) {
      events++;
      if (sequence <= last) wrong++;
      last = sequence;
      continue;
    }
    char *count = strstr(line, "\"lost\":");
    must(strncmp(line, "{\"type\":\"gap\"", 13) == 0 && count != 0, line);
    gaps++;
    lost += atol(count + 7);
  }
  say("{\"type\":\"scan\",\"events\":%ld,\"gaps\":%ld,\"lost\":%ld,\"wrong\":%ld}",
      events, gaps, lost, wrong);
  return 0;
}

int turns(const char *kind, long number) {
  if (strcmp(kind, "switch") == 0) return ping_pong(number);
  if (strcmp(kind, "migrate") == 0) return migrations(number);
  if (strcmp(kind, "lock") == 0) return contention(number);
  if (strcmp(kind, "privilege") == 0) return privilege(0, number);
  if (strcmp(kind, "setuid") == 0) return privilege(getenv("WORKLOAD_SETUID"), number);
  if (strcmp(kind, "raised") == 0) return raised_by_exec((int)number);
  if (strcmp(kind, "getpid") == 0) return getpid_blast(number);
  if (strcmp(kind, "pipe") == 0) return pipe_blast(number);
  if (strcmp(kind, "scan") == 0) return scan();
  return 2;
}
