/* SPDX-License-Identifier: MIT */
/*
 * lines - lines from a client that has a limited time and number of bytes for all of them.
 *
 * cservd_deadline() would end the connection when the time is over; here the handler can
 * still say why.
 */
#ifndef PLUGINS_COMMON_LINES_H
#define PLUGINS_COMMON_LINES_H

#include <cservd/plugin.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
	struct cservd_conn *conn;
	int64_t deadline; /* [ms] CLOCK_MONOTONIC */
	char *buf;
	size_t size;
	size_t at, end; /* the bytes that were read and not yet returned */
};

/* All lines with their ends must come within ms and fit size - 1 bytes of buf. */
void lines_init(struct lines *lines, struct cservd_conn *conn, char *buf, size_t size, int ms);

/*
 * The next line without its LF or CRLF, terminated, part of buf; the last one may lack them.
 * Returns 1, 0 at end of file, or -1 with errno: ETIMEDOUT, EMSGSIZE, EILSEQ for a NUL or a CR
 * inside the line, or what cservd_read() failed with.
 */
int lines_next(struct lines *lines, char **ret_line) CSERVD_CHECKED;

#endif
