/* SPDX-License-Identifier: MIT */
/*
 * guard - which datagrams are never answered, so that no forged source makes cservd a reflector.
 *
 * A source below port 1024 or on a port of a service that answers by itself could be made to talk
 * to us for ever by one forged packet; so could one of our own listeners.  Broadcast and multicast
 * would multiply the answers.
 */
#ifndef WORKER_GUARD_H
#define WORKER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/board.h"

#define GUARD_MIN_PORT 1024
#define GUARD_FREE_REPLY                                                         \
	64 /* [bytes] all replies to one datagram may have, however small it was \
	    */

/* A thread's own copy of the world, and what is looked up in it for each datagram. */
struct guard {
	const struct world *source;
	uint32_t generation;
	struct world world;
	uint64_t listener_ports[65536 / 64]; /* bit set: some listener has this port */
};

/* Copies the world.  Large: allocate it. */
void guard_init(struct guard *guard, const struct world *source);

/* Copies the world again if the master changed it; one atomic load if not. */
void guard_refresh(struct guard *guard);

/*
 * Why a datagram from peer, sent to the address dest, is not answered: an enum drop_reason, or -1
 * if it may be.
 */
int guard_check(const struct guard *guard, const union addr *peer, const union addr *dest);

/* [bytes] that all replies to a request of size bytes may have together; amplify is the key
 * udp_amplify, SETTINGS_UNLIMITED for no limit. */
uint64_t guard_budget(uint64_t size, uint64_t amplify);

#endif
