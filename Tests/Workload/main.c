#define _GNU_SOURCE
/* A program that knows what it did: forks, threads, execs and ends in every way, and keeps a log of
   it that owes nothing to any tracer. See log.h. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static char *self; /* the path of this program */

static void fail(const char *what) {
  perror(what);
  _exit(90);
}

static pid_t make(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  return child;
}

static int await(pid_t child) {
  int status;
  while (waitpid(child, &status, __WALL) != child)
    if (errno != EINTR) fail("waitpid");
  say("wait %d %d", child, status);
  return status;
}

/* Execs this program again so that it ends at once with `code`. */
static void become(int code, char **arguments) {
  char text[16], *directory = getcwd(0, 0);
  snprintf(text, sizeof text, "%d", code);
  setenv("WORKLOAD_END", text, 1);
  say_exec(getpid(), own_tid(), directory, arguments);
  execv(self, arguments);
  fail("execv");
}

static void nap(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0) {}
}

/* Every exit code. */
static int codes(void) {
  for (int code = 0; code < 256; code++) {
    pid_t child = make();
    if (child == 0) _exit(code);
    await(child);
  }
  return 0;
}

/* Every signal that ends a process, without a core file and, where the signal makes one, with it. */
static int signals(const char *folder) {
  if (chdir(folder) != 0) fail(folder); /* core files land here */
  for (int core = 0; core < 2; core++) {
    for (int number = 1; number <= 64; number++) {
      if (number == SIGCHLD || number == SIGCONT || number == SIGURG || number == SIGWINCH) continue;
      if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU) continue;
      if (number == 32 || number == 33) continue; /* the C library's own */
      pid_t child = make();
      if (child == 0) {
        struct rlimit limit = {core ? 1 << 24 : 0, core ? 1 << 24 : 0};
        setrlimit(RLIMIT_CORE, &limit);
        prctl(PR_SET_DUMPABLE, core);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, 0);
        signal(number, SIG_DFL);
        syscall(SYS_kill, getpid(), number);
        for (;;) pause();
      }
      await(child);
    }
  }
  return 0;
}

static void *quick_thread(void *argument) {
  (void)argument;
  say("fork %d %d %d %d", getpid(), (int)(intptr_t)argument, getpid(), own_tid());
  return 0;
}

static atomic_int leader_gone;

static void *outliving_thread(void *argument) {
  say("fork %d %d %d %d", getpid(), (int)(intptr_t)argument, getpid(), own_tid());
  /* The leader is a zombie once it is gone, while the process lives on. */
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", getpid(), getpid());
  for (;;) {
    int file = open(path, O_RDONLY);
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    text[got > 0 ? got : 0] = 0;
    char *behind = strrchr(text, ')');
    if (behind && behind[2] == 'Z') break;
    nap(1);
  }
  pthread_t thread;
  pthread_create(&thread, 0, quick_thread, (void *)(intptr_t)own_tid());
  pthread_join(thread, 0);
  if (leader_gone == 1) exit(71);
  if (leader_gone == 2) kill(getpid(), SIGKILL);
  return 0;
}

static int threads(void) {
  /* Joined threads. */
  pid_t child = make();
  if (child == 0) {
    pthread_t many[8];
    for (int i = 0; i < 8; i++)
      pthread_create(&many[i], 0, quick_thread, (void *)(intptr_t)own_tid());
    for (int i = 0; i < 8; i++) pthread_join(many[i], 0);
    exit(70);
  }
  await(child);
  /* The leader ends first; the process ends by its last thread: by return, exit() or a signal. */
  for (int way = 0; way < 3; way++) {
    child = make();
    if (child == 0) {
      pthread_t thread;
      leader_gone = way;
      pthread_create(&thread, 0, outliving_thread, (void *)(intptr_t)own_tid());
      pthread_exit(0);
    }
    await(child);
  }
  return 0;
}

static atomic_int sleeping;

static void *execing_thread(void *argument) {
  say("fork %d %d %d %d", getpid(), (int)(intptr_t)argument, getpid(), own_tid());
  while (atomic_load(&sleeping) < 3) sched_yield(); /* until the others have logged */
  char *words[] = {"from-a-thread", "ünï", 0};
  become(72, words);
  return 0;
}

static void *sleeping_thread(void *argument) {
  say("fork %d %d %d %d", getpid(), (int)(intptr_t)argument, getpid(), own_tid());
  atomic_fetch_add(&sleeping, 1);
  for (;;) pause();
  return 0;
}

