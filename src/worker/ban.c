/* SPDX-License-Identifier: MIT */
/* ban - refuses sources that the master has banned from this service. */
#include "worker/ban.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/util.h"
#include "worker/report.h"
#include "worker/service.h"

/* When the ban ends that was last logged, by its place: a later end is a new ban. */
static _Atomic int64_t told[WORLD_BANS];

static int scan(const struct world *world, const char *name, const union addr *source,
		int64_t now_ms, struct ban *ret)
{
	uint32_t count = atomic_load_explicit(&world->bans, memory_order_relaxed);

	for (uint32_t i = 0; i < count && i < WORLD_BANS; i++) {
		*ret = world->ban[i];
		if (ret->until_ms > now_ms && addr_same_host(&ret->source, source) &&
		    strncmp(ret->service, name, sizeof(ret->service)) == 0)
			return (int)i;
	}
	return -1;
}

int ban_find(const struct world *world, const char *name, const union addr *source, int64_t now_ms,
	     struct ban *ret)
{
	uint32_t before, after;
	int found;

	/* A sequence lock: what was read between two equal, even generations is of one piece. */
	do {
		before = atomic_load_explicit(&world->ban_generation, memory_order_acquire);
		found = scan(world, name, source, now_ms, ret);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&world->ban_generation, memory_order_relaxed);
	} while (before != after || before % 2 != 0);
	return found;
}

static void tell(const union addr *peer, int64_t left_ms, bool is_for_ever)
{
	struct message message;

	report_prepare(&message, MESSAGE_LOG);
	message.priority = LOG_WARNING;
	message.peer = *peer;
	if (is_for_ever)
		(void)snprintf(message.text, sizeof(message.text),
			       "refused: crash penalty until cservd restarts"); /* both fit */
	else
		(void)snprintf(message.text, sizeof(message.text),
			       "refused: crash penalty for another %lld s",
			       (long long)(left_ms + 999) / 1000);
	report_push(&message);
}

bool ban_refuses(const union addr *peer)
{
	union addr source;
	struct ban ban;
	int64_t now;
	int at;

	if (atomic_load_explicit(&service.world->bans, memory_order_acquire) == 0)
		return false;
	source = addr_source(peer);
	now = util_now_ms();
	at = ban_find(service.world, service.settings->name, &source, now, &ban);
	if (at == -1)
		return false;
	if (atomic_exchange(&told[at], ban.until_ms) != ban.until_ms)
		tell(peer, ban.until_ms - now, ban.until_ms == INT64_MAX);
	return true;
}
