/* SPDX-License-Identifier: MIT */
/*
 * channel - what a worker and a process that it forked (concurrency = process) say to each other.
 *
 *	forked process                          worker
 *	struct message --------------------->   checked, stamped with the peer, to the master
 *	struct connect_request ------------->   to the connector, under an id of the worker's
 *	<-- struct connect_reply, a socket --   from the connector
 *
 * A SOCK_SEQPACKET pair each.  The forked process has it as WORKER_FD_MESSAGES and
 * WORKER_FD_CONNECTOR, so that report.c and connect.c work as ever; and as the worker reads it as
 * hostile bytes, a process that was taken over can tell lies about its own peer only.
 */
#ifndef WORKER_CHANNEL_H
#define WORKER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/message.h"
#include "common/util.h"

/* The worker's end. */
struct channel {
	int fd;		   /* -1: closed */
	uint32_t number;   /* of the worker's for it; the lower half of the ids of requests */
	union addr peer;   /* its one client; AF_UNSPEC for the process of the datagrams */
	bool is_closed;	   /* MESSAGE_CLOSED came, the rest of it is below */
	bool is_tainted;   /* the process of the datagrams asked for a successor */
	uint64_t in, out;  /* [bytes] */
	uint64_t asked;	   /* id of the request under way to the connector; 0: none */
	uint64_t asked_as; /* what the process calls it */
};

/* Makes the pair: the worker's end in *channel, the other, blocking, returned; -1 with errno. */
int channel_open(struct channel *channel, uint32_t number, const union addr *peer) UTIL_CHECKED;

/*
 * Takes the packets that have come, without waiting and at most 16 of them, so that one process
 * cannot keep the worker to itself.  1 if there may be more, 0 if not now, -1 if never again.
 */
int channel_take(struct channel *channel);

/* The number of the channel that a request with this id came from. */
static inline uint32_t channel_number_of(uint64_t id)
{
	return (uint32_t)id;
}

/* Passes the reply to the request `asked` on.  Closes fd, which is -1 for an error. */
void channel_reply(struct channel *channel, int error, int fd);

void channel_close(struct channel *channel);

#endif