/* A thread that is not the leader execs: it takes the leader's id, and all others end. */
static int thread_exec(void) {
  for (int round = 0; round < 20; round++) {
    pid_t child = make();
    if (child == 0) {
      pthread_t thread;
      for (int i = 0; i < 3; i++)
        pthread_create(&thread, 0, sleeping_thread, (void *)(intptr_t)own_tid());
      pthread_create(&thread, 0, execing_thread, (void *)(intptr_t)own_tid());
      for (;;) pause();
    }
    await(child);
  }
  return 0;
}

/* Execs without a fork, then the end. */
static int chain(int left) {
  if (left == 0) return 73;
  char number[16], *words[] = {self, "chain", number, 0};
  snprintf(number, sizeof number, "%d", left - 1);
  char *directory = getcwd(0, 0);
  say_exec(getpid(), own_tid(), directory, words);
  execv(self, words);
  return 90;
}

/* Execs that fail; the last one succeeds. */
static int failing(const char *folder) {
  char path[4096];
  char *words[] = {"failing", 0};
  execv("/nonexistent/program", words);
  execv("/", words);
  execv("/etc/passwd", words);
  snprintf(path, sizeof path, "%s/garbage", folder);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (write(file, "neither ELF nor a script\n", 25) != 25) return 90;
  execv(path, words); /* ETXTBSY: still open for writing */
  if (errno != ETXTBSY) return 91;
  close(file);
  execv(path, words);
  if (errno != ENOEXEC) return 92;
  snprintf(path, sizeof path, "%s/no-interpreter", folder);
  file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  if (write(file, "#!/nonexistent/interpreter\n", 27) != 27) return 90;
  close(file);
  execv(path, words);
  if (errno != ENOENT) return 93;
  size_t size = 200 << 20 >> 10;
  char *large = malloc(size + 1);
  memset(large, 'x', size);
  large[size] = 0;
  char *much[] = {"failing", large, 0};
  execv(self, much); /* one argument beyond MAX_ARG_STRLEN */
  if (errno != E2BIG) return 94;
  char *last[] = {"after-the-failures", 0};
  become(74, last);
  return 95;
}

static atomic_int arrived, number_of_threads;

static void *raw_thread_body(void *argument) {
  long way = (long)argument;
  say("fork %d %d %d %d", getpid(), getpid(), getpid(), own_tid());
  atomic_fetch_add(&arrived, 1);
  while (atomic_load(&arrived) < number_of_threads) {}
  if (way == 1) syscall(SYS_exit_group, 40 + (own_tid() & 7));
  if (way == 2) for (;;) {}
  syscall(SYS_exit, 5); /* raw: nothing of the C library between the barrier and the end */
  return 0;
}

/* Many threads end at the same instant: way 0 each by itself (the leader too), 1 each by
   exit_group(), 2 all by one SIGKILL. */
static int group(int rounds, int count) {
  for (int round = 0; round < rounds; round++) {
    int way = round % 3;
    pid_t child = make();
    if (child == 0) {
      number_of_threads = way == 2 ? count : count + 1;
      for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, raw_thread_body, (void *)(long)way);
      }
      if (way == 2) {
        while (atomic_load(&arrived) < count) sched_yield();
        kill(getpid(), SIGKILL);
        for (;;) pause();
      }
      atomic_fetch_add(&arrived, 1);
      while (atomic_load(&arrived) < number_of_threads) {}
      if (way == 1) syscall(SYS_exit_group, 39);
      syscall(SYS_exit, 6);
    }
    await(child);
  }
  return 0;
}

