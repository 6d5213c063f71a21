/* SPDX-License-Identifier: MIT */
/*
 * thread - the pool of connection threads, and the nursery that creates them.
 *
 *	keeper --- thread_start() --> nursery      carries the connection filter
 *	                                 | pthread_create: the filter is inherited
 *	                                 v
 *	                      connection threads   each owns one slot, waits in accept,
 *	                                           serves, waits again
 *
 * A thread takes one of max_connections slots before it waits, so the limit needs no other
 * check: while no slot is free, the kernel's queue holds the clients.
 */
#ifndef WORKER_THREAD_H
#define WORKER_THREAD_H

#include <pthread.h>
#include <stdint.h>

#include "common/board.h"
#include "worker/conn.h"

/* Threads of one service keep this many waiting ahead of demand. */
#define THREAD_SPARES 4

/* Interrupts a waiting thread; its handler does nothing (no SA_RESTART). */
#define THREAD_SIGNAL SIGUSR2

struct thread_slot {
	struct flight *flight; /* on the board; state FLIGHT_OPEN: conn is being served */
	/* Guards the life of conn.fd: the keeper cuts, and the thread closes, under it.  It is
	 * taken before the lock of connect.c. */
	pthread_mutex_t lock;
	struct cservd_conn conn;
	struct thread_slot *next_free;
};

/* Prepares the pool for max_connections slots; creates no thread.  0 or -1 with errno. */
int thread_init(void) UTIL_CHECKED;

/*
 * Creates the nursery, which puts itself behind the connection filter (unless the service is
 * unsandboxed).  Returns when it has: 0, or -1 with errno.
 */
int thread_start(void) UTIL_CHECKED;

/*
 * Creates, in the nursery, one thread that runs body(argument) and belongs to no slot; before
 * thread_accept().  0 or -1 with errno.
 */
int thread_create_other(void *(*body)(void *), void *argument) UTIL_CHECKED;

/* From now on connection threads wait on the TCP listeners. */
void thread_accept(void);

/* No further connection is accepted.  The waiting threads leave with thread_interrupt(). */
void thread_stop_accepting(void);

/* Wakes threads that wait though they should leave: a signal may arrive just before they wait,
 * so the keeper repeats this until thread_count() is as wanted. */
void thread_interrupt(void);

/* Whether threads should stop waiting: asked by accept loop and datagram threads. */
bool thread_is_stopping(void);

/* Connection threads alive; the open ones among them are counted on the board. */
uint32_t thread_count(void);

/*
 * Lets those waiting threads leave that were never needed since the last call, and tries again to
 * create threads if that failed.  Returns true while a later call may find more to do.
 */
bool thread_tend(void);

/* Whether a handler has not returned ms [ms] after its connection was cut for its duration. */
bool thread_is_hung(int64_t now_ms, int64_t ms);

/* Cuts every open connection, or only those older than age_ms (0: all). */
void thread_cut_all(enum conn_cut reason, int64_t age_ms);

#endif
