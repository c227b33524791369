#define _GNU_SOURCE
/* Signals, system calls and calls on futexes, each written down as the start of the event that a
   tracer must give: a line of JSON in the file named by WORKLOAD_LOG, in the order of a task's
   acts. What a signal says is what its handler was told. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(int holds, const char *what) {
  if (holds) return;
  perror(what);
  _exit(90);
}

static long raw(long result) { return result < 0 ? -errno : result; }

/* MARK: Signals */

struct seen {
  int signal, code;
  pid_t tid, sender;
  uid_t user;
  void *address;
};
static struct seen seen[256];
static atomic_int seen_count;
static int told;
static sigjmp_buf back;

static void keep(int signal, siginfo_t *info, void *context) {
  (void)context;
  seen[seen_count] = (struct seen){signal, info->si_code, own_tid(), info->si_pid, info->si_uid,
                                   info->si_addr};
  seen_count++;
  if (signal == SIGSEGV || signal == SIGBUS) siglongjmp(back, 1);
}

/* Tells what handlers saw since the last time: `count` signals. */
static void tell_seen(int count) {
  must(seen_count == told + count, "as many signals as sent");
  for (; told < seen_count; told++) {
    struct seen *it = &seen[told];
    /* The action as the kernel has it: handler, flags, restorer, mask. */
    unsigned long action[4] = {0};
    must(syscall(SYS_rt_sigaction, it->signal, 0, action, 8) == 0, "rt_sigaction");
    char sender[64] = "\"sender_pid\":null,\"sender_uid\":null", address[40] = "null";
    int by_child = it->signal == SIGCHLD && it->code > 0;
    if (it->code == SI_USER || it->code == SI_QUEUE || it->code == SI_TKILL || by_child)
      snprintf(sender, sizeof sender, "\"sender_pid\":%d,\"sender_uid\":%u", it->sender, it->user);
    if (it->signal == SIGSEGV || it->signal == SIGBUS)
      snprintf(address, sizeof address, "\"0x%016lx\"", (unsigned long)it->address);
    say("{\"type\":\"signal_deliver\",\"signal\":%d,\"code\":%d,%s,\"tid\":%d,\"address\":%s,"
        "\"handler\":\"0x%016lx\",\"action_flags\":\"0x%016lx\"}",
        it->signal, it->code, sender, it->tid, address, action[0], action[1]);
  }
}

static void tell_sent(int signal, int code, int result, int group, pid_t pid, pid_t tid,
                      pid_t sender) {
  char by[64] = "\"sender_pid\":null,\"sender_uid\":null";
  if (sender) snprintf(by, sizeof by, "\"sender_pid\":%d,\"sender_uid\":%u", sender, getuid());
  say("{\"type\":\"signal_generate\",\"signal\":%d,\"code\":%d,\"result\":%d,\"group\":%s,"
      "\"target\":{\"pid\":%d,\"tid\":%d},%s}",
      signal, code, result, group ? "true" : "false", pid, tid, by);
}

static void tell_killed(pid_t tid) {
  say("{\"type\":\"signal_deliver\",\"signal\":9,\"code\":null,\"tid\":%d,\"sender_pid\":null,"
      "\"address\":null,\"handler\":\"0x0000000000000000\"}",
      tid);
}

static void handle(int signal) {
  struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO | SA_RESTART};
  must(sigaction(signal, &action, 0) == 0, "sigaction");
}

static void block(int signal, int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  must(sigprocmask(how, &set, 0) == 0, "sigprocmask");
}

static void queue(int signal, int value) {
  union sigval word = {.sival_int = value};
  must(sigqueue(getpid(), signal, word) == 0, "sigqueue");
}

static void *target_thread(void *place) {
  atomic_store((atomic_int *)place, own_tid());
  while (seen_count == told) usleep(1000);
  return 0;
}

static volatile char sink;

static void fault(void *address) {
  if (sigsetjmp(back, 1) == 0) sink = *(volatile char *)address;
}