/* Argument lists that are hard to carry. */
static int arguments(void) {
  char *long_one = malloc(3001), *longer = malloc(5001);
  for (int i = 0; i < 3000; i++) long_one[i] = (char)('!' + i % 90);
  long_one[3000] = 0;
  for (int i = 0; i < 5000; i++) longer[i] = (char)('!' + i % 89);
  longer[5000] = 0;
  char *many[501], *too_many[1201];
  for (int i = 0; i < 500; i++) {
    many[i] = malloc(8);
    snprintf(many[i], 8, "%05d", i);
  }
  many[500] = 0;
  for (int i = 0; i < 1200; i++) {
    too_many[i] = malloc(8);
    snprintf(too_many[i], 8, "%04d", i);
  }
  too_many[1200] = 0;
  char edge[4097 - 5], over[4097 - 4]; /* with "edge\0" a block of exactly 4096, and of 4097 bytes */
  memset(edge, 'e', sizeof edge - 1);
  edge[sizeof edge - 1] = 0;
  memset(over, 'o', sizeof over - 1);
  over[sizeof over - 1] = 0;
  char *lists[][8] = {
      {"plain", 0},
      {"", 0},
      {"", "", "", 0},
      {"a\nb", "\"quoted\"", "'single'", "back\\slash", "tab\there", 0},
      {"-", "--", "$HOME", "`x`", "\x01\x02\x1f\x7f", 0},
      {"\xff\xfe", "valid", "\xc3\x28", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", 0},
      {"äöü", "日本語", "😀", "\xe2\x80\xa8", "\xef\xbf\xbd", 0},
      {"three-thousand", long_one, 0},
      {"edge", edge, 0},
      {"over", over, 0},
      {"five-thousand", longer, 0},
  };
  for (size_t i = 0; i < sizeof lists / sizeof *lists + 2; i++) {
    pid_t child = make();
    size_t n = sizeof lists / sizeof *lists;
    if (child == 0) become(0, i < n ? lists[i] : i == n ? many : too_many);
    await(child);
  }
  return 0;
}

static int in_clone(void *argument) {
  (void)argument;
  return 75;
}

/* The other ways to make a process. */
static int ways(void) {
  char *words[] = {"spawned", 0};
  pid_t child;
  setenv("WORKLOAD_END", "76", 1);
  /* posix_spawn: clone(CLONE_VM | CLONE_VFORK); the child can't log, so this does. */
  char *directory = getcwd(0, 0);
  if (posix_spawn(&child, self, 0, 0, words, environ) != 0) fail("posix_spawn");
  say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  say("flags %d %u", child, CLONE_VM | CLONE_VFORK);
  say_exec(child, child, directory, words);
  await(child);
  child = vfork();
  if (child == 0) _exit(77);
  say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  say("flags %d %u", child, CLONE_VM | CLONE_VFORK);
  await(child);
  words[0] = "vforked";
  child = vfork();
  if (child == 0) {
    execv(self, words);
    _exit(90);
  }
  say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  say("flags %d %u", child, CLONE_VM | CLONE_VFORK);
  say_exec(child, child, directory, words);
  await(child);
  unsigned flags[] = {0, CLONE_FILES, CLONE_FS | CLONE_FILES, CLONE_VM, CLONE_NEWUTS,
                      CLONE_NEWPID | CLONE_NEWNS, CLONE_SYSVSEM | CLONE_IO, CLONE_PARENT_SETTID};
  char *stack = malloc(1 << 16);
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    pid_t told;
    child = clone(in_clone, stack + (1 << 16), (int)flags[i] | SIGCHLD, 0, &told);
    if (child < 0) fail("clone");
    say("fork %d %d %d %d", getpid(), own_tid(), child, child);
    say("flags %d %u", child, flags[i]);
    await(child);
  }
  /* Another signal than SIGCHLD at its end: wait() needs __WALL. */
  child = clone(in_clone, stack + (1 << 16), 0, 0);
  say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  say("flags %d %u", child, 0);
  await(child);
  struct clone_args modern = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  child = (pid_t)syscall(SYS_clone3, &modern, sizeof modern);
  if (child == 0) _exit(78);
  say("fork %d %d %d %d", getpid(), own_tid(), child, child);
  say("flags %d %llu", child, (unsigned long long)CLONE_CLEAR_SIGHAND);
  await(child);
  return 0;
}

/* A daemon: its parent ends first, and it goes on alone. */
static int daemons(void) {
  for (int i = 0; i < 5; i++) {
    pid_t child = make();
    if (child == 0) {
      setsid();
      pid_t parent = getpid();
      pid_t grandchild = make();
      if (grandchild == 0) {
        while (getppid() == parent) nap(1); /* until somebody adopts it */
        say("adopted %d %d", getpid(), getppid());
        char *words[] = {"daemon", 0};
        nap(20);
        become(79, words);
      }
      _exit(0);
    }
    await(child);
  }
  return 0; /* the daemons end after this */
}

/* Becomes the user with this id, then the program at `path`. */
static int as_user(unsigned id, char *path) {
  if (setgroups(0, 0) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0)
    fail("setresuid");
  say("note before %u", getuid());
  char *words[] = {path, "credentials", 0}, *directory = getcwd(0, 0);
  say_exec(getpid(), own_tid(), directory, words);
  execv(path, words);
  return 90;
}

