/* SPDX-License-Identifier: MIT */
/* watch - notices that this worker should be replaced. */
#include "worker/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/message.h"
#include "worker/datagram.h"
#include "worker/keeper.h"
#include "worker/report.h"
#include "worker/service.h"
#include "worker/thread.h"

/*
 * [bytes] that the worker takes for itself between watch_init() and serving: 8 MiB for the stack
 * of a warm-up thread, arenas of malloc, the ring of messages, buffers for datagrams.
 */
#define OWN_DATA (24 * 1024 * 1024)

static struct {
	int statm;	       /* -1: memory is not watched */
	uint64_t base;	       /* [bytes] before the plugin was there */
	uint32_t most_threads; /* alive at a time; libc keeps their stacks */
	uint64_t seen;	       /* what the counters came to at the last look */
	_Atomic bool asleep;   /* the keeper wants to hear of clients */
	bool has_asked;	       /* for a successor */
} watch = {.statm = -1, .asleep = true};

/* [bytes] of address space that can be written, as RLIMIT_DATA counts it; 0 if unknown. */
static uint64_t data_size(void)
{
	unsigned long long data;
	char text[128];
	ssize_t len = pread(watch.statm, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return 0;
	text[len] = '\0';
	/* size resident shared text lib data dt, in pages (proc(5)) */
	if (sscanf(text, "%*u %*u %*u %*u %*u %llu", &data) != 1)
		return 0;
	return (uint64_t)data * (uint64_t)sysconf(_SC_PAGESIZE);
}

void watch_init(void)
{
	if (service.settings->max_memory == SETTINGS_UNLIMITED)
		return;
	watch.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (watch.statm == -1)
		report_log(LOG_WARNING, "cannot open \"/proc/self/statm\": %m; max_memory has only "
					"its hard limit");
	else
		watch.base = data_size();
}

void watch_stir(void)
{
	if (atomic_load_explicit(&watch.asleep, memory_order_relaxed) &&
	    atomic_exchange(&watch.asleep, false))
		report_ring();
}

bool watch_is_stirred(void)
{
	return !atomic_load(&watch.asleep);
}

static bool has_too_much_memory(void)
{
	const struct settings *settings = service.settings;
	uint32_t threads = thread_count();

	if (watch.statm == -1)
		return false;
	if (threads > watch.most_threads)
		watch.most_threads = threads;
	return data_size() > watch.base + OWN_DATA + settings->max_memory +
				     watch.most_threads * settings->stack_size;
}

static bool has_hung(int64_t now_ms)
{
	uint64_t ms = service.settings->hang_ms;

	return ms != SETTINGS_UNLIMITED &&
	       (thread_is_hung(now_ms, (int64_t)ms) || datagram_is_hung(now_ms, (int64_t)ms));
}

static void ask(enum message_replace reason)
{
	struct message message;

	watch.has_asked = true;
	report_prepare(&message, MESSAGE_REPLACE);
	message.number = (int32_t)reason;
	report_push(&message);
}

/* What changes with whatever is done for a client. */
static bool has_clients(void)
{
	const struct counters *counters = &service.board->counters;
	uint64_t now = atomic_load(&counters->accepted) + atomic_load(&counters->datagrams_in);
	bool has_moved = now != watch.seen;

	watch.seen = now;
	return has_moved || atomic_load(&counters->open) > 0 || datagram_is_busy();
}

bool watch_look(int64_t now_ms)
{
	if (!watch.has_asked && has_too_much_memory())
		ask(REPLACE_MEMORY);
	if (!watch.has_asked && has_hung(now_ms))
		ask(REPLACE_HUNG);
	if (has_clients())
		return true;
	atomic_store(&watch.asleep, true);
	if (!has_clients())
		return false;
	atomic_store(&watch.asleep, false);
	return true;
}
