/* SPDX-License-Identifier: MIT */
/* response - reads and checks the head of an HTTP response. */
#ifndef HEADPROBE_RESPONSE_H
#define HEADPROBE_RESPONSE_H

#include <cservd/plugin.h>
#include <time.h>

#include "limits.h"

/* A problem whose cause only errno tells. */
#define RESPONSE_INTERNAL "internal"

struct response_field {
	const char *name, *value;
};

struct response {
	unsigned int status;
	int minor;	       /* of HTTP/1.minor */
	struct timespec first; /* CLOCK_MONOTONIC, when the status line was there */
	unsigned int field_count;
	struct response_field fields[LIMIT_HEADER_LINES];
	char head[LIMIT_HEAD_BYTES + 1];
};

/*
 * Reads the head of the final response; 1xx are skipped, a body is left alone.  NULL, or what
 * is wrong with it, for people: "malformed status line"; RESPONSE_INTERNAL comes with errno.
 */
const char *response_read(struct cservd_conn *conn, struct response *ret) CSERVD_CHECKED;

/* The value of the first field of this name, or NULL. */
const char *response_value(const struct response *response, const char *name);

#endif
