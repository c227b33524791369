#ifndef WORKLOAD_LOG_H
#define WORKLOAD_LOG_H
#include <sys/types.h>

/* The ground truth: what this program itself saw of what it did, a line each, appended to the file
   named by WORKLOAD_LOG. Written with one write() a line, so that many processes can share it.

     fork PID TID CHILD_PID CHILD_TID    task TID of process PID made a task
     flags CHILD_TID FLAGS               it was made by clone() with these flags
     wait PID STATUS                     wait() said so of a process
     exec PID TID CWD ARG,ARG,…          task TID of process PID is about to exec (hexadecimal; the
                                         working directory by getcwd(), - if not known)
     cred PID UID GID EUID EGID          credentials, after an exec
     adopted PID PARENT                  a process whose parent ended has this one now
     note WORD NUMBER                    anything else
*/
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_exec(pid_t pid, pid_t tid, const char *cwd, char *const *arguments);
void say_exec_block(pid_t pid, pid_t tid, const char *cwd, const char *block, size_t length);
pid_t own_tid(void);

int watch(char **arguments);
int timeline(const char *kind);
int turns(const char *kind, long number);
int acts(const char *kind, const char *place);
int calls(int cpu, long number, long microseconds, long pause);
#endif