static int directories(char **paths) {
  for (; *paths; paths++) {
    pid_t child = make();
    if (child == 0) {
      if (chdir(paths[0]) != 0) fail(paths[0]);
      char *words[] = {"in-a-directory", 0};
      become(0, words);
    }
    await(child);
  }
  return 0;
}

/* A directory deeper than any path can name, one component after the other. */
static int deep(char *base, int depth, char *name) {
  pid_t child = make();
  if (child == 0) {
    if (chdir(base) != 0) fail(base);
    for (int i = 0; i < depth; i++) {
      mkdir(name, 0755);
      if (chdir(name) != 0) fail(name);
    }
    char *words[] = {"deep", 0};
    become(0, words);
  }
  await(child);
  return 0;
}

/* A working directory across two mounts, in a mount namespace of its own. */
static int mounts(char *base) {
  pid_t child = make();
  if (child == 0) {
    char path[4096];
    if (unshare(CLONE_NEWNS) != 0) fail("unshare");
    if (mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) != 0) fail("private");
    if (mount("none", base, "tmpfs", 0, 0) != 0) fail("tmpfs");
    snprintf(path, sizeof path, "%s/a", base);
    mkdir(path, 0755);
    if (mount("none", path, "tmpfs", 0, 0) != 0) fail("tmpfs");
    snprintf(path, sizeof path, "%s/a/b", base);
    mkdir(path, 0755);
    if (chdir(path) != 0) fail(path);
    char *words[] = {"across-mounts", 0};
    become(0, words);
  }
  await(child);
  return 0;
}

/* Argument lists that say themselves what they must be: "storm", I, and I % 1500 letters that
   depend on I. */
static void storm_words(int i, char *words[4], char number[16], char text[1600]) {
  snprintf(number, 16, "%d", i);
  for (int j = 0; j < i % 1500; j++) text[j] = (char)('a' + (i + j) % 26);
  text[i % 1500] = 0;
  words[0] = "storm";
  words[1] = number;
  words[2] = text;
  words[3] = 0;
}

/* Forks `count` children, `width` at a time; every `every`th execs (0: none). */
static volatile sig_atomic_t told_to_end;
static void end_storm(int number) {
  (void)number;
  told_to_end = 1;
}

static int storm(int count, int width, int every) {
  int running = 0;
  setenv("WORKLOAD_END", "0", 1);
  /* A test that dies must not leave it running. */
  pid_t parent = getppid();
  for (int i = 0; i < count && !told_to_end && getppid() == parent; i++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      if (every && i % every == 0) {
        char *words[4], number[16], text[1600];
        storm_words(i, words, number, text);
        execv(self, words);
        _exit(90);
      }
      _exit(i & 0x7f);
    }
    if (++running == width && wait(0) > 0) running--;
  }
  while (wait(0) > 0 || errno == EINTR) {}
  say("note storm %d", count);
  return 0;
}

/* Forks a child for each byte on standard input; forks and ends come at odd moments. */
static int paced(void) {
  unsigned number = 1;
  char byte;
  while (read(0, &byte, 1) == 1) {
    number = number * 1664525u + 1013904223u;
    for (volatile unsigned i = number >> 16 & 2047; i > 0; i--) {}
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
      for (volatile unsigned i = number >> 19 & 8191; i > 0; i--) {}
      _exit(0);
    }
    while (waitpid(child, 0, 0) != child) {}
  }
  return 0;
}

static int forks_each = 50;
/* Shared by the whole tree: while it is set, none of its forks counts towards forks_each. */
static atomic_bool *keep_forking;

static void end_of_forking(int number) {
  (void)number;
  atomic_store(keep_forking, false);
}

