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

/* Replaces local and broadcast addresses in *world by those of the list, port 0. */
void world_fill(struct world *world, const struct ifaddrs *list);

#endif
