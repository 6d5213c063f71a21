/* SPDX-License-Identifier: MIT */
/* request - reads and checks the head of an HTTP request. */
#ifndef HEALTH_REQUEST_H
#define HEALTH_REQUEST_H

#include <cservd/plugin.h>
#include <stdbool.h>

#define REQUEST_HEAD_MAX 8192 /* [bytes] */
#define REQUEST_HEAD_MS	 5000

struct request {
	const char *method;
	const char *path; /* without the query; as sent, nothing is decoded */
	int minor;	  /* of HTTP/1.minor */
	bool is_head;	  /* known as soon as the method is: the answer has no body */
	char head[REQUEST_HEAD_MAX + 1];
};

/*
 * Reads one head, never a body.  Returns 200 if it is a correct request, else the status to
 * answer with (400, 408, 431, 505); 0 if the client closed before it sent anything; -1 with
 * errno if the connection failed.
 */
int request_read(struct cservd_conn *conn, struct request *ret) CSERVD_CHECKED;

#endif
