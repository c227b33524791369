#define _GNU_SOURCE
#include "CTestSupport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

pid_t test_spawn(
    const char *path, char *const *arguments, char *const *environment, int input, int output,
    int errors, int session, int group) {
  int status[2];
  if (pipe2(status, O_CLOEXEC) != 0) return -1;
  pid_t pid = fork();
  if (pid == 0) {
    /* Only async-signal-safe calls from here on. */
    if (session) {
      setsid();
      ioctl(input, TIOCSCTTY, 0);
    } else if (group) {
      setpgid(0, 0);
    }
    /* First out of the way of 0, 1 and 2. */
    input = fcntl(input, F_DUPFD, 3);
    output = fcntl(output, F_DUPFD, 3);
    errors = fcntl(errors, F_DUPFD, 3);
    dup2(input, 0);
    dup2(output, 1);
    dup2(errors, 2);
    int saved = fcntl(status[1], F_DUPFD_CLOEXEC, 3);
    dup2(saved, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    syscall(SYS_close_range, 4, ~0u, 0);
    for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    execve(path, arguments, environment);
    int code = errno;
    ssize_t unused = write(3, &code, sizeof code);
    (void)unused;
    _exit(127);
  }
  int saved = errno, code;
  close(status[1]);
  if (pid > 0 && read(status[0], &code, sizeof code) == sizeof code) saved = code, pid = -1;
  close(status[0]);
  errno = saved;
  return pid;
}

long test_pidfd_open(pid_t pid) { return syscall(SYS_pidfd_open, pid, 0); }

int test_open_terminal(int *master, int *slave) {
  int result = openpty(master, slave, 0, 0, 0);
  if (result == 0) {
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    fcntl(*slave, F_SETFD, FD_CLOEXEC);
  }
  return result;
}

int test_bpf_exists(enum test_bpf_kind kind, uint32_t id) {
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_id = id; /* the same place for all three */
  int command = kind == TEST_BPF_PROGRAM ? BPF_PROG_GET_FD_BY_ID
                : kind == TEST_BPF_MAP   ? BPF_MAP_GET_FD_BY_ID
                                         : BPF_LINK_GET_FD_BY_ID;
  int descriptor = (int)syscall(SYS_bpf, command, &attributes, sizeof attributes);
  if (descriptor >= 0) {
    close(descriptor);
    return 1;
  }
  return errno == ENOENT ? 0 : -1;
}

int test_bind_to_cpu(int number) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -1;
  int count = CPU_COUNT(&allowed);
  number %= count;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || number-- != 0) continue;
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0 ? count : -1;
  }
  errno = EINVAL;
  return -1;
}

long test_voluntary_switches(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : -1;
}

const char *test_signal_name(int number) { return sigabbrev_np(number); }

const char *test_error_name(int number) { return strerrorname_np(number); }

long test_call(long number) { return syscall(number); }

static socklen_t fill(struct sockaddr_storage *to, int family, const char *address, int port) {
  memset(to, 0, sizeof *to);
  to->ss_family = family;
  if (family == AF_UNIX) {
    struct sockaddr_un *name = (struct sockaddr_un *)to;
    size_t length = strlen(address);
    memcpy(name->sun_path, address, length < sizeof name->sun_path ? length : sizeof name->sun_path);
    int abstract = address[0] == '@';
    if (abstract) name->sun_path[0] = 0;
    return offsetof(struct sockaddr_un, sun_path) + length + !abstract;
  }
  if (family == AF_INET) {
    struct sockaddr_in *four = (struct sockaddr_in *)to;
    four->sin_port = htons(port);
    inet_pton(family, address, &four->sin_addr);
    return sizeof *four;
  }
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
  six->sin6_port = htons(port);
  inet_pton(family, address, &six->sin6_addr);
  return sizeof *six;
}

static int result(long value) { return value < 0 ? -errno : (int)value; }

int test_socket(int family, int type) { return result(socket(family, type, 0)); }

int test_bind_socket(int socket, int family, const char *address, int port) {
  struct sockaddr_storage to;
  socklen_t length = fill(&to, family, address, port);
  return result(bind(socket, (struct sockaddr *)&to, length));
}

int test_connect_socket(int socket, int family, const char *address, int port) {
  struct sockaddr_storage to;
  socklen_t length = fill(&to, family, address, port);
  return result(connect(socket, (struct sockaddr *)&to, length));
}

int test_listen(int socket, int backlog) { return result(listen(socket, backlog)); }

int test_accept(int socket) { return result(accept4(socket, NULL, NULL, SOCK_CLOEXEC)); }

int test_socket_address(int socket, int peer, char *text, unsigned size) {
  struct sockaddr_storage of;
  socklen_t length = sizeof of;
  int failed = peer ? getpeername(socket, (struct sockaddr *)&of, &length)
                    : getsockname(socket, (struct sockaddr *)&of, &length);
  if (failed) return -errno;
  if (of.ss_family == AF_INET) {
    struct sockaddr_in *four = (struct sockaddr_in *)&of;
    inet_ntop(AF_INET, &four->sin_addr, text, size);
    return ntohs(four->sin_port);
  }
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)&of;
  inet_ntop(AF_INET6, &six->sin6_addr, text, size);
  return ntohs(six->sin6_port);
}

int test_open_how(int directory, const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags, .mode = mode};
  return result(syscall(SYS_openat2, directory, path, &how, sizeof how));
}

int test_rename(int from, const char *path, int to, const char *other, unsigned flags) {
  return result(syscall(SYS_renameat2, from, path, to, other, flags));
}

int test_change_owner(int directory, const char *path, unsigned owner, unsigned group, int flags) {
  return result(fchownat(directory, path, owner, group, flags));
}

int test_thread(void) { return gettid(); }
