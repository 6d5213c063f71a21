/* SPDX-License-Identifier: MIT */
/*
 * child - what a process does that the worker forked (concurrency = process).
 *
 *	worker, one thread, base filter
 *	   |-- fork --> connection   its socket, its channel; plugin code behind the child filter
 *	   '-- fork --> datagrams    the UDP listeners, its channel; a nursery and its threads
 *
 * A fork takes everything along, so first of all it lets go of what is not its own: the listeners,
 * the other connections, the master, and the board, of which it gets a private one.
 */
#ifndef WORKER_CHILD_H
#define WORKER_CHILD_H

#include "common/util.h"
#include "worker/conn.h"

/*
 * In the worker, when the plugin has started and before anything else is opened: from now on every
 * new descriptor has a higher number than all that a child keeps.  Also makes the page that tells
 * children of the drain, and the handler of THREAD_SIGNAL, which in a child cuts its connection.
 * 0 or -1 with errno.
 */
int child_init(void) UTIL_CHECKED;

/* Lets cservd_draining() say yes in all children. */
void child_tell_draining(void);

/* In the fork: what it needs of its parent. */
struct child_start {
	pid_t parent;
	int channel;   /* the child's end */
	sigset_t mask; /* of signals, for plugin code */
};

/* Serves one connection and ends the process. */
_Noreturn void child_serve(const struct child_start *start, int fd, const union addr *peer);

/* Serves all UDP listeners until the channel closes, and ends the process. */
_Noreturn void child_receive(const struct child_start *start);

#endif
