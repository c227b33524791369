#define _GNU_SOURCE
#include "CProgram.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_as(const char *path, int flags, int descriptor) {
  int file = open(path, flags | O_CLOEXEC, 0600);
  return file < 0 ? -1 : dup2(file, descriptor);
}

pid_t evaluation_program_start(char *const *arguments, const char *output, const char *errors) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* It ends in order, and leaves nothing attached. */
  prctl(PR_SET_PDEATHSIG, SIGINT);
  /* The caller may keep to one CPU. */
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int i = 0; i < CPU_SETSIZE; i++) CPU_SET(i, &all);
  sched_setaffinity(0, sizeof all, &all);
  if (open_as("/dev/null", O_RDONLY, 0) < 0 || open_as(output, O_WRONLY | O_CREAT | O_TRUNC, 1) < 0 ||
      open_as(errors, O_WRONLY | O_CREAT | O_TRUNC, 2) < 0)
    _exit(127);
  execv(arguments[0], arguments);
  _exit(127);
}

static uint64_t nanoseconds(struct timeval time) {
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

int evaluation_program_ended(pid_t pid, int *status, uint64_t *cpu) {
  struct rusage usage;
  pid_t ended;
  while ((ended = wait4(pid, status, WNOHANG, &usage)) < 0 && errno == EINTR) {
  }
  if (ended <= 0) return (int)ended;
  *cpu = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
  return 1;
}
