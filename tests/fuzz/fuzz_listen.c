/* SPDX-License-Identifier: MIT */
/* fuzz_listen - what parses as a `listen` value formats, and parses back to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct endpoint *endpoint)
{
	struct endpoint back[ADDR_LISTEN_MAX];
	char text[ENDPOINT_TEXT_SIZE];
	const char *why;

	if (addr_parse_listen(endpoint_format(endpoint, text), back, &why) != 1 ||
	    back[0].protocol != endpoint->protocol || !addr_equal(&back[0].addr, &endpoint->addr))
		abort();
}

/* An accepted value names a port of its own; both addresses of one share it. */
static void check_endpoints(const struct endpoint *endpoints, int count)
{
	if (count > ADDR_LISTEN_MAX)
		abort();
	for (int i = 0; i < count; i++) {
		if (addr_port(&endpoints[i].addr) == 0 ||
		    addr_port(&endpoints[i].addr) != addr_port(&endpoints[0].addr))
			abort();
		check_round_trip(&endpoints[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct endpoint endpoints[ADDR_LISTEN_MAX];
	CLEANUP_FREE char *word = malloc(size + 1); /* exact, so that overreads show */
	const char *why = NULL;
	int count;

	if (!word)
		return 0;
	if (size > 0)
		memcpy(word, data, size);
	word[size] = '\0';
	count = addr_parse_listen(word, endpoints, &why);
	if (count == 0 || (count < 0 && !why))
		abort();
	check_endpoints(endpoints, count);
	return 0;
}
