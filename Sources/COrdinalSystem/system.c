#define _GNU_SOURCE
#include "COrdinalSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int ordinal_membarrier_global(void) {
  return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

int ordinal_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int ordinal_spawn_gated(
    const char *file, char *const *arguments, const sigset_t *mask,
    struct ordinal_gated_command *out) {
  int gate[2], status[2];
  if (pipe2(gate, O_CLOEXEC) != 0) return -1;
  if (pipe2(status, O_CLOEXEC) != 0) {
    int saved = errno;
    close(gate[0]);
    close(gate[1]);
    errno = saved;
    return -1;
  }
  pid_t pid = fork();
  if (pid < 0) {
    int saved = errno;
    close(gate[0]);
    close(gate[1]);
    close(status[0]);
    close(status[1]);
    errno = saved;
    return -1;
  }
  if (pid == 0) {
    /* Only async-signal-safe calls from here on. */
    char byte;
    ssize_t got;
    close(gate[1]);
    close(status[0]);
    do {
      got = read(gate[0], &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got != 1) _exit(0);
    sigprocmask(SIG_SETMASK, mask, 0);
    execvp(file, arguments);
    int code = errno;
    ssize_t unused = write(status[1], &code, sizeof code);
    (void)unused;
    _exit(code == ENOENT ? 127 : 126);
  }
  close(gate[0]);
  close(status[1]);
  out->pid = pid;
  out->gate = gate[1];
  out->status = status[0];
  return 0;
}

int ordinal_wait_readable(int first, int second, int64_t nanoseconds) {
  struct pollfd descriptors[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  struct timespec time = {
      .tv_sec = (time_t)(nanoseconds / 1000000000), .tv_nsec = (long)(nanoseconds % 1000000000)};
  if (ppoll(descriptors, 2, &time, 0) <= 0) return 0;
  /* An error or a hang-up is news as well: whoever reads finds out which. */
  return (descriptors[0].revents != 0) | (descriptors[1].revents != 0) << 1;
}

int ordinal_nap(int descriptor, int64_t nanoseconds) {
  /* Only meanwhile: a child gets its parent's slack, and a traced program must have what it would have. */
  prctl(PR_SET_TIMERSLACK, 1);
  int ready = ordinal_wait_readable(descriptor, -1, nanoseconds);
  prctl(PR_SET_TIMERSLACK, 0);
  return ready;
}

int ordinal_signalfd(const sigset_t *set) { return signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC); }

int ordinal_signalfd_read(int descriptor, int *signal, int *code) {
  struct signalfd_siginfo info;
  ssize_t got = read(descriptor, &info, sizeof info);
  if (got < 0) return errno == EAGAIN ? 0 : -1;
  if (got != (ssize_t)sizeof info) return 0;
  *signal = (int)info.ssi_signo;
  *code = (int)info.ssi_code;
  return 1;
}

int ordinal_limit_capabilities(uint64_t keep) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return -1;
  for (int i = 0; i < 2; i++) {
    uint32_t kept = (uint32_t)(keep >> (32 * i));
    data[i].permitted &= kept;
    data[i].effective &= kept;
    data[i].inheritable = 0;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
  return (int)syscall(SYS_capset, &header, data);
}

static char unfinished[PATH_MAX];
static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

static void end_by_signal(int signal) {
  static const char removed[] = "ordinal: interrupted; nothing was kept\n";
  static const char ended[] = "ordinal: interrupted\n";
  static const char clear[] = "\r\033[K";
  ssize_t told = 0;
  /* A progress bar may stand there. */
  if (isatty(STDERR_FILENO)) told = write(STDERR_FILENO, clear, sizeof clear - 1);
  if (unfinished[0]) {
    unlink(unfinished);
    told = write(STDERR_FILENO, removed, sizeof removed - 1);
  } else {
    told = write(STDERR_FILENO, ended, sizeof ended - 1);
  }
  /* Whether it could be told changes nothing. */
  (void)told;
  _exit(128 + signal);
}

static void fill_ending(sigset_t *set) {
  sigemptyset(set);
  for (unsigned i = 0; i < sizeof ending / sizeof *ending; i++) sigaddset(set, ending[i]);
}

void ordinal_end_on_signals(void) {
  struct sigaction action = {.sa_handler = end_by_signal};
  fill_ending(&action.sa_mask);
  for (unsigned i = 0; i < sizeof ending / sizeof *ending; i++) {
    struct sigaction before;
    if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(ending[i], &action, NULL);
  }
}

void ordinal_remove_on_end(const char *path) {
  sigset_t set, before;
  fill_ending(&set);
  sigprocmask(SIG_BLOCK, &set, &before);
  size_t length = path ? strlen(path) : 0;
  if (length < sizeof unfinished) {
    if (length) memcpy(unfinished, path, length);
    unfinished[length] = 0;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}
