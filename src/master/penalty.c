/* SPDX-License-Identifier: MIT */
/* penalty - finds the sources that were in flight at crash after crash of a service. */
#include "master/penalty.h"

#include <arpa/inet.h>

#include "master/inflight.h"

static bool may_be_guilty(const union addr *source)
{
	if (source->sa.sa_family == AF_INET)
		return source->in4.sin_addr.s_addr != htonl(INADDR_LOOPBACK);
	/* A source has only the first half of an address, which is all zero for ::1 and for what
	 * no client has. */
	return source->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_UNSPECIFIED(&source->in6.sin6_addr);
}

static uint32_t find(const struct penalty *penalty, const union addr *source)
{
	uint32_t i = 0;

	while (i < penalty->count && !addr_same_host(&penalty->suspect[i].source, source))
		i++;
	return i;
}

/* Adds a source of this crash, which is its first unless it was in flight at the one before. */
static void suspect(struct penalty *now, const struct penalty *before, const union addr *source)
{
	uint32_t at = find(before, source);

	if (now->count == PENALTY_SUSPECTS || find(now, source) < now->count)
		return;
	now->suspect[now->count].source = *source;
	now->suspect[now->count++].crashes =
		at < before->count ? before->suspect[at].crashes + 1 : 1;
}

uint32_t penalty_note(struct penalty *penalty, const struct board *board, uint64_t slots,
		      int64_t now_ms, uint64_t window_ms, union addr guilty[PENALTY_SUSPECTS])
{
	struct penalty now = {.last_ms = now_ms};
	uint32_t count = 0;

	if ((uint64_t)(now_ms - penalty->last_ms) > window_ms)
		penalty->count = 0;
	for (uint64_t i = 0; i < slots; i++) {
		union addr peer = inflight_peer(&board->flight[i]);
		union addr source = addr_source(&peer);

		if (may_be_guilty(&source))
			suspect(&now, penalty, &source);
	}
	for (uint32_t i = 0; i < now.count; i++) {
		if (now.suspect[i].crashes >= PENALTY_CRASHES)
			guilty[count++] = now.suspect[i].source;
	}
	*penalty = now;
	return count;
}
