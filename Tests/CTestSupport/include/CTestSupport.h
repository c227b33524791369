#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H
#include <stdint.h>
#include <sys/types.h>

/* Starts a program with these descriptors as its 0, 1 and 2; no other of ours stays open in it.
   Signals are as a shell has them. With `session`, it leads a session of its own whose terminal is
   `input`; else with `group`, a process group of its own. Returns its pid, or -1 with errno. */
pid_t test_spawn(
    const char *path, char *const *arguments, char *const *environment, int input, int output,
    int errors, int session, int group);

/* A descriptor of a process; -1 with errno. */
long test_pidfd_open(pid_t pid);

/* A new pseudo terminal; 0, or -1 with errno. */
int test_open_terminal(int *master, int *slave);

enum test_bpf_kind { TEST_BPF_PROGRAM, TEST_BPF_MAP, TEST_BPF_LINK };
/* Whether a BPF program, map or link with this id exists: 1 or 0; -1 if that can't be known. */
int test_bpf_exists(enum test_bpf_kind kind, uint32_t id);

/* Binds the calling thread to one of the CPUs it may use, counted from 0 and round again. Returns how
   many those are, or -1 with errno. */
int test_bind_to_cpu(int number);

/* Times the calling thread gave its CPU away because it had to wait; -1 with errno. */
long test_voluntary_switches(void);

/* The C library's name of a signal, without SIG, or of an error; NULL where it has none. */
const char *test_signal_name(int number);
const char *test_error_name(int number);

/* Makes a system call that takes nothing; -1 with errno. */
long test_call(long number);

/* Acts on sockets. An address is of AF_INET or AF_INET6 in text with a port, or for AF_UNIX a path, or an
   abstract name behind an '@'. All return what the call does, or -errno. */
int test_socket(int family, int type);
int test_bind_socket(int socket, int family, const char *address, int port);
int test_connect_socket(int socket, int family, const char *address, int port);
int test_listen(int socket, int backlog);
int test_accept(int socket);
/* The socket's own address or its peer's as text; returns the port. */
int test_socket_address(int socket, int peer, char *text, unsigned size);

/* openat2(), renameat2() and fchownat(), which return what the call does, or -errno. */
int test_open_how(int directory, const char *path, uint64_t flags, uint64_t mode);
int test_rename(int from, const char *path, int to, const char *other, unsigned flags);
int test_change_owner(int directory, const char *path, unsigned owner, unsigned group, int flags);

/* The calling thread's id. */
int test_thread(void);
#endif
