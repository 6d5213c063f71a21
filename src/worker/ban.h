/* SPDX-License-Identifier: MIT */
/* ban - refuses sources that the master has banned from this service (board.h). */
#ifndef WORKER_BAN_H
#define WORKER_BAN_H

#include <stdbool.h>

#include "common/board.h"

/*
 * The ban of source (of addr_source()) from the service of this name that is in force at now_ms
 * [ms, CLOCK_MONOTONIC]: its place in world, and a copy in *ret; or -1.
 */
int ban_find(const struct world *world, const char *name, const union addr *source, int64_t now_ms,
	     struct ban *ret);

/*
 * Whether peer is to be refused, which is logged once for each ban.  Any thread; one atomic load
 * while nobody is banned.
 */
bool ban_refuses(const union addr *peer);

#endif
