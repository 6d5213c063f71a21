/* SPDX-License-Identifier: MIT */
/* tcp - accepts connections and runs the stream handler on them. */
#ifndef WORKER_TCP_H
#define WORKER_TCP_H

#include "worker/thread.h"

/* Prepares waiting on all TCP listeners; 0 or -1 with errno. */
int tcp_init(void) UTIL_CHECKED;

/*
 * Waits for one connection on the calling thread.  Returns its socket and *ret_peer, or -1 with
 * errno EINTR when interrupted (look whether to leave), or another errno after which to try
 * again; shortage of descriptors or memory has been waited out a little.
 */
int tcp_accept(union addr *ret_peer) UTIL_CHECKED;

/* Runs the handler on fd, closes it, reports and counts its end. */
void tcp_serve(struct thread_slot *slot, int fd, const union addr *peer);

#endif
