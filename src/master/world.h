/* SPDX-License-Identifier: MIT */
/*
 * world - what every worker may know about this machine: struct world of common/board.h.
 *
 * The master writes it and follows the addresses of the interfaces; a worker can only read.
 */
#ifndef MASTER_WORLD_H
#define MASTER_WORLD_H

#include <ifaddrs.h>

#include "common/board.h"

/*
 * Creates the memory, fills in the addresses of this machine and follows their changes in the
 * loop (loop_init() comes first).  0, or -1 with errno; what cannot be found out is logged.
 */
int world_init(void) UTIL_CHECKED;

/* The memfd to hand out: nobody who gets it can write to it or change its size. */
int world_fd(void);

/* Adds one of our UDP listeners; more than WORLD_LISTENERS are not listed. */
void world_add_listener(const union addr *addr);

/* Replaces all of them, in one change for readers; those too many are not listed. */
void world_set_listeners(const union addr *list, size_t count);

/*
 * Has service refuse source, of addr_source(), until until_ms [ms, CLOCK_MONOTONIC], where
 * INT64_MAX means as long as we live.  Of more than WORLD_BANS those that end first give way.
 * Bans that are over are removed in time.
 */
void world_ban(const char *service, const union addr *source, int64_t until_ms);

/* Replaces local and broadcast addresses in *world by those of the list, port 0. */
void world_fill(struct world *world, const struct ifaddrs *list);

#endif
