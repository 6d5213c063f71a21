/* SPDX-License-Identifier: MIT */
/* tally - what a worker counted, in words; its board is hostile, and outlives it. */
#include <stdio.h>

#include "master/tally.h"

static const char *const reasons[DROP_REASONS] = {
	[DROP_PORT] = "port",	  [DROP_MULTICAST] = "multicast", [DROP_BROADCAST] = "broadcast",
	[DROP_LOOP] = "loop",	  [DROP_AMPLIFY] = "amplify",	  [DROP_DENIED] = "denied",
	[DROP_FAILED] = "failed", [DROP_SEND] = "send",		  [DROP_BANNED] = "penalty",
};

static unsigned long long read_counter(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

const char *tally_format(const struct board *board, char text[TALLY_TEXT_SIZE])
{
	const struct counters *counters = &board->counters;
	unsigned long long in = read_counter(&counters->datagrams_in);
	size_t len;

	text[0] = '\0';
	if (in == 0)
		return text;
	len = (size_t)snprintf(text, TALLY_TEXT_SIZE, "datagrams: %llu in, %llu out", in,
			       read_counter(&counters->datagrams_out));
	for (size_t i = 0; i < DROP_REASONS; i++) {
		unsigned long long n = read_counter(&counters->dropped[i]);

		if (n > 0) /* nine reasons with twenty digits each fit */
			len += (size_t)snprintf(text + len, TALLY_TEXT_SIZE - len,
						", dropped %llu: %s", n, reasons[i]);
	}
	return text;
}
