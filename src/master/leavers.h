/* SPDX-License-Identifier: MIT */
/* leavers - services that are no longer configured, or never came to be, and their last workers.
 *
 * What leaves goes by itself: each service is finished and freed after its last worker. */
#ifndef MASTER_LEAVERS_H
#define MASTER_LEAVERS_H

#include "master/service.h"

/* Takes over an allocated service: open connections may go on for as long as they want, and
 * sockets that nobody else has a duplicate of are closed. */
void leavers_retire(struct service *service);

/* Takes over an allocated service that never accepted anything: its workers are killed. */
void leavers_drop(struct service *service);

/* Whether a worker that is to stop accepting has not said that it did. */
bool leavers_may_accept(void);

/* Connections that are open in all of them; the longest drain_timeout [ms] of those with any. */
uint64_t leavers_open(uint64_t *ret_longest_ms);

/* From now on their drain_timeout counts. */
void leavers_stop(void);

/* SIGKILL to all their workers. */
void leavers_kill(void);

/* Finishes and frees all; after all workers have ended. */
void leavers_finish(void);

#endif