/* SIGUSR1 to the calling process lets the tree come to its end. */
static void fork_until_told(void) {
  keep_forking = mmap(0, sizeof *keep_forking, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (keep_forking == MAP_FAILED) fail("mmap");
  atomic_store(keep_forking, true);
  struct sigaction action = {.sa_handler = end_of_forking, .sa_flags = SA_RESTART};
  sigaction(SIGUSR1, &action, 0);
}

static void *forking_thread(void *argument) {
  (void)argument;
  say("note tid %d", own_tid());
  char byte;
  /* All wait for the end of standard input: the same moment for the whole tree. */
  while (read(0, &byte, 1) > 0) {}
  for (int left = forks_each; left > 0;) {
    if (!keep_forking || !atomic_load(keep_forking)) left--;
    pid_t child = make();
    if (child == 0) {
      pid_t grandchild = make();
      if (grandchild == 0) _exit(1);
      await(grandchild);
      _exit(2);
    }
    await(child);
  }
  return 0;
}

/* A tree that stands: `depth` generations, each with a thread; when standard input ends, the
   thread forks (below, the leader too). */
static int standing(int depth) {
  say("note pid %d", getpid());
  pthread_t thread;
  pthread_create(&thread, 0, forking_thread, 0);
  if (depth > 0) {
    pid_t child = fork();
    if (child == 0) _exit(standing(depth - 1));
    pthread_join(thread, 0);
    int status;
    waitpid(child, &status, 0);
    return 0;
  }
  say("note ready 1");
  forking_thread(0);
  pthread_join(thread, 0);
  return 0;
}

static volatile sig_atomic_t caught;
static void catcher(int number) { caught = number; }

/* Waits for a signal, counts it, and ends with its number; more that come within 300 ms are
   counted as well. */
static int catching(void) {
  struct sigaction action = {.sa_handler = catcher};
  int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    sigaction(wanted[i], &action, 0);
    sigaddset(&set, wanted[i]);
  }
  sigprocmask(SIG_BLOCK, &set, 0);
  say("note ready %d", getpid());
  int first = 0;
  for (;;) {
    struct timespec patience = {first ? 0 : 30, first ? 300000000 : 0};
    int number = sigtimedwait(&set, 0, &patience);
    if (number < 0) break;
    say("note caught %d", number);
    if (!first) first = number;
  }
  return first;
}

int main(int count, char **words) {
  static char path[4096];
  ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size < 0) fail("/proc/self/exe");
  path[size] = 0;
  self = path;
  char *end = getenv("WORKLOAD_END");
  if (end) return atoi(end);
  if (count < 2) return 2;
  char *name = words[1];
#define IS(text, needed) (strcmp(name, text) == 0 && count >= 2 + (needed))
  if (IS("codes", 0)) return codes();
  if (IS("signals", 1)) return signals(words[2]);
  if (IS("threads", 0)) return threads();
  if (IS("thread-exec", 0)) return thread_exec();
  if (IS("chain", 1)) return chain(atoi(words[2]));
  if (IS("failing", 1)) return failing(words[2]);
  if (IS("group", 2)) return group(atoi(words[2]), atoi(words[3]));
  if (IS("arguments", 0)) return arguments();
  if (IS("ways", 0)) return ways();
  if (IS("daemons", 0)) return daemons();
  if (IS("as-user", 2)) return as_user((unsigned)atoi(words[2]), words[3]);
  if (IS("credentials", 0)) {
    say("cred %d %u %u %u %u", getpid(), getuid(), getgid(), geteuid(), getegid());
    return 0;
  }
  if (IS("directories", 1)) return directories(words + 2);
  if (IS("deep", 3)) return deep(words[2], atoi(words[3]), words[4]);
  if (IS("mounts", 1)) return mounts(words[2]);
  if (IS("storm", 3)) return storm(atoi(words[2]), atoi(words[3]), atoi(words[4]));
  if (IS("paced", 0)) return paced();
  if (IS("storms", 2)) {
    /* A storm without end, until it is told. */
    struct sigaction action = {.sa_handler = end_storm};
    sigaction(SIGTERM, &action, 0);
    return storm(INT_MAX, atoi(words[2]), atoi(words[3]));
  }
  if (IS("calls", 4))
    return calls(atoi(words[2]), atol(words[3]), atol(words[4]), atol(words[5]));
  if (IS("timeline", 1)) return timeline(words[2]);
  if (IS("turns", 2)) return turns(words[2], atol(words[3]));
  if (IS("acts", 2)) return acts(words[2], words[3]);
  if (IS("call", 1)) return syscall(atol(words[2])) < 0;
  if (IS("standing", 2)) {
    forks_each = atoi(words[3]);
    if (IS("standing", 3)) fork_until_told();
    return standing(atoi(words[2]));
  }
  if (IS("catching", 0)) return catching();
  if (IS("end", 1)) return atoi(words[2]);
  if (IS("kill-self", 1)) {
    signal(atoi(words[2]), SIG_DFL);
    kill(getpid(), atoi(words[2]));
    for (;;) pause();
  }
  if (IS("watch", 1)) return watch(words + 2);
  fprintf(stderr, "workload: no '%s' with %d words\n", name, count - 2);
  return 2;
}
