/* SPDX-License-Identifier: MIT */
/* inflight - what a board tells about a worker's connections; the board is hostile. */
#include <stdio.h>

#include "master/inflight.h"

union addr inflight_peer(const struct flight *flight)
{
	union addr peer = flight->peer;

	if (atomic_load_explicit(&flight->state, memory_order_relaxed) != FLIGHT_OPEN ||
	    (peer.sa.sa_family != AF_INET && peer.sa.sa_family != AF_INET6))
		peer = (union addr){.sa.sa_family = AF_UNSPEC};
	return peer;
}

uint64_t inflight_count(const struct board *board, uint64_t slots)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < slots; i++)
		count += inflight_peer(&board->flight[i]).sa.sa_family != AF_UNSPEC;
	return count;
}

const char *inflight_format(const struct board *board, uint64_t slots,
			    char text[INFLIGHT_TEXT_SIZE])
{
	uint64_t count = 0;
	size_t len = 0;

	text[0] = '\0';
	for (uint64_t i = 0; i < slots; i++) {
		union addr peer = inflight_peer(&board->flight[i]);
		char name[ADDR_TEXT_SIZE];

		if (peer.sa.sa_family == AF_UNSPEC || count++ >= INFLIGHT_NAMED)
			continue;
		len += (size_t)snprintf(text + len, INFLIGHT_TEXT_SIZE - len, "%s%s",
					len > 0 ? ", " : "", addr_format(&peer, name));
	}
	if (count > INFLIGHT_NAMED)
		(void)snprintf(text + len, INFLIGHT_TEXT_SIZE - len, " and %llu more",
			       (unsigned long long)(count - INFLIGHT_NAMED)); /* it fits */
	return text;
}
