/* SPDX-License-Identifier: MIT */
/*
 * connect - outgoing connections of a handler, asked for at the connector (target.h).
 *
 * cservd_connect() fails with
 *
 *	ENOTSUP        not on the thread of a stream handler: a datagram must not wait, and
 *	               --stdio has no connector
 *	EINVAL         not a target of this service
 *	ETIMEDOUT      its ms, or a limit of the client, passed first
 *	ECANCELED      the client was cut (or EPERM, ETIMEDOUT: conn_check_cut())
 *	ENXIO          the name does not exist, or has no address
 *	EAGAIN         no name server answered; later it may
 *	EPROTO         the name server answered with an error
 *	ENOBUFS        hundreds of requests wait already (concurrency = process only)
 *	other values   what socket(2) or connect(2) said: ECONNREFUSED, EHOSTUNREACH, ENOENT ...
 */
#ifndef WORKER_CONNECT_H
#define WORKER_CONNECT_H

#include <stdint.h>

#include "cservd/plugin.h"

/*
 * Reads the replies that have arrived, without waiting and at most 64 of them (a hostile
 * connector must not hold the keeper), and wakes the threads that asked.  Keeper only; it polls
 * WORKER_FD_CONNECTOR, level-triggered.
 */
void connect_take_replies(void);

/* What takes over a reply: the id of the request, and an errno value or the connected socket. */
typedef void connect_taker(uint64_t id, int error, int fd);

/*
 * From now on connect_take_replies() gives all of them to this function; NULL: to the handlers of
 * this process, as at first.
 */
void connect_forward_to(connect_taker *to);

/*
 * Wakes every thread that waits in cservd_connect(), so that it sees whether its client was
 * cut: to be called after conn_cut().  Any thread, but no signal handler.
 */
void connect_wake_all(void);

/* Shuts the conns that client's handler opened, so that it waits on none of them any more: to be
 * called after conn_cut().  Any thread that keeps client alive, but no signal handler. */
void connect_cut(struct cservd_conn *client);

/* Closes and frees every conn that client's handler opened.  The handler's thread only. */
void connect_close_all(struct cservd_conn *client);

#endif
