/* SPDX-License-Identifier: MIT */
/*
 * target - the places a service may connect to, and the words its worker and connector exchange.
 *
 * .config names targets with cservd_target(); before the worker is ready it seals them in the
 * memfd WORKER_FD_TARGETS, so no later code can add one.  The connector, a second process and
 * the only one of the two that may open sockets, reads them from there.
 *
 *	worker                                                connector
 *	handler thread (connect.c) -- connect_request ------> a thread each (connector.c, dial.c)
 *	keeper <-- connect_reply with the connected socket ------'
 *	   '--> handler thread            SOCK_SEQPACKET pair, WORKER_FD_CONNECTOR
 */
#ifndef WORKER_TARGET_H
#define WORKER_TARGET_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"
#include "cservd/plugin.h"

#define TARGET_HOST_SIZE 256 /* a DNS name has at most 253 characters */
#define TARGET_PORT_SIZE 8
#define TARGET_MAX	 256

enum target_kind { TARGET_TCP, TARGET_UDP, TARGET_UNIX, TARGET_KINDS };

/* Fixed size: the array of them is the whole content of the memfd. */
struct cservd_target {
	uint32_t index;
	uint32_t kind;		     /* enum target_kind */
	char host[TARGET_HOST_SIZE]; /* name or numeric address without brackets; or the path */
	char port[TARGET_PORT_SIZE]; /* decimal; empty for TARGET_UNIX */
};

/* What the memfd must carry before its content is believed. */
#define TARGET_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The deadline is absolute, so the time in which a connector starts counts as well. */
struct connect_request {
	uint64_t id;	     /* of the waiting call; a worker never uses one twice */
	int64_t deadline_ms; /* [ms] CLOCK_MONOTONIC; INT64_MAX for none */
	uint32_t target;     /* index */
	uint32_t reserved;   /* 0 */
};

/* If error and resolve_error are 0, one descriptor, the connected socket, travels along. */
struct connect_reply {
	uint64_t id;
	int32_t error;	       /* errno, or 0 */
	int32_t resolve_error; /* EAI_* if the name could not be resolved, else 0 */
};

/*
 * Parses "HOST:PORT", "[IPv6]:PORT", either with "/tcp" or "/udp" behind it, or "unix:/PATH"
 * into *ret, its index and unused bytes 0.  0, or -1 with errno EINVAL, *ret untouched and
 * *ret_why a sentence part.
 */
int target_parse(const char *where, struct cservd_target *ret, const char **ret_why) UTIL_CHECKED;

/*
 * Whether target, bytes of another process, may stand at this index: a known kind, texts that
 * end within their arrays, a port from 1 to 65535 or a path that fits a socket address.
 */
bool target_is_valid(const struct cservd_target *target, uint32_t index);

/* How many targets .config named. */
uint32_t target_count(void);

/* Writes all targets into WORKER_FD_TARGETS and seals it.  0 or -1 with errno. */
int target_seal(void) UTIL_CHECKED;

#endif