/* A child that sleeps until it is killed. */
static void killed_child(int signal) {
  pid_t own = getpid();
  block(SIGCHLD, SIG_BLOCK);
  pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  must(kill(child, signal) == 0, "kill");
  int status;
  must(waitpid(child, &status, 0) == child && WTERMSIG(status) == signal, "waitpid");
  block(SIGCHLD, SIG_UNBLOCK);
  tell_sent(signal, SI_USER, 0, 1, child, child, own);
  tell_killed(child);
  tell_sent(SIGCHLD, CLD_KILLED, 0, 1, own, own, child);
  tell_seen(1);
}

static int signals(void) {
  pid_t own = getpid();
  int wanted[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGSEGV, SIGBUS, SIGCHLD, SIGRTMIN + 1, SIGRTMIN + 2};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) handle(wanted[i]);

  kill(own, SIGUSR1);
  tell_sent(SIGUSR1, SI_USER, 0, 1, own, own, own);
  tell_seen(1);

  atomic_int tid = 0;
  pthread_t thread;
  pthread_create(&thread, 0, target_thread, &tid);
  while (!tid) usleep(1000);
  syscall(SYS_tgkill, own, tid, SIGUSR2);
  pthread_join(thread, 0);
  tell_sent(SIGUSR2, SI_TKILL, 0, 0, own, tid, own);
  tell_seen(1);

  queue(SIGRTMIN + 1, 7);
  tell_sent(SIGRTMIN + 1, SI_QUEUE, 0, 1, own, own, own);
  tell_seen(1);

  /* Blocked: of the real-time signals each waits, of the others one. */
  block(SIGRTMIN + 2, SIG_BLOCK);
  for (int i = 0; i < 3; i++) {
    queue(SIGRTMIN + 2, i);
    tell_sent(SIGRTMIN + 2, SI_QUEUE, 0, 1, own, own, own);
  }
  tell_seen(0);
  block(SIGRTMIN + 2, SIG_UNBLOCK);
  tell_seen(3);
  block(SIGUSR1, SIG_BLOCK);
  for (int i = 0; i < 2; i++) {
    kill(own, SIGUSR1);
    tell_sent(SIGUSR1, SI_USER, i == 0 ? 0 : 2, 1, own, own, own);
  }
  block(SIGUSR1, SIG_UNBLOCK);
  tell_seen(1);

  signal(SIGHUP, SIG_IGN);
  kill(own, SIGHUP);
  tell_sent(SIGHUP, SI_USER, 1, 1, own, own, own);

  /* Two timers of the kernel's. The signal is blocked but in sigsuspend(). */
  sigset_t none;
  sigemptyset(&none);
  block(SIGALRM, SIG_BLOCK);
  struct itimerval alarm = {{0, 0}, {0, 1000}};
  setitimer(ITIMER_REAL, &alarm, 0);
  while (seen_count == told) sigsuspend(&none);
  tell_sent(SIGALRM, SI_KERNEL, 0, 1, own, own, 0);
  tell_seen(1);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  timer_t timer;
  must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "timer_create");
  struct itimerspec once = {{0, 0}, {0, 1000000}};
  timer_settime(timer, 0, &once, 0);
  while (seen_count == told) sigsuspend(&none);
  tell_sent(SIGALRM, SI_TIMER, 0, 1, own, own, 0);
  tell_seen(1);

  /* Faults: nothing is mapped there; it may not be read; there is no such part of the file. */
  fault((void *)0x10123);
  tell_sent(SIGSEGV, SEGV_MAPERR, 0, 0, own, own, 0);
  tell_seen(1);
  char *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fault(page + 0x321);
  tell_sent(SIGSEGV, SEGV_ACCERR, 0, 0, own, own, 0);
  tell_seen(1);
  int file = memfd_create("empty", MFD_CLOEXEC);
  page = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
  fault(page + 0x456);
  tell_sent(SIGBUS, BUS_ADRERR, 0, 0, own, own, 0);
  tell_seen(1);

  killed_child(SIGKILL);
  killed_child(SIGTERM);
  return 0;
}

/* MARK: System calls */

/* Calls of the selection getpid, openat, write, the start and end of which a getpid marks. */
struct call {
  long number, arguments[6], result;
};
static struct call made[512];
static int made_count;

static long make_call(long number, long a, long b, long c, long d, long e, long f) {
  struct call *call = &made[made_count++];
  *call = (struct call){number, {a, b, c, d, e, f}, 0};
  return call->result = raw(syscall(number, a, b, c, d, e, f));
}

