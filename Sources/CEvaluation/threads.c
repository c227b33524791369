#define _GNU_SOURCE
#include "CEvaluation.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int evaluation_pin(int cpu) {
  cpu_set_t *set = CPU_ALLOC(cpu + 1);
  if (!set) return -1;
  size_t size = CPU_ALLOC_SIZE(cpu + 1);
  CPU_ZERO_S(size, set);
  CPU_SET_S(cpu, size, set);
  int result = sched_setaffinity(0, size, set);
  CPU_FREE(set);
  return result;
}

struct start {
  int cpu;
  int error;
  void (*body)(void *);
  void *context;
  pthread_mutex_t lock;
  pthread_cond_t told;
  int ready;
};

static void *run(void *argument) {
  struct start *start = argument;
  void (*body)(void *) = start->body;
  void *context = start->context;
  int error = evaluation_pin(start->cpu) == 0 ? 0 : errno;
  pthread_mutex_lock(&start->lock);
  start->error = error;
  start->ready = 1;
  pthread_cond_signal(&start->told);
  pthread_mutex_unlock(&start->lock);
  /* `start` is gone from here on. */
  if (error == 0) body(context);
  return NULL;
}

int evaluation_start(
    int cpu, void (*body)(void *), void *context, uint64_t *handle) {
  struct start start = {.cpu = cpu, .body = body, .context = context};
  pthread_mutex_init(&start.lock, NULL);
  pthread_cond_init(&start.told, NULL);
  pthread_t thread;
  int error = pthread_create(&thread, NULL, run, &start);
  if (error == 0) {
    pthread_mutex_lock(&start.lock);
    while (!start.ready) pthread_cond_wait(&start.told, &start.lock);
    pthread_mutex_unlock(&start.lock);
    error = start.error;
    if (error != 0) pthread_join(thread, NULL);
    *handle = (uint64_t)thread;
  }
  pthread_cond_destroy(&start.told);
  pthread_mutex_destroy(&start.lock);
  return error;
}

int evaluation_join(uint64_t handle) { return pthread_join((pthread_t)handle, NULL); }

int evaluation_epoll(void) { return epoll_create1(EPOLL_CLOEXEC); }

int evaluation_epoll_add(int epoll, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

uint64_t evaluation_thread_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t evaluation_thread_sleeps(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? (uint64_t)usage.ru_nvcsw : 0;
}

int evaluation_event_call(void) { return SYS_sched_get_priority_max; }

void evaluation_emit(uint64_t number) { syscall(SYS_sched_get_priority_max, number); }

int evaluation_argument_offset(void) {
#if defined(__x86_64__)
  return 112; /* di */
#elif defined(__aarch64__)
  return 272; /* orig_x0 */
#else
#error "no place of a system call's first argument is known for this architecture"
#endif
}
