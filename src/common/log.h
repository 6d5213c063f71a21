/* SPDX-License-Identifier: MIT */
/*
 * log - lines to stderr or syslog: `what: why`, no newline, %m works.
 *
 * Master and tools only; a worker has no log, it reports (worker/report.h).
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <syslog.h>

#include "common/util.h"

/*
 * ident: name before each line ("cservd"), lives for ever.  level: LOG_ERR .. LOG_DEBUG, less
 * urgent lines are dropped.  to_syslog: facility daemon, else stderr, one write(2) a line,
 * with "<N>" priorities in place of the name when stderr is the journal, which adds the name
 * itself (JOURNAL_STREAM, sd-daemon(3)); nothing when stderr is closed now.  May be called again.
 * A caller whose stderr may be a pipe ignores SIGPIPE.
 */
void log_init(const char *ident, int level, bool to_syslog);

/* One line: control characters in it are escaped, above 4 KiB it is cut.  errno stays as it was. */
void log_vline(int priority, const char *fmt, va_list args) UTIL_PRINTF(2, 0);
void log_line(int priority, const char *fmt, ...) UTIL_PRINTF(2, 3);
void log_error(const char *fmt, ...) UTIL_PRINTF(1, 2);	  /* an administrator must act */
void log_warning(const char *fmt, ...) UTIL_PRINTF(1, 2); /* something is not as wanted */
void log_info(const char *fmt, ...) UTIL_PRINTF(1, 2);	  /* normal operation */
void log_debug(const char *fmt, ...) UTIL_PRINTF(1, 2);	  /* for us */

/* error, warning, info, debug and their priorities; -1 or NULL for none. */
int log_level_parse(const char *word) UTIL_CHECKED;
const char *log_level_word(int level);

#endif
