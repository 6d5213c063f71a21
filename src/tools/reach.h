/* SPDX-License-Identifier: MIT */
/* reach - where cservc goes: HOST PORT/PROTO taken apart, resolved, connected. */
#ifndef TOOLS_REACH_H
#define TOOLS_REACH_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/util.h"

#define REACH_HOST_SIZE 256
#define REACH_FAILURES	8

/* Only in struct reach_failure: our own time limit passed, not one of the kernel's. */
#define REACH_TIMEOUT ETIME

struct reach_target {
	char host[REACH_HOST_SIZE]; /* name or address without brackets */
	bool is_literal;	    /* it stood in brackets: an IPv6 address, no name */
	uint16_t port;
	enum addr_protocol protocol;
};

struct reach_failure {
	char text[ENDPOINT_TEXT_SIZE];
	int error;
};

struct reach {
	struct reach_target target;
	int family;		       /* AF_UNSPEC, AF_INET or AF_INET6 */
	int wait_ms;		       /* [ms] for each address, and for each answer */
	char text[ENDPOINT_TEXT_SIZE]; /* "127.0.0.1:7007/tcp", the address tried last */
	struct addrinfo *all, *next;   /* of the target; next NULL: none is left to try */
	struct reach_failure failures[REACH_FAILURES];
	size_t failed;
};

/*
 * Takes HOST and PORT/PROTO apart: a name or an IPv4 or IPv6 address, the latter also in
 * brackets; a port number or service name; tcp or udp.  0, or -1 with errno EINVAL and *ret_why
 * a sentence part, *ret_wrong the word it is about.
 */
int reach_parse(const char *host, const char *port, struct reach_target *ret,
		const char **ret_wrong, const char **ret_why) UTIL_CHECKED;

/* Looks up reach->target.  0, or -1 with *ret_why a sentence part. */
int reach_resolve(struct reach *reach, const char **ret_why) UTIL_CHECKED;

/*
 * Connects to the first of the remaining addresses that allows it.  Returns a non-blocking
 * socket for the caller to close, or -1 when none is left, every failure being noted.
 */
int reach_connect(struct reach *reach) UTIL_CHECKED;

/* Notes that the address tried last has failed after all. */
void reach_note(struct reach *reach, int error);

/* Logs the failures noted so far, and forgets them. */
void reach_report(struct reach *reach);

/* Waits for events of poll(2) on fd.  1, 0 after deadline_ms (CLOCK_MONOTONIC), -1 with errno. */
int reach_wait(int fd, short events, int64_t deadline_ms) UTIL_CHECKED;

void reach_finish(struct reach *reach);

#endif
