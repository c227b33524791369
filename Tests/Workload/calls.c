#define _GNU_SOURCE
/* Calls and timers at any rate, for programs that make an event of each. */
#include "log.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void ignore(int number) { (void)number; }

/* Makes system call `number` until it is killed, on CPU `cpu` or, if negative, on any. With `microseconds`
   a timer interrupts it that often. `pause` microseconds lie between each two thousand calls. */
int calls(int cpu, long number, long microseconds, long pause) {
  /* A test that dies must not leave it running. */
  pid_t parent = getppid();
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
      perror("sched_setaffinity");
      return 90;
    }
  }
  if (microseconds > 0) {
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, 0);
    struct itimerval timer = {{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &timer, 0);
  }
  while (getppid() == parent) {
    for (int i = 0; i < 2000; i++) syscall(number);
    if (pause > 0) usleep((useconds_t)pause);
  }
  return 0;
}