static void tell_call(const char *name, const char *abi, const struct call *call) {
  char list[160], *to = list;
  /* The sixth of the compat call is the frame pointer. */
  for (int i = 0; i < 6; i++) to += sprintf(to, "%s\"0x%016lx\"", i ? "," : "", call->arguments[i]);
  say("{\"type\":\"syscall_enter\",\"syscall\":%ld,\"syscall_name\":\"%s\",\"abi\":\"%s\"}",
      call->number, name, abi);
  say("{\"args\":[%s]}", list);
  say("{\"type\":\"syscall_exit\",\"syscall\":%ld,\"syscall_name\":\"%s\",\"abi\":\"%s\","
      "\"result\":%ld}",
      call->number, name, abi, call->result);
}

#if defined(__x86_64__)
#define ABI "x86_64"
/* A call of a 32-bit program's, by the interrupt that those make. The sixth register stays 0. */
static long compat_call(long number, long a, long b, long c, long d, long e) {
  long result;
  __asm__ volatile("push %%rbp; xor %%ebp, %%ebp; int $0x80; pop %%rbp"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory", "r8", "r9", "r10", "r11");
  struct call *call = &made[made_count++];
  *call = (struct call){number, {a, b, c, d, e, 0}, (int)result};
  return result;
}
#else
#define ABI "arm64"
#endif

static int system_calls(void) {
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  pid_t own = getpid();
  make_call(SYS_getpid, 0x1234567, 1, 2, 3, 4, 5);
  for (int i = 0; i < 100; i++) make_call(SYS_getpid, i, -i, 1L << i % 63, 0, -1, ~(long)i);
  must(make_call(SYS_openat, AT_FDCWD, (long)"/nonexistent", O_RDONLY, 0, 11, 12) == -ENOENT,
       "openat");
  must(make_call(SYS_write, null, (long)"twelve bytes", 12, 1, 2, 3) == 12, "write");
  must(make_call(SYS_write, -1, 0, 1, 0, 0, 0) == -EBADF, "write");
  /* Not chosen. */
  for (int i = 0; i < 10; i++) syscall(SYS_getppid);
  int native = made_count;
#if defined(__x86_64__)
  /* getpid, write and openat of the 32-bit table, if the kernel takes such calls. */
  if (access("/proc/sys/abi/vsyscall32", F_OK) == 0) {
    must(compat_call(20, 1, 2, 3, 4, 5) == own, "compat getpid");
    must(compat_call(4, 0xFFFFFFFF, 2, 3, 4, 5) == -EBADF, "compat write");
    must(compat_call(295, 0xFFFFFF9C, 0, 0, 0, 0) == -EFAULT, "compat openat");
  }
#endif
  int compat = made_count;
  must(make_call(SYS_getpid, 0x7654321, 0, 0, 0, 0, 0) == own, "getpid");
  for (int i = 0; i < made_count; i++) {
    struct call *call = &made[i];
    int is_native = i < native || i >= compat;
    long number = call->number;
    const char *name = number == SYS_openat || number == 295 ? "openat"
                       : number == (is_native ? SYS_write : 4) ? "write"
                                                               : "getpid";
    tell_call(name, is_native ? ABI : "i386", call);
  }
  return 0;
}

/* MARK: Futexes */

static _Atomic uint32_t words[4];

static void tell_futex(long number, int operation, int flags, void *address, void *second,
                       unsigned value, long result) {
  char head[224];
  snprintf(head, sizeof head,
           "\"tid\":%d,\"syscall\":%ld,\"operation\":%d,\"flags\":%d,\"address\":\"0x%016lx\","
           "\"second_address\":\"0x%016lx\",\"value\":%u",
           own_tid(), number, operation, flags, (unsigned long)address,
           (unsigned long)second, value);
  say("{\"type\":\"futex_enter\",%s}", head);
  say("{\"type\":\"futex_exit\",\"result\":%ld,%s}", result, head);
}

static long futex(int operation, int flags, void *address, unsigned value, void *timeout,
                  void *second, unsigned third) {
  long result = raw(syscall(SYS_futex, address, operation | flags, value, timeout, second, third));
  tell_futex(SYS_futex, operation, flags, address, second, value, result);
  return result;
}

static void *woken_thread(void *place) {
  atomic_store((atomic_int *)place, own_tid());
  must(futex(FUTEX_WAIT, 0, &words[0], 5, 0, 0, 0) == 0, "woken wait");
  must(futex(FUTEX_WAIT, 128, &words[1], 6, 0, 0, 0) == 0, "requeued wait");
  return 0;
}

struct turns {
  int parity, rounds;
  long slept, woke;
};

static void *turn_thread(void *place) {
  struct turns *own = place;
  for (int i = 0; i < own->rounds; i++) {
    unsigned turn;
    while ((turn = words[3]) % 2 != (unsigned)own->parity)
      if (syscall(SYS_futex, &words[3], FUTEX_WAIT, turn, 0, 0, 0) == 0) own->slept++;
    words[3]++;
    own->woke += syscall(SYS_futex, &words[3], FUTEX_WAKE, 1, 0, 0, 0);
  }
  return 0;
}

static int futexes(int rounds) {
  words[0] = 5;
  words[1] = 6;
  must(futex(FUTEX_WAIT, 0, &words[0], 4, 0, 0, 0) == -EAGAIN, "another value");
  struct timespec soon = {0, 2000000}, past = {1, 0};
  must(futex(FUTEX_WAIT, 128, &words[0], 5, &soon, 0, 0) == -ETIMEDOUT, "timeout");
  must(futex(FUTEX_WAIT_BITSET, 256, &words[0], 5, &past, 0, 1) == -ETIMEDOUT, "clock");
  must(futex(FUTEX_WAKE, 0, &words[0], 3, 0, 0, 0) == 0, "nobody waits");
  must(futex(FUTEX_CMP_REQUEUE, 0, &words[0], 1, (void *)1, &words[1], 9) == -EAGAIN, "requeue");
  struct futex_waitv list = {.val = 1, .uaddr = (uintptr_t)&words[0], .flags = FUTEX_32};
  long result = raw(syscall(SYS_futex_waitv, &list, 1, 0, 0, 0));
  must(result == -EAGAIN, "waitv");
  tell_futex(SYS_futex_waitv, 255, 0, &list, 0, 1, result);
  /* futex_wake(), futex_wait(): of Linux 6.7. */
  result = raw(syscall(454, &words[0], 1, 2, FUTEX_32));
  tell_futex(454, FUTEX_WAKE_BITSET, 0, &words[0], 0, 2, result);
  result = raw(syscall(455, &words[0], 1, 1, FUTEX_32, 0, 0));
  tell_futex(455, FUTEX_WAIT_BITSET, 0, &words[0], 0, 1, result);

  atomic_int tid = 0;
  pthread_t thread;
  pthread_create(&thread, 0, woken_thread, &tid);
  while (!tid) usleep(1000);
  /* As often as it takes until it waits. */
  while (futex(FUTEX_WAKE, 0, &words[0], 1, 0, 0, 0) == 0) usleep(1000);
  /* It is moved to another futex and woken there. */
  while (futex(FUTEX_CMP_REQUEUE, 128, &words[1], 0, (void *)1, &words[2], 6) == 0) usleep(1000);
  must(futex(FUTEX_WAKE, 128, &words[2], 1, 0, 0, 0) == 1, "wake of the moved");
  pthread_join(thread, 0);

  struct turns turns[2] = {{0, rounds, 0, 0}, {1, rounds, 0, 0}};
  pthread_create(&thread, 0, turn_thread, &turns[1]);
  turn_thread(&turns[0]);
  pthread_join(thread, 0);
  say("{\"type\":\"turns\",\"address\":\"0x%016lx\",\"slept\":%ld,\"woke\":%ld}",
      (unsigned long)&words[3], turns[0].slept + turns[1].slept, turns[0].woke + turns[1].woke);
  return 0;
}

int timeline(const char *kind) {
  if (strcmp(kind, "signal") == 0) return signals();
  if (strcmp(kind, "syscall") == 0) return system_calls();
  if (strcmp(kind, "futex") == 0) return futexes(500);
  return 2;
}
