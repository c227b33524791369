#define _GNU_SOURCE
#include "CWakingWorkload.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

long waking_pulse_number(void) { return SYS_getsid; }
long waking_pipe_number(void) { return SYS_write; }

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t waking_thread_time(void) { return now(CLOCK_THREAD_CPUTIME_ID); }

uint64_t waking_thread_sleeps(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nvcsw : 0;
}

int waking_bind(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  return sched_setaffinity(0, sizeof set, &set);
}

/* A Poisson stream: even spacing would fall into step with the consumer's naps. */
static uint64_t pulse(uint64_t milliseconds, double rate) {
  const uint64_t begin = now(CLOCK_MONOTONIC), end = begin + milliseconds * 1000000;
  if (rate <= 0) {
    struct timespec rest = {
        .tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&rest, 0);
    return 0;
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  uint64_t state = begin | 1, count = 0;
  double next = (double)begin;
  for (;;) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    next += -log(((double)(state >> 11) + 1) / 9007199254740993.0) * 1e9 / rate;
    if (next >= (double)end) return count;
    const uint64_t due = (uint64_t)next;
    if (due > now(CLOCK_MONOTONIC) + 200000) {
      struct timespec when = {
          .tv_sec = (time_t)(due / 1000000000), .tv_nsec = (long)(due % 1000000000)};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, 0);
    } else {
      uint64_t moment;
      while ((moment = now(CLOCK_MONOTONIC)) < due) {}
      if (moment >= end) return count;
    }
    syscall(SYS_getsid, 0);
    count++;
  }
}

static uint64_t fork_loop(uint64_t amount) {
  for (uint64_t i = 0; i < amount; i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) _exit(1);
  }
  return amount;
}

struct ends {
  int from, to;
  uint64_t amount;
};

static void *echo(void *argument) {
  const struct ends *ends = argument;
  char byte = 0;
  for (uint64_t i = 0; i < ends->amount; i++)
    if (read(ends->from, &byte, 1) != 1 || write(ends->to, &byte, 1) != 1) _exit(1);
  return 0;
}

static uint64_t ping_pong(uint64_t amount) {
  int there[2], back[2];
  pthread_t thread;
  if (pipe(there) != 0 || pipe(back) != 0) _exit(1);
  struct ends ends = {there[0], back[1], amount};
  if (pthread_create(&thread, 0, echo, &ends) != 0) _exit(1);
  char byte = 0;
  for (uint64_t i = 0; i < amount; i++)
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) _exit(1);
  pthread_join(thread, 0);
  return amount;
}

static void run(enum waking_kind kind, uint64_t amount, double rate, int go, int result) {
  char byte;
  while (read(go, &byte, 1) < 0 && errno == EINTR) {}
  struct waking_result out = {0, now(CLOCK_MONOTONIC)};
  switch (kind) {
    case WAKING_PULSE: out.count = pulse(amount, rate); break;
    case WAKING_FORK: out.count = fork_loop(amount); break;
    case WAKING_PIPE: out.count = ping_pong(amount); break;
  }
  out.elapsed = now(CLOCK_MONOTONIC) - out.elapsed;
  _exit(write(result, &out, sizeof out) == sizeof out ? 0 : 1);
}

int waking_start(
    enum waking_kind kind, uint64_t amount, double rate, int cpu, struct waking_process *out) {
  int go[2], result[2];
  if (pipe(go) != 0) return -1;
  if (pipe(result) != 0) {
    close(go[0]);
    close(go[1]);
    return -1;
  }
  const pid_t parent = getpid();
  out->pid = fork();
  if (out->pid == 0) {
    /* A benchmark that is killed leaves no work behind. */
    prctl(PR_SET_PDEATHSIG, 9UL);
    if (getppid() != parent) _exit(1);
    close(go[1]);
    close(result[0]);
    if (cpu >= 0 && waking_bind(cpu) != 0) _exit(1);
    run(kind, amount, rate, go[0], result[1]);
  }
  close(go[0]);
  close(result[1]);
  out->go = go[1];
  out->result = result[0];
  if (out->pid > 0) return 0;
  close(go[1]);
  close(result[0]);
  return -1;
}

int waking_finish(const struct waking_process *process, struct waking_result *result) {
  const ssize_t size = read(process->result, result, sizeof *result);
  close(process->result);
  int status;
  while (waitpid(process->pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return size == sizeof *result && status == 0 ? 0 : -1;
}
