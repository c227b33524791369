#include "CBPFLog.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>

static char text[64 * 1024];
static size_t used;

static int keep(enum libbpf_print_level level, const char *format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  size_t room = sizeof text - used;
  if (room <= 1) return 0;
  int wanted = vsnprintf(text + used, room, format, arguments);
  if (wanted > 0) used += (size_t)wanted < room ? (size_t)wanted : room - 1;
  return wanted;
}

void ordinal_bpf_log_install(void) { libbpf_set_print(keep); }

void ordinal_bpf_log_clear(void) {
  used = 0;
  text[0] = 0;
}

const char *ordinal_bpf_log_text(void) { return text; }
