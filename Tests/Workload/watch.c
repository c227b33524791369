#define _GNU_SOURCE
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* A second witness for programs that keep no log: runs a command under ptrace(), follows all its
   descendants, and writes down what the kernel told the debugger. Ends with the command's status
   once every descendant has ended. */

static pid_t process_of(pid_t tid) {
  char path[64], line[256];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  FILE *file = fopen(path, "re");
  int pid = -1;
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "Tgid: %d", &pid) == 1) break;
  if (file) fclose(file);
  return pid;
}

static void tell_exec(pid_t pid, pid_t former) {
  char path[64], directory[4096];
  static char block[1 << 20];
  snprintf(path, sizeof path, "/proc/%d/cwd", pid);
  ssize_t size = readlink(path, directory, sizeof directory - 1);
  if (size >= 0) directory[size] = 0;
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  size_t length = 0;
  ssize_t got;
  while ((got = read(file, block + length, sizeof block - length)) > 0) length += (size_t)got;
  close(file);
  say_exec_block(pid, former, size >= 0 ? directory : 0, block, length);
}

int watch(char **arguments) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) return 99;
  pid_t root = fork();
  if (root == 0) {
    char byte;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 1) _exit(98);
    execvp(arguments[0], arguments);
    _exit(127);
  }
  say("fork %d %d %d %d", getpid(), own_tid(), root, root);
  long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, root, 0, options) != 0) {
    perror("ptrace");
    return 97;
  }
  if (write(gate[1], "g", 1) != 1) return 96;
  int result = 95;
  for (;;) {
    int status;
    pid_t tid = waitpid(-1, &status, __WALL);
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) break;
    if (!WIFSTOPPED(status)) {
      say("end %d %d", tid, status);
      if (tid == root)
        result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    unsigned long message = 0;
    int event = status >> 16, signal = WSTOPSIG(status);
    ptrace(PTRACE_GETEVENTMSG, tid, 0, &message);
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      say("fork %d %d %d %d", process_of(tid), tid, process_of((pid_t)message), (int)message);
      signal = 0;
      break;
    case PTRACE_EVENT_EXEC:
      tell_exec(tid, (pid_t)message);
      signal = 0;
      break;
    case PTRACE_EVENT_STOP:
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        ptrace(PTRACE_LISTEN, tid, 0, 0);
        continue;
      }
      signal = 0;
      break;
    }
    ptrace(PTRACE_CONT, tid, 0, signal);
  }
  return result;
}
