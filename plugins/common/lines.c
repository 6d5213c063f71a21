/* SPDX-License-Identifier: MIT */
/* lines - lines from a client that has a limited time and number of bytes for all of them. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lines.h"

/* [ms] CLOCK_MONOTONIC */
static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for more bytes and appends them.  1, 0 at end of file, -1. */
static int fill(struct lines *lines)
{
	int64_t left = lines->deadline - now_ms();
	ssize_t len;
	int ready;

	if (lines->end == lines->size - 1) {
		errno = EMSGSIZE;
		return -1;
	}
	ready = left > 0 ? cservd_wait(lines->conn, (int)left) : 0;
	if (ready == 0)
		errno = ETIMEDOUT;
	if (ready != 1)
		return -1;
	len = cservd_read(lines->conn, lines->buf + lines->end, lines->size - 1 - lines->end);
	if (len > 0)
		lines->end += (size_t)len;
	return len > 0 ? 1 : (int)len;
}

/* Ends the line at lines->at after len bytes, skip of which are its LF. */
static int take(struct lines *lines, size_t len, size_t skip, char **ret_line)
{
	char *line = lines->buf + lines->at;

	lines->at += len + skip;
	if (len > 0 && skip > 0 && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	if (memchr(line, '\0', len) != NULL || memchr(line, '\r', len) != NULL) {
		errno = EILSEQ;
		return -1;
	}
	*ret_line = line;
	return 1;
}

void lines_init(struct lines *lines, struct cservd_conn *conn, char *buf, size_t size, int ms)
{
	*lines = (struct lines){
		.conn = conn,
		.deadline = now_ms() + ms,
		.buf = buf,
		.size = size,
	};
}

int lines_next(struct lines *lines, char **ret_line)
{
	size_t seen = 0; /* bytes of this line that hold no LF */

	for (;;) {
		char *line = lines->buf + lines->at;
		size_t held = lines->end - lines->at;
		const char *lf = memchr(line + seen, '\n', held - seen);
		int filled;

		if (lf != NULL)
			return take(lines, (size_t)(lf - line), 1, ret_line);
		seen = held;
		filled = fill(lines);
		if (filled == -1)
			return -1;
		if (filled == 0)
			return held == 0 ? 0 : take(lines, held, 0, ret_line);
	}
}
