#define _GNU_SOURCE
#include "CWork.h"

#include "CEvaluation.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int turn_exec(void) {
  /* The child borrows the parent's memory until its exec: no page table of a large process is copied. */
  pid_t child = vfork();
  if (child == 0) {
    char *arguments[] = {"true", NULL};
    char *environment[] = {NULL};
    execve("/bin/true", arguments, environment);
    _exit(127);
  }
  int status;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

struct pair {
  int cpu;
  int there[2], back[2];
};

static void *echo(void *argument) {
  struct pair *pair = argument;
  char byte;
  if (evaluation_pin(pair->cpu) != 0) return NULL;
  while (read(pair->there[0], &byte, 1) == 1)
    if (write(pair->back[1], &byte, 1) != 1) break;
  return NULL;
}

static int turn_pipe(struct pair *pair) {
  char byte = 1;
  if (write(pair->there[1], &byte, 1) != 1) return -1;
  return read(pair->back[0], &byte, 1) == 1 ? 0 : -1;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* Runs in the child. */
static int work(enum evaluation_work_kind kind, uint32_t turns, int cpu, int go, int result) {
  struct pair pair = {.cpu = cpu};
  uint32_t *times = mmap(
      NULL, turns * sizeof *times, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
      -1, 0);
  pthread_t other;
  char byte;
  if (times == MAP_FAILED || evaluation_pin(cpu) != 0) return 1;
  if (kind == EVALUATION_PIPE &&
      (pipe2(pair.there, O_CLOEXEC) != 0 || pipe2(pair.back, O_CLOEXEC) != 0 ||
       pthread_create(&other, NULL, echo, &pair) != 0))
    return 1;
  if (read(go, &byte, 1) != 0) return 1;
  uint64_t began = now(), last = began;
  for (uint32_t i = 0; i < turns; i++) {
    int failed = 0;
    switch (kind) {
    case EVALUATION_EXEC: failed = turn_exec(); break;
    case EVALUATION_PIPE: failed = turn_pipe(&pair); break;
    case EVALUATION_CALL: evaluation_emit(i); break;
    }
    if (failed) return 1;
    uint64_t then = now();
    times[i] = then - last > UINT32_MAX ? UINT32_MAX : (uint32_t)(then - last);
    last = then;
  }
  struct evaluation_work_result out = {.turns = turns, .elapsed = last - began};
  qsort(times, turns, sizeof *times, ascending);
  out.p50 = times[turns / 2];
  out.p99 = times[(uint64_t)turns * 99 / 100];
  out.max = times[turns - 1];
  return write(result, &out, sizeof out) == sizeof out ? 0 : 1;
}

int evaluation_work_start(
    enum evaluation_work_kind kind, uint32_t turns, int cpu, struct evaluation_work *out) {
  int go[2], result[2];
  if (turns == 0) {
    errno = EINVAL;
    return -1;
  }
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
    prctl(PR_SET_NAME, EVALUATION_WORK_NAME);
    close(go[1]);
    close(result[0]);
    _exit(work(kind, turns, cpu, go[0], result[1]));
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
  *out = (struct evaluation_work){.pid = pid, .go = go[1], .result = result[0]};
  return 0;
}

int evaluation_work_finish(struct evaluation_work *work, struct evaluation_work_result *out) {
  if (work->go >= 0) {
    /* Never let go: it must not begin now. */
    kill(work->pid, SIGKILL);
    close(work->go);
  }
  ssize_t got = read(work->result, out, sizeof *out);
  close(work->result);
  int status;
  pid_t ended;
  while ((ended = waitpid(work->pid, &status, 0)) < 0 && errno == EINTR) {
  }
  return got == sizeof *out && ended == work->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? 0
             : -1;
}
