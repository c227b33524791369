/*
 * What libbpf says, kept in memory. In C: its callback has a `va_list`, which is a pointer for x86-64 and a
 * structure for arm64, where a closure of Swift can't take it.
 */
#ifndef ORDINAL_BPF_LOG_H
#define ORDINAL_BPF_LOG_H

/* Keeps libbpf's messages from now on, but those for debugging, instead of having them printed. */
void ordinal_bpf_log_install(void);

/* Forgets what was said. */
void ordinal_bpf_log_clear(void);

/* What was said since, NUL-terminated, cut where it is too long; never NULL, valid until libbpf says more. */
const char *_Nonnull ordinal_bpf_log_text(void);

#endif
