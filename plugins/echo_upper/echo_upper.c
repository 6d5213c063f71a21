/* SPDX-License-Identifier: MIT */
/* echo_upper - sends back in upper case what the client sends. */
#include <cservd/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "upper.h"

#define CHUNK 16384 /* [bytes] read at once from a stream */

enum { CASE_ASCII, CASE_UNICODE };

static bool is_unicode; /* opt.case */

static int config(struct cservd_service *service)
{
	int choice = CASE_ASCII;

	cservd_option_choice(service, "case", "ascii|unicode", &choice);
	is_unicode = choice == CASE_UNICODE;
	return 0;
}

static int stream_ascii(struct cservd_conn *conn)
{
	uint8_t buf[CHUNK];
	ssize_t len;

	while ((len = cservd_read(conn, buf, sizeof(buf))) > 0) {
		upper_ascii(buf, (size_t)len);
		if (cservd_write(conn, buf, (size_t)len) == -1)
			return -1;
	}
	return (int)len;
}

/* Writes the upper case of in[len], moves what stays to its start and returns its length. */
static ssize_t write_unicode(struct cservd_conn *conn, uint8_t *in, size_t len, bool is_last)
{
	uint8_t out[CHUNK * UPPER_GROWTH];
	size_t used;
	ssize_t written = upper_unicode(in, len, is_last, out, &used);

	if (written == -1)
		return -1;
	if (written > 0 && cservd_write(conn, out, (size_t)written) == -1)
		return -1;
	memmove(in, in + used, len - used);
	return (ssize_t)(len - used);
}

static int stream_unicode(struct cservd_conn *conn)
{
	uint8_t in[CHUNK];
	ssize_t len, kept = 0; /* bytes of a sequence that has not ended yet */

	while ((len = cservd_read(conn, in + kept, sizeof(in) - (size_t)kept)) > 0) {
		kept = write_unicode(conn, in, (size_t)(kept + len), false);
		if (kept == -1)
			return -1;
	}
	if (len == -1)
		return -1;
	return write_unicode(conn, in, (size_t)kept, true) == -1 ? -1 : 0;
}

static int stream(struct cservd_conn *conn)
{
	return is_unicode ? stream_unicode(conn) : stream_ascii(conn);
}

/* The result is on the heap: a second buffer of 64 KiB would not fit the smallest stack. */
static int reply_unicode(struct cservd_conn *conn, const uint8_t *in, size_t len)
{
	uint8_t *out = malloc(len * UPPER_GROWTH + 1);
	size_t used;
	ssize_t written;
	int result = -1;

	if (out == NULL)
		return -1;
	written = upper_unicode(in, len, true, out, &used);
	if (written != -1)
		result = cservd_write(conn, out, (size_t)written);
	free(out);
	return result;
}

static int datagram(struct cservd_conn *conn)
{
	uint8_t buf[CSERVD_MAX_DATAGRAM];
	ssize_t len = cservd_read(conn, buf, sizeof(buf));

	if (len == -1)
		return -1;
	if (is_unicode)
		return reply_unicode(conn, buf, (size_t)len);
	upper_ascii(buf, (size_t)len);
	return cservd_write(conn, buf, (size_t)len);
}

CSERVD_PLUGIN(.name = "echo_upper", .version = "0.1",
	      .help = "case = ascii or unicode: which letters become upper case\n",
	      .flags = CSERVD_FIBER_SAFE, .config = config, .stream = stream, .datagram = datagram);
