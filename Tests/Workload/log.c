#define _GNU_SOURCE
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

static void append(const char *text, size_t length) {
  const char *path = getenv("WORKLOAD_LOG");
  if (!path) return;
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) {
    perror(path);
    abort();
  }
  if (write(file, text, length) != (ssize_t)length) abort();
  close(file);
}

void say(const char *format, ...) {
  char line[512];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line - 1, format, list);
  va_end(list);
  line[length] = '\n';
  append(line, (size_t)length + 1);
}

static char *hex(char *to, const char *from, size_t length) {
  for (size_t i = 0; i < length; i++) to += sprintf(to, "%02x", (unsigned char)from[i]);
  return to;
}

void say_exec_block(pid_t pid, pid_t tid, const char *cwd, const char *block, size_t length) {
  size_t room = 3 * length + (cwd ? 2 * strlen(cwd) : 1) + 128;
  char *line = malloc(room), *to = line;
  to += sprintf(to, "exec %d %d ", pid, tid);
  if (cwd) {
    to = hex(to, cwd, strlen(cwd));
  } else {
    *to++ = '-';
  }
  *to++ = ' ';
  /* Each argument has its NUL; it becomes a comma. */
  for (size_t i = 0; i < length;) {
    size_t size = strnlen(block + i, length - i);
    to = hex(to, block + i, size);
    *to++ = ',';
    i += size + 1;
  }
  *to++ = '\n';
  append(line, (size_t)(to - line));
  free(line);
}

void say_exec(pid_t pid, pid_t tid, const char *cwd, char *const *arguments) {
  size_t length = 0;
  for (char *const *word = arguments; *word; word++) length += strlen(*word) + 1;
  char *block = malloc(length + 1), *to = block;
  for (char *const *word = arguments; *word; word++) to = stpcpy(to, *word) + 1;
  say_exec_block(pid, tid, cwd, block, length);
  free(block);
}
