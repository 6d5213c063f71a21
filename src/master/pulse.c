/* SPDX-License-Identifier: MIT */
/* pulse - tells a worker that hangs from one that has nothing to do. */
#include "master/pulse.h"

#include "common/util.h"

/* What changes with whatever a worker does for a client. */
static uint64_t sum(const struct counters *counters)
{
	return atomic_load_explicit(&counters->accepted, memory_order_relaxed) +
	       atomic_load_explicit(&counters->refused, memory_order_relaxed) +
	       atomic_load_explicit(&counters->datagrams_in, memory_order_relaxed);
}

static bool has_work(struct child *child)
{
	const struct counters *counters = &child->board->counters;
	uint64_t now = sum(counters);
	bool has_moved = now != child->seen;

	child->seen = now;
	return has_moved || atomic_load_explicit(&counters->open, memory_order_relaxed) > 0;
}

enum pulse pulse_look(struct child *child, bool has_client, bool is_late)
{
	int64_t now = util_now_ms();

	if (child->pinged_ms != 0)
		child_hear(child);
	if (child->pinged_ms != 0 && is_late)
		child->pinged_ms = now;
	if (child->pinged_ms != 0 &&
	    (uint64_t)(now - child->pinged_ms) >= child->service->hang_timeout)
		return PULSE_SILENT;
	/* Asked again while it is silent: an answer may be lost in a full pipe. */
	if (!has_work(child) && !has_client && child->pinged_ms == 0)
		return PULSE_IDLE;
	child_ping(child);
	return PULSE_BUSY;
}
