#define _GNU_SOURCE
#include "CEvaluation.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Children of a storm borrow their parent's memory while the parent waits, as posix_spawn() has it:
   fork() of a large process would measure the copying of its page tables. They touch only their stack. */
struct child {
  const char *program;
  cpu_set_t *set;
  size_t size;
};

static int live(void *argument) {
  struct child *child = argument;
  if (child->set) sched_setaffinity(0, child->size, child->set);
  if (child->program) {
    char *arguments[] = {(char *)child->program, NULL};
    char *environment[] = {NULL};
    execve(child->program, arguments, environment);
    _exit(127);
  }
  _exit(0);
}

int64_t evaluation_storm(
    uint64_t count, int child_cpu, const char *program, uint64_t *log) {
  enum { stack_size = 64 << 10 };
  char *stack = mmap(
      NULL, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -errno;
  struct child child = {.program = program};
  if (child_cpu >= 0) {
    child.set = CPU_ALLOC(child_cpu + 1);
    child.size = CPU_ALLOC_SIZE(child_cpu + 1);
    if (!child.set) {
      munmap(stack, stack_size);
      return -ENOMEM;
    }
    CPU_ZERO_S(child.size, child.set);
    CPU_SET_S(child_cpu, child.size, child.set);
  }
  /* No handler of this process may run in a child that shares its memory. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int64_t made = 0;
  int error = 0;
  for (uint64_t i = 0; i < count; i++) {
    /* No signal at its end: only __WALL finds it, and nobody else's wait does. */
    int id = clone(live, stack + stack_size, CLONE_VM | CLONE_VFORK, &child);
    if (id < 0) {
      if (errno == EAGAIN) {
        sched_yield();
        continue;
      }
      error = errno;
      break;
    }
    if (log) log[made] = (uint64_t)id;
    made++;
    int status = 0;
    while (waitpid(id, &status, __WALL) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
      error = ENOENT;
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (child.set) CPU_FREE(child.set);
  munmap(stack, stack_size);
  return error ? -error : made;
}

static uint64_t monotonic_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t evaluation_pass_tokens(
    uint64_t *baton, uint64_t index, uint64_t threads, uint64_t end, uint64_t until,
    uint64_t *log) {
  _Atomic uint64_t *turn = (_Atomic uint64_t *)baton;
  uint64_t emitted = 0;
  for (;;) {
    uint64_t token = atomic_load_explicit(turn, memory_order_acquire);
    if (token >= end) return emitted;
    if (token % threads == index) {
      evaluation_emit(token);
      log[emitted++] = token;
      int is_late = emitted % 32 == 0 && monotonic_now() >= until;
      atomic_store_explicit(turn, is_late ? end : token + 1, memory_order_release);
      continue;
    }
    /* The next one may have no CPU: more threads than CPUs, or other work. */
    for (int i = 0; i < 200; i++) {
      if (atomic_load_explicit(turn, memory_order_relaxed) != token) break;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      __asm__ volatile("yield");
#endif
    }
    if (atomic_load_explicit(turn, memory_order_relaxed) == token) sched_yield();
  }
}
